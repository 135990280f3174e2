//! Sums, extremes and near-zero counts of a block of values, in vector registers.

use std::hint::black_box;
use std::ops::Range;

use super::moments::Sums;
use super::simd::{Kernel, LANES, Vector, vectorised_widely};

/// Values that are taken together; sums leave `f32` for `f64` after each run, so that with eight lanes sixteen additions are in
/// `f32`, and twelve with sixteen.
pub const RUN: usize = 512;

/// Additions in the first of the two levels of `f32` sums.
pub const CHAIN: usize = 8;

/// Statistics of the values that pass by, a lane each. If not `ON`, all of it compiles to nothing.
///
/// Sums have two levels in `f32`, chains of [`CHAIN`] vectors and a run's chains, before they go into `f64`.
#[derive(Clone, Copy)]
pub struct Observer<V: Vector, const ON: bool> {
    chain: [V; 2],
    run: [V; 2],
    low: V,
    high: V,
    near_zero: V::Count,
    limit: V,
    /// A one that the compiler does not know to be one, lest it turn products into additions again.
    one: V,
}

impl<V: Vector, const ON: bool> Observer<V, ON> {
    /// Counts values with |x| < `near_zero`.
    #[inline(always)]
    pub fn new(near_zero: f32) -> Self {
        // Nothing is below NaN, as no |x| is below a limit that is not positive.
        let near_zero = if near_zero > 0.0 { near_zero } else { f32::NAN };
        let zero = [V::splat(0.0); 2];
        let (low, high) = (V::splat(f32::INFINITY), V::splat(f32::NEG_INFINITY));
        Self {
            chain: zero,
            run: zero,
            low,
            high,
            near_zero: V::zero_counts(),
            limit: V::splat(near_zero),
            one: V::splat(black_box(1.0)),
        }
    }

    /// Sums and near-zero count.
    #[inline(always)]
    pub fn see(&mut self, x: V) {
        if ON {
            self.see_sums(x);
            self.near_zero = x.abs().count_below(self.limit, self.near_zero);
        }
    }

    /// The values of z and of h = max(z, 0) beside them, which is near zero where z is below the limit. The loop is
    /// bound by the units for additions and extremes, so one sum goes through those that multiply.
    #[inline(always)]
    pub fn see_rectified<const OF_H: bool>(&mut self, z: V, of_h: &mut Observer<V, OF_H>, h: V) {
        if ON {
            self.chain = [z.mul_add(self.one, self.chain[0]), z.mul_add(z, self.chain[1])];
            of_h.see_sums(h);
            [self.near_zero, of_h.near_zero] = z.count_within_and_below(self.limit, [self.near_zero, of_h.near_zero]);
        }
    }

    #[inline(always)]
    fn see_sums(&mut self, x: V) {
        self.chain = [self.chain[0].add(x), x.mul_add(x, self.chain[1])];
    }

    #[inline(always)]
    pub fn see_extremes(&mut self, x: V) {
        self.see_low(x);
        self.see_high(x);
    }

    #[inline(always)]
    pub fn see_high(&mut self, x: V) {
        if ON {
            self.high = x.higher(self.high);
        }
    }

    #[inline(always)]
    pub fn see_low(&mut self, x: V) {
        if ON {
            self.low = x.lower(self.low);
        }
    }

    #[inline(always)]
    pub fn end_chain(&mut self) {
        if ON {
            self.run = [self.run[0].add(self.chain[0]), self.run[1].add(self.chain[1])];
            self.chain = [V::splat(0.0); 2];
        }
    }

    #[inline(always)]
    pub fn end_run(&mut self, sums: &mut BlockSums) {
        if ON {
            self.run[0].add_to(&mut sums.sum);
            self.run[1].add_to(&mut sums.squares);
            self.run = [V::splat(0.0); 2];
        }
    }

    #[inline(always)]
    pub fn end(self, sums: &mut BlockSums) {
        if ON {
            // One zero for both, so that it does not depend on the number of lanes.
            sums.low = self.low.lowest().min(sums.low) + 0.0;
            sums.high = self.high.highest().max(sums.high) + 0.0;
            sums.near_zero += V::total(self.near_zero);
        }
    }
}

