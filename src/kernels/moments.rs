//! Sums over a block of values while it is in the nearest cache.

use super::buffer::Buffer;
use super::simd::{Kernel, Vector, WIDEST, vectorised_widely};

/// Count, sums and extremes of a set of values; sums in `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// Number of values.
    pub n: u64,
    /// Σx.
    pub sum: f64,
    /// Σx².
    pub sum_of_squares: f64,
    /// Smallest value; +∞ if there is none.
    pub min: f32,
    /// Largest value; −∞ if there is none.
    pub max: f32,
    /// Values with |x| below the near-zero threshold.
    pub near_zero: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { n: 0, sum: 0.0, sum_of_squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY, near_zero: 0 }
    }
}

impl Sums {
    /// Adds the sums of another, disjoint set.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.near_zero += other.near_zero;
    }

    /// Whether every value was finite: finite `f32` values cannot overflow an `f64` sum.
    pub fn is_finite(&self) -> bool {
        self.sum.is_finite()
    }
}

/// Adds a block of values to `sums`; values with |x| < `near_zero` are counted.
pub fn add_block(sums: &mut Sums, block: &[f32], near_zero: f32) {
    let known = super::watcher::measure(block, near_zero).add_to(sums, block.len(), Some(block));
    debug_assert!(known, "the block is at hand");
}

/// Marks in `live[j]` the columns of which some value lies strictly between `low` and `high`; the block holds whole rows
/// of `live.len()` columns. `scratch` is memory of any content.
pub fn mark_live(live: &mut [u32], block: &[f32], low: f32, high: f32, scratch: &mut Buffer) {
    scratch.resize(WIDEST * live.len());
    vectorised_widely(MarkLive { live, block, low, high, folded: scratch });
}

struct MarkLive<'a> {
    live: &'a mut [u32],
    block: &'a [f32],
    low: f32,
    high: f32,
    folded: &'a mut [f32],
}

impl Kernel for MarkLive<'_> {
    /// In most layers a few rows settle every column. The others are folded: of as many rows as are a whole number of vectors the
    /// largest values that count, and these are looked through by column.
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        const FIRST: usize = 16;
        let cols = self.live.len();
        let (first, rest) = self.block.split_at((FIRST * cols).min(self.block.len()));
        self.look_through::<V>(first);
        if rest.is_empty() || self.live.iter().all(|&flag| flag == 1) {
            return;
        }
        // As the lanes are a power of two, so is what they have in common with the columns.
        let shared = 1 << cols.trailing_zeros().min(V::LANES.trailing_zeros());
        let group = V::LANES / shared * cols;
        let (whole, last) = rest.split_at(rest.len() - rest.len() % group);
        if !whole.is_empty() {
            let folded = std::mem::take(&mut self.folded);
            let four = group - group % (4 * V::LANES);
            (0..four).step_by(4 * V::LANES).for_each(|from| self.fold::<V, 4>(whole, group, from, folded));
            (four..group).step_by(V::LANES).for_each(|from| self.fold::<V, 1>(whole, group, from, folded));
            self.look_through::<V>(&folded[..group]);
        }
        self.look_through::<V>(last);
    }
}

impl MarkLive<'_> {
    /// The largest values of every `group` that count, in the vectors from `from` on.
    #[inline(always)]
    fn fold<V: Vector, const N: usize>(&self, values: &[f32], group: usize, from: usize, to: &mut [f32]) {
        let mut highest = [V::splat(self.low); N];
        for values in values.chunks_exact(group) {
            for (i, highest) in highest.iter_mut().enumerate() {
                // SAFETY: the vectors lie within the group, a whole number of vectors.
                *highest = self.higher(unsafe { V::load(values.as_ptr().add(from + i * V::LANES)) }, *highest);
            }
        }
        for (highest, to) in highest.into_iter().zip(to[from..].chunks_exact_mut(V::LANES)) {
            // SAFETY: the chunk has as many values as a vector.
            unsafe { highest.store(to.as_mut_ptr()) };
        }
    }

    /// `z`, where it counts, and `highest`, lane by lane.
    #[inline(always)]
    fn higher<V: Vector>(&self, z: V, highest: V) -> V {
        V::splat(self.high).if_above(z, z, V::splat(self.low)).higher(highest)
    }

    /// Marks the columns of `rows`.
    #[inline(always)]
    fn look_through<V: Vector>(&mut self, rows: &[f32]) {
        let cols = self.live.len();
        for i in (0..cols).step_by(V::LANES) {
            let lanes = V::first(cols - i);
            let mut highest = V::splat(self.low);
            for row in (i..rows.len()).step_by(cols) {
                // SAFETY: the row has as many values from there on as there are lanes.
                highest = self.higher(unsafe { V::load_first(rows.as_ptr().add(row), lanes) }, highest);
            }
            let found = highest.lanes_above(V::splat(self.low));
            self.live[i..].iter_mut().take(V::LANES).enumerate().for_each(|(lane, flag)| *flag |= found >> lane & 1);
        }
    }
}

/// Adds a block to a histogram of `counts.len() − 2` equal bins over `[low, high)`; the first count takes what lies
/// below (and NaN), the last what lies above, so that an exploding layer does not look empty.
pub fn histogram(counts: &mut [u64], block: &[f32], low: f32, high: f32) {
    let bins = (counts.len() - 2) as f32;
    let scale = bins / (high - low);
    if counts.len() > BYTES {
        block.iter().for_each(|&x| counts[(bin_of([x], low, scale, bins)[0] as i32 + 1) as usize] += 1);
        return;
    }
    let mut copies = [[0u32; BYTES]; COPIES];
    vectorised_widely(Histogram { block, low, scale, bins, copies: &mut copies });
    for copy in &copies {
        counts.iter_mut().zip(copy).for_each(|(count, &part)| *count += u64::from(part));
    }
}

