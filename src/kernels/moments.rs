//! Sums over a block of values while it is in the nearest cache.

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

/// Running sums side by side: always as many, so that the result does not depend on the vector width.
const LANES: usize = 8;

// In the loops below the rest of a block is added to the results, not to the local sums: an index known only at run time
// would keep those out of registers.

dispatch! {
    /// Σx and Σx² of every eighth value.
    fn lane_sums(block: &[f32], sum: &mut [f64; LANES], sum_of_squares: &mut [f64; LANES]) {
        let (mut s, mut q) = ([0f64; LANES], [0f64; LANES]);
        let (chunks, rest) = block.as_chunks::<LANES>();
        for chunk in chunks {
            for i in 0..LANES {
                let wide = f64::from(chunk[i]);
                s[i] += wide;
                q[i] += wide * wide;
            }
        }
        (*sum, *sum_of_squares) = (s, q);
        for (i, &x) in rest.iter().enumerate() {
            let wide = f64::from(x);
            sum[i] += wide;
            sum_of_squares[i] += wide * wide;
        }
    }
}

/// Values whose sums are taken in `f32` before they go into an `f64`: eight additions in each of 32 chains, which are then
/// folded.
const RUN: usize = 256;

dispatch! {
    /// The same in half the time, for values whose squares an `f32` holds.
    fn lane_sums_in_runs(block: &[f32], sum: &mut [f64; LANES], sum_of_squares: &mut [f64; LANES]) {
        let (mut s, mut q) = ([0f64; LANES], [0f64; LANES]);
        let (runs, rest) = block.as_chunks::<RUN>();
        for run in runs {
            let (mut x, mut y) = ([0f32; 4 * LANES], [0f32; 4 * LANES]);
            for chunk in run.as_chunks::<{ 4 * LANES }>().0 {
                for i in 0..4 * LANES {
                    let value = chunk[i];
                    x[i] += value;
                    y[i] += value * value;
                }
            }
            let fold = |v: &[f32; 4 * LANES], i: usize| (v[i] + v[i + LANES]) + (v[i + 2 * LANES] + v[i + 3 * LANES]);
            for i in 0..LANES {
                s[i] += f64::from(fold(&x, i));
                q[i] += f64::from(fold(&y, i));
            }
        }
        (*sum, *sum_of_squares) = (s, q);
        for (i, &x) in rest.iter().enumerate() {
            let wide = f64::from(x);
            sum[i % LANES] += wide;
            sum_of_squares[i % LANES] += wide * wide;
        }
    }
}

/// Blocks whose largest size lies in this range are summed in runs: no square overflows, and those that underflow do not
/// count beside the largest.
const ORDINARY: std::ops::Range<f32> = 1e-12..1e15;

dispatch! {
    /// Smallest and largest of every sixteenth value; NaN is neither.
    fn lane_extremes(block: &[f32], low: &mut [f32; 2 * LANES], high: &mut [f32; 2 * LANES]) {
        let (mut lo, mut hi) = ([f32::INFINITY; 2 * LANES], [f32::NEG_INFINITY; 2 * LANES]);
        let (chunks, rest) = block.as_chunks::<{ 2 * LANES }>();
        for chunk in chunks {
            for i in 0..2 * LANES {
                let x = chunk[i];
                lo[i] = if x < lo[i] { x } else { lo[i] };
                hi[i] = if x > hi[i] { x } else { hi[i] };
            }
        }
        (*low, *high) = (lo, hi);
        for (i, &x) in rest.iter().enumerate() {
            low[i] = if x < low[i] { x } else { low[i] };
            high[i] = if x > high[i] { x } else { high[i] };
        }
    }
}

dispatch! {
    /// Values with |x| < `limit`.
    fn count_below(block: &[f32], limit: f32) -> u32 {
        block.iter().map(|x| u32::from(x.abs() < limit)).sum()
    }
}

/// Adds a block of values to `sums`; values with |x| < `near_zero` are counted.
///
/// Three small loops over a block in the nearest cache take a third of the time of one that does everything: each alone
/// becomes plain vector code.
pub fn add_block(sums: &mut Sums, block: &[f32], near_zero: f32) {
    let (mut lo, mut hi) = ([0.0; 2 * LANES], [0.0; 2 * LANES]);
    lane_extremes(block, &mut lo, &mut hi);
    let (low, high) = (lo.into_iter().fold(f32::INFINITY, f32::min), hi.into_iter().fold(f32::NEG_INFINITY, f32::max));
    let (mut s, mut q) = ([0.0; LANES], [0.0; LANES]);
    if ORDINARY.contains(&high.max(-low)) {
        lane_sums_in_runs(block, &mut s, &mut q);
    } else {
        lane_sums(block, &mut s, &mut q);
    }
    sums.n += block.len() as u64;
    sums.sum += s.iter().sum::<f64>();
    sums.sum_of_squares += q.iter().sum::<f64>();
    sums.min = sums.min.min(low);
    sums.max = sums.max.max(high);
    sums.near_zero += u64::from(count_below(block, near_zero));
}

dispatch! {
    /// Marks in `live[j]` the columns of which some value lies strictly between `low` and `high`; the block holds whole
    /// rows of `live.len()` columns.
    pub fn mark_live(live: &mut [u32], block: &[f32], low: f32, high: f32) {
        // Most layers have no dead unit, and then the first rows of the batch settle it.
        if live.iter().all(|&flag| flag == 1) {
            return;
        }
        for row in block.chunks(live.len()) {
            for (flag, &z) in live.iter_mut().zip(row) {
                *flag |= u32::from((z > low) & (z < high));
            }
        }
    }
}

/// Adds a block to a histogram of `counts.len() − 2` equal bins over `[low, high)`; the first count takes what lies
/// below (and NaN), the last what lies above, so that an exploding layer does not look empty.
pub fn histogram(counts: &mut [u64], block: &[f32], low: f32, high: f32) {
    let bins = counts.len() - 2;
    let scale = bins as f32 / (high - low);
    for &x in block {
        let position = (x - low) * scale;
        // A float-to-integer cast saturates: NaN and everything below 0 become 0.
        let bin = if position >= 0.0 { (position as usize).min(bins) + 1 } else { 0 };
        counts[bin] += 1;
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
    }
}