/// Sums and extremes of a block of values; in `f32` squares may have overflown, see [`BlockSums::is_ordinary`].
#[derive(Clone, Copy)]
pub struct BlockSums {
    sum: [f64; LANES],
    squares: [f64; LANES],
    /// Smallest value that is not NaN, else +∞.
    pub low: f32,
    /// Largest value that is not NaN, else −∞.
    pub high: f32,
    near_zero: u64,
}

impl BlockSums {
    pub fn empty() -> Self {
        Self { sum: [0.0; LANES], squares: [0.0; LANES], low: f32::INFINITY, high: f32::NEG_INFINITY, near_zero: 0 }
    }

    /// True if no square can have overflown, and those that underflow do not count beside the largest.
    fn is_ordinary(&self) -> bool {
        let largest = self.high.max(-self.low);
        largest == 0.0 || (1e-12..1e15).contains(&largest)
    }

    /// Adds what is known of a block of `len` values to `sums`. Returns false, and adds nothing, where its values are needed
    /// to sum them in `f64` and are not in `block`.
    #[must_use]
    pub fn add_to(&self, sums: &mut Sums, len: usize, block: Option<&[f32]>) -> bool {
        let wide = match block {
            _ if self.is_ordinary() => (self.sum, self.squares),
            Some(block) => wide_sums(block),
            None => return false,
        };
        sums.n += len as u64;
        sums.sum += total(wide.0);
        sums.sum_of_squares += total(wide.1);
        sums.near_zero += self.near_zero;
        sums.join_extremes(self.low, self.high);
        true
    }
}

/// The lanes' sum, halves first, so that few additions wait for each other.
fn total([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

dispatch! {
    /// Σx and Σx² of every eighth value, in `f64` throughout: for vanishing and exploding layers.
    fn wide_sums(block: &[f32]) -> ([f64; LANES], [f64; LANES]) {
        let (mut sum, mut squares) = ([0f64; LANES], [0f64; LANES]);
        let (chunks, rest) = block.as_chunks::<LANES>();
        let mut see = |chunk: &[f32; LANES]| {
            for i in 0..LANES {
                let wide = f64::from(chunk[i]);
                sum[i] += wide;
                squares[i] += wide * wide;
            }
        };
        chunks.iter().for_each(&mut see);
        let mut padded = [0.0; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        see(&padded);
        (sum, squares)
    }
}

/// Takes the sums of a block that stays as it is.
struct Measure<'a> {
    block: &'a [f32],
    near_zero: f32,
    sums: &'a mut BlockSums,
}

impl Kernel for Measure<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let whole = self.block.len() - self.block.len() % V::LANES;
        self.sweep::<V>(0..whole);
        self.sweep::<[f32; 1]>(whole..self.block.len());
    }
}

impl Measure<'_> {
    #[inline(always)]
    fn sweep<V: Vector>(&mut self, range: Range<usize>) {
        let mut observer = Observer::<V, true>::new(self.near_zero);
        for run in parts(range, RUN) {
            for chain in parts(run, CHAIN * V::LANES) {
                for i in chain.step_by(V::LANES) {
                    // SAFETY: i + LANES ≤ the block's length.
                    let x = unsafe { V::load(self.block.as_ptr().add(i)) };
                    observer.see(x);
                    observer.see_extremes(x);
                }
                observer.end_chain();
            }
            observer.end_run(self.sums);
        }
        observer.end(self.sums);
    }
}

/// The sums of a block; values with |x| < `near_zero` are counted.
pub fn measure(block: &[f32], near_zero: f32) -> BlockSums {
    let mut sums = BlockSums::empty();
    vectorised_widely(Measure { block, near_zero, sums: &mut sums });
    sums
}

/// `range` in parts of `len`; the last may be shorter.
#[inline(always)]
pub fn parts(range: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(len).map(move |start| start..(start + len).min(range.end))
}

