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
    /// Smallest value; NaN if one is NaN, +∞ if there is none.
    pub min: f32,
    /// Largest value; NaN if one is NaN, −∞ if there is none.
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
        self.near_zero += other.near_zero;
        self.join_extremes(other.min, other.max);
    }

    /// Takes the extremes of further values, whose squares are already among the sum's. Kernels leave NaN out of the extremes, but no sum
    /// of squares loses it: squares do not cancel, so that the sum is NaN if and only if a value is.
    pub fn join_extremes(&mut self, min: f32, max: f32) {
        (self.min, self.max) =
            if self.has_nan() { (f32::NAN, f32::NAN) } else { (self.min.min(min), self.max.max(max)) };
    }

    /// Whether some value is NaN.
    pub fn has_nan(&self) -> bool {
        self.sum_of_squares.is_nan()
    }

    /// Mean; NaN of no values.
    pub fn mean(&self) -> f64 {
        self.sum / self.n as f64
    }

    /// Mean square; NaN of no values.
    pub fn second_moment(&self) -> f64 {
        self.sum_of_squares / self.n as f64
    }

    /// The variance, with N in the denominator.
    pub fn variance(&self) -> f64 {
        variance(self.mean(), self.second_moment())
    }

    /// The root of [`Sums::variance`].
    pub fn std(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Share of values near zero.
    pub fn near_zero_share(&self) -> f64 {
        self.near_zero as f64 / self.n as f64
    }

    /// Whether every value was finite: finite `f32` values cannot overflow an `f64` sum.
    pub fn is_finite(&self) -> bool {
        self.sum.is_finite()
    }
}

/// The variance behind mean and mean square. What rounding has taken below zero is 0; NaN stays NaN, which `max` would turn into 0
/// as well.
pub fn variance(mean: f64, second_moment: f64) -> f64 {
    let variance = second_moment - mean * mean;
    if variance < 0.0 { 0.0 } else { variance }
}

/// Adds a block of values to `sums`; values with |x| < `near_zero` are counted.
pub fn add_block(sums: &mut Sums, block: &[f32], near_zero: f32) {
    let known = super::observer::measure(block, near_zero).add_to(sums, block.len(), Some(block));
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
