//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// Computes Φ(z), the probability that a standard normal number is at most z.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The standard normal density.
pub fn normal_pdf(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The z that |Z| exceeds with probability 1 − `confidence`.
///
/// # Panics
/// If `confidence` is not between 0 and 1.
pub fn two_sided_quantile(confidence: f64) -> f64 {
    assert!(confidence > 0.0 && confidence < 1.0, "no quantile at {confidence}");
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if libm::erfc(middle / SQRT_2) > 1.0 - confidence { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_printed_tables() {
        for (confidence, z) in [(0.5, 0.674_490), (0.95, 1.959_964), (0.99, 2.575_829), (0.999, 3.290_527)] {
            assert!((two_sided_quantile(confidence) - z).abs() < 1e-6, "{confidence}");
            assert!((normal_cdf(z) - 0.5 * (1.0 + confidence)).abs() < 1e-6, "{confidence}");
        }
    }
}
