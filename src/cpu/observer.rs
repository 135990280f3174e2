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

/// What is known of a block of values; in `f32` squares may have overflown, see [`BlockSums::is_ordinary`].
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

    /// Whether no square can have overflown, and those that underflow do not count beside the largest.
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
