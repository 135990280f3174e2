//! Sums over a set of values, and the moments behind them.

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