/// Adds a block of values to `sums`; values with |x| < `near_zero` are counted.
pub fn add_block(sums: &mut Sums, block: &[f32], near_zero: f32) {
    let known = measure(block, near_zero).add_to(sums, block.len(), Some(block));
    debug_assert!(known, "the block is at hand");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_a_block_are_those_of_the_definition() {
        for n in [0, 1, 7, 8, 9, 1000] {
            let block: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
            let mut sums = Sums::default();
            add_block(&mut sums, &block, 0.5);
            let exact = |f: fn(f64) -> f64| block.iter().map(|&x| f(f64::from(x))).sum::<f64>();
            assert_eq!(sums.n, n as u64);
            // Ten additions in f32 at most before a value reaches an f64, each rounded by half a unit in the last place.
            let rounding = 10.0 * f64::from(f32::EPSILON) / 2.0;
            assert!((sums.sum - exact(|x| x)).abs() <= rounding * exact(f64::abs));
            assert!((sums.sum_of_squares - exact(|x| x * x)).abs() <= rounding * exact(|x| x * x));
            assert_eq!(sums.min, block.iter().copied().fold(f32::INFINITY, f32::min));
            assert_eq!(sums.max, block.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            assert_eq!(sums.near_zero, block.iter().filter(|x| x.abs() < 0.5).count() as u64);
        }
    }

    #[test]
    fn vanishing_and_exploding_values_keep_their_second_moment() {
        for size in [1e-37f32, 1e-25, 1e-13, 1.0, 1e14, 1e20, 1e37] {
            let mut sums = Sums::default();
            add_block(&mut sums, &[size; 1000], 0.1);
            let exact = 1000.0 * f64::from(size) * f64::from(size);
            assert!((sums.sum_of_squares / exact - 1.0).abs() < 1e-6, "{size}: {}", sums.sum_of_squares);
        }
    }

    #[test]
    fn extremes_are_nan_if_and_only_if_a_value_is() {
        const NAN: f32 = f32::NAN;
        const INF: f32 = f32::INFINITY;
        for (bad, want) in [
            (&[NAN][..], [NAN, NAN]),
            (&[-NAN], [NAN, NAN]),
            (&[1.0, NAN, -2.0], [NAN, NAN]),
            (&[INF, -INF], [-INF, INF]),
            (&[INF, 1.0], [1.0, INF]),
            (&[INF, NAN], [NAN, NAN]),
            (&[f32::MAX, -f32::MAX], [-f32::MAX, f32::MAX]),
        ] {
            // Alone, in the midst of others, and in shards that are added up in either order.
            let [mut alone, mut among, mut before, mut after] = [Sums::default(); 4];
            let good: Vec<f32> = (0..1000).map(|i| 1.0 + (i as f32).sin()).collect();
            add_block(&mut alone, bad, 0.1);
            add_block(&mut among, &[&good, bad, &good].concat(), 0.1);
            add_block(&mut before, &good, 0.1);
            after.merge(&alone);
            after.merge(&before);
            before.merge(&alone);
            let same = |a: f32, b: f32| a == b || a.is_nan() && b.is_nan();
            let least = good.iter().copied().fold(want[0], |a, b| if a.is_nan() { a } else { a.min(b) });
            assert!(same(alone.min, want[0]) && same(alone.max, want[1]), "{bad:?}: {alone:?}");
            for sums in [among, before, after] {
                assert!(same(sums.min, least) && same(sums.max, want[1]), "{bad:?} among others: {sums:?}");
                assert_eq!(sums.has_nan(), bad.iter().any(|x| x.is_nan()), "{bad:?}");
                assert!(!sums.has_nan() || sums.variance().is_nan(), "{bad:?} among others: {}", sums.variance());
            }
        }
    }

    #[test]
    fn one_bad_value_makes_the_sums_not_finite() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut sums = Sums::default();
            add_block(&mut sums, &[1.0, bad, 2.0], 0.1);
            assert!(!sums.is_finite());
        }
        let mut sums = Sums::default();
        add_block(&mut sums, &[f32::MAX; 1000], 0.1);
        assert!(sums.is_finite());
    }
}
