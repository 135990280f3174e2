//! Sums over a set of values, and the moments behind them.

/// Number of higher powers whose sums are taken where they are asked for.
pub const HIGHER: usize = 2;

/// The higher powers of a value: x³ and x⁴. `gpu::reduce` has them of tensors.
#[inline(always)]
pub fn powers(x: f64) -> [f64; HIGHER] {
    let square = x * x;
    [square * x, square * square]
}

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
    /// Σx³ and Σx⁴, where they were taken.
    pub higher: [f64; HIGHER],
    /// Number of values in them: none or all.
    pub higher_n: u64,
}

/// Below this part of the mean square a variance is too small for a fourth moment behind sums in `f32`: the mean is then more than
/// thirty deviations.
const LEAST_SPREAD: f64 = 1e-3;

impl Default for Sums {
    fn default() -> Self {
        let (min, max) = (f32::INFINITY, f32::NEG_INFINITY);
        Self { n: 0, sum: 0.0, sum_of_squares: 0.0, min, max, near_zero: 0, higher: [0.0; HIGHER], higher_n: 0 }
    }
}

impl Sums {
    /// Adds the sums of another, disjoint set.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
        self.near_zero += other.near_zero;
        (0..HIGHER).for_each(|i| self.higher[i] += other.higher[i]);
        self.higher_n += other.higher_n;
        self.join_extremes(other.min, other.max);
    }

    /// Takes the extremes of further values, whose squares are already among the sum's. Kernels leave NaN out of the extremes, but no sum
    /// of squares loses it: squares do not cancel, so that the sum is NaN if and only if a value is.
    pub fn join_extremes(&mut self, min: f32, max: f32) {
        (self.min, self.max) =
            if self.has_nan() { (f32::NAN, f32::NAN) } else { (self.min.min(min), self.max.max(max)) };
    }

    /// True if some value is NaN.
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

    /// The fourth central moment over the square of the variance: 3 of a Gaussian, 1.8 of a uniform distribution, more with heavier tails.
    /// Absent where the higher sums were not taken.
    ///
    /// NaN where the mean is so many times the deviation that rounding would decide, and so where nothing varies.
    pub fn kurtosis(&self) -> Option<f64> {
        if self.n == 0 || self.higher_n != self.n {
            return None;
        }
        let n = self.n as f64;
        let (mean, second, [third, fourth]) = (self.mean(), self.second_moment(), self.higher.map(|sum| sum / n));
        let (square, variance) = (mean * mean, self.variance());
        if variance <= LEAST_SPREAD * second {
            return Some(f64::NAN);
        }
        let central = fourth - 4.0 * mean * third + 6.0 * square * second - 3.0 * square * square;
        Some(central / (variance * variance))
    }

    /// Share of values near zero.
    pub fn near_zero_share(&self) -> f64 {
        self.near_zero as f64 / self.n as f64
    }

    /// True if every value was finite: finite `f32` values cannot overflow an `f64` sum.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Sums {
        let sum = |power: i32| values.iter().map(|x| x.powi(power)).sum::<f64>();
        let (n, higher) = (values.len() as u64, [sum(3), sum(4)]);
        Sums { n, sum: sum(1), sum_of_squares: sum(2), higher, higher_n: n, ..Sums::default() }
    }

    #[test]
    fn the_kurtosis_does_not_depend_on_mean_and_size_and_is_nan_where_nothing_varies() {
        // Two values have the least that there is, 1; deviations −1, 0, 1 have (2/3)/(2/3)².
        let cases: [(&[f64], f64); 4] =
            [(&[0.0, 1.0], 1.0), (&[-1.0, 0.0, 1.0], 1.5), (&[1e-30, 2e-30, 3e-30], 1.5), (&[5.0, 6.0, 7.0], 1.5)];
        for (values, want) in cases {
            let found = of(values).kurtosis().unwrap();
            assert!((found - want).abs() < 1e-9, "{values:?}: {found}");
        }
        for values in [&[0.0][..], &[2.0, 2.0], &[100.0, 101.0], &[f64::NAN, 1.0], &[f64::INFINITY, 1.0]] {
            assert!(of(values).kurtosis().unwrap().is_nan(), "{values:?}");
        }
    }

    #[test]
    fn powers_are_exactly_those_of_powi() {
        for x in [0.0, -0.0, 1.0, -1.5, 0.1, -3.7e-30, 2.3e30, f64::from(f32::MAX), f64::INFINITY] {
            // Of a constant the compiler takes powers in its own way, which rounds differently.
            let x = std::hint::black_box(x);
            assert_eq!(powers(x).map(f64::to_bits), [x.powi(3), x.powi(4)].map(f64::to_bits), "{x}");
        }
    }

    #[test]
    fn the_kurtosis_is_absent_unless_all_values_are_in_its_sums() {
        let mut parts = of(&[5.0]);
        parts.merge(&of(&[6.0, 7.0]));
        assert_eq!(parts.kurtosis(), of(&[5.0, 6.0, 7.0]).kurtosis());
        parts.merge(&Sums { higher: [0.0; HIGHER], higher_n: 0, ..of(&[1.0]) });
        assert_eq!([parts.kurtosis(), Sums::default().kurtosis()], [None; 2]);
    }
}