/// Numbers that a byte can be.
const BYTES: usize = 256;

/// Counts in several copies need not wait for each other.
const COPIES: usize = 8;

struct Histogram<'a> {
    block: &'a [f32],
    low: f32,
    scale: f32,
    bins: f32,
    copies: &'a mut [[u32; BYTES]; COPIES],
}

impl Kernel for Histogram<'_> {
    /// Zeros, half of a ReLU's values, are counted together where vectors can leave them out.
    #[inline(always)]
    fn run<V: Vector>(self) {
        const AT_ONCE: usize = 1024;
        let Self { block, low, scale, bins, copies } = self;
        let (mut kept, mut places) = ([0f32; AT_ONCE + WIDEST], [0u8; AT_ONCE + WIDEST]);
        let mut zeros = 0;
        for part in block.chunks(AT_ONCE) {
            let (vectors, rest) = part.split_at(part.len() - part.len() % V::LANES);
            let mut len = 0;
            for vector in vectors.chunks_exact(V::LANES) {
                // SAFETY: as many values are read as a vector has, and no more are kept than were read.
                len += unsafe { V::load(vector.as_ptr()).store_unequal(V::splat(0.0), kept.as_mut_ptr().add(len)) };
            }
            kept[len..len + rest.len()].copy_from_slice(rest);
            len += rest.len();
            zeros += part.len() - len;
            for i in (0..len).step_by(V::LANES) {
                // SAFETY: both arrays have room for a whole vector behind what is kept.
                unsafe {
                    let bin = bin_of(V::load(kept.as_ptr().add(i)), low, scale, bins);
                    bin.store_next_bytes(places.as_mut_ptr().add(i));
                }
            }
            let (eights, rest) = places[..len].as_chunks::<COPIES>();
            for eight in eights {
                copies.iter_mut().zip(eight).for_each(|(copy, &place)| copy[usize::from(place)] += 1);
            }
            rest.iter().for_each(|&place| copies[0][usize::from(place)] += 1);
        }
        let [zero] = bin_of([0.0], low, scale, bins);
        copies[0][(zero as i32 + 1) as usize] += zeros as u32;
    }
}

/// Where x lies among `bins` bins, from 0: −1 below them (and for NaN), `bins` above.
#[inline(always)]
fn bin_of<V: Vector>(x: V, low: f32, scale: f32, bins: f32) -> V {
    let position = x.sub(V::splat(low)).mul(V::splat(scale));
    // At least zero is above all that is negative.
    let inside = V::splat(-f32::from_bits(1));
    position.if_above(inside, position.lower(V::splat(bins)), V::splat(-1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::tests::with_every_width;

    /// Each column lies outside the bounds but in one row, which none of the others may hide; NaN and the bounds are outside.
    #[test]
    fn a_column_is_live_if_some_row_is_between_the_bounds() {
        let outside = [-1.0, 0.0, 2.0, f32::NAN, f32::INFINITY];
        let cases = [(16, 5), (17, 100), (64, 100), (81, 100), (1000, 8), (40, 24), (70, 7)];
        for ((rows, cols), high) in cases.into_iter().flat_map(|shape| [2.0, f32::INFINITY].map(|high| (shape, high))) {
            let mut block: Vec<f32> = (0..rows * cols).map(|i| outside[i % 5]).collect();
            if high > 2.0 {
                block.iter_mut().filter(|z| **z == 2.0).for_each(|z| *z = -2.0);
            }
            // Columns in turn have no such row, the last one, and any one.
            let row_of = |column: usize| [None, Some(rows - 1), Some(column * 31 % rows)][column % 3];
            (0..cols).filter_map(|j| row_of(j).map(|row| row * cols + j)).for_each(|i| block[i] = 1.0);
            let want: Vec<u32> = (0..cols).map(|j| u32::from(row_of(j).is_some())).collect();
            with_every_width(|| {
                let (mut live, mut scratch) = (vec![0; cols], Buffer::default());
                mark_live(&mut live, &block, 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}, below {high}");
                mark_live(&mut live, &vec![-1.0; rows * cols], 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}: what is live stays so");
            });
        }
    }

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

    #[test]
    fn outliers_and_nan_fall_into_the_outer_bins() {
        let mut counts = [0u64; 6];
        histogram(&mut counts, &[-3.0, -2.0, -0.1, 0.0, 1.99, 2.0, 1e30, f32::NAN, f32::NEG_INFINITY], -2.0, 2.0);
        assert_eq!(counts, [3, 1, 1, 1, 1, 2]);
        let block: Vec<f32> = (0..3001).map(|i| (i as f32 * 0.37).sin() * 2.5).collect();
        for bins in [1, 64, 500] {
            let mut counts = vec![0; bins + 2];
            histogram(&mut counts, &block, -2.0, 2.0);
            let scale = bins as f32 / 4.0;
            let within = |x: f32, bin: usize| ((x + 2.0) * scale).floor() == bin as f32;
            for bin in 0..bins {
                assert_eq!(
                    counts[bin + 1],
                    block.iter().filter(|&&x| within(x, bin)).count() as u64,
                    "bin {bin} of {bins}"
                );
            }
            assert_eq!(counts.iter().sum::<u64>(), 3001);
        }
    }
}
