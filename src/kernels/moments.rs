//! Sums over a block of values while it is in the nearest cache.

use super::simd::{Kernel, Vector, vectorised_widely};

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
/// of `live.len()` columns.
pub fn mark_live(live: &mut [u32], block: &[f32], low: f32, high: f32) {
    vectorised_widely(MarkLive { live, block, low, high });
}

struct MarkLive<'a> {
    live: &'a mut [u32],
    block: &'a [f32],
    low: f32,
    high: f32,
}

impl Kernel for MarkLive<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        /// Most columns are settled by a few rows, and then nobody looks further.
        const ROWS: usize = 16;
        let cols = self.live.len();
        let (low, high) = (V::splat(self.low), V::splat(self.high));
        for (i, live) in self.live.chunks_mut(V::LANES).enumerate() {
            let lanes = V::first(live.len());
            let all = (1 << live.len()) - 1;
            let mut known = live.iter().enumerate().fold(0, |known, (lane, &flag)| known | flag << lane);
            for rows in self.block.chunks(ROWS * cols) {
                if known == all {
                    break;
                }
                let mut highest = low;
                for row in rows.chunks_exact(cols) {
                    // SAFETY: the row has as many values from there on as there are lanes.
                    let z = unsafe { V::load_first(row.as_ptr().add(i * V::LANES), lanes) };
                    highest = high.if_above(z, z, low).higher(highest);
                }
                known |= highest.lanes_above(low) & all;
            }
            live.iter_mut().enumerate().for_each(|(lane, flag)| *flag = known >> lane & 1);
        }
    }
}

/// Adds a block to a histogram of `counts.len() − 2` equal bins over `[low, high)`; the first count takes what lies
/// below (and NaN), the last what lies above, so that an exploding layer does not look empty.
pub fn histogram(counts: &mut [u64], block: &[f32], low: f32, high: f32) {
    const AT_ONCE: usize = 1024;
    let scale = (counts.len() - 2) as f32 / (high - low);
    let mut places = [0; AT_ONCE];
    // Half of a ReLU's values fall into one bin; counts in four copies need not wait for each other.
    const COPIES: usize = 4;
    const BINS: usize = 128;
    let mut copies = [[0u32; BINS]; COPIES];
    for part in block.chunks(AT_ONCE) {
        let places = &mut places[..part.len()];
        bins(part, low, scale, counts.len() - 2, places);
        if counts.len() > BINS {
            places.iter().for_each(|&place| counts[place as usize] += 1);
            continue;
        }
        for four in places.chunks(COPIES) {
            copies.iter_mut().zip(four).for_each(|(copy, &place)| copy[place as usize % BINS] += 1);
        }
    }
    for copy in &copies {
        counts.iter_mut().zip(copy).for_each(|(count, &part)| *count += u64::from(part));
    }
}

dispatch! {
    /// The place of each value among `bins` bins, from 1; 0 is for what lies below, `bins + 1` for what lies above.
    fn bins(values: &[f32], low: f32, scale: f32, bins: usize, places: &mut [u32]) {
        let bins = bins as f32;
        for (place, &x) in places.iter_mut().zip(values) {
            let position = (x - low) * scale;
            let bin = if position < bins { position } else { bins };
            let bin = if bin > 0.0 { bin } else { 0.0 };
            // SAFETY: 0 ≤ bin ≤ bins, also for NaN, and a network's histogram has far fewer bins than an i32 holds.
            let bin = unsafe { bin.to_int_unchecked::<i32>() } as u32;
            // NaN fails the comparison.
            *place = if position >= 0.0 { bin + 1 } else { 0 };
        }
    }
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
