//! The mean of paired differences with its interval and p-value, from few pairs.

use crate::inference::spread::{mean, sample_std};
use crate::inference::student::{two_sided_p, two_sided_quantile};

/// The mean of n paired differences, with interval and p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedMean {
    /// Number of pairs.
    pub pairs: usize,
    /// Mean difference.
    pub mean: f64,
    /// Limits of the interval.
    pub interval: [f64; 2],
    /// Two-sided p-value of a mean of 0.
    pub p_value: f64,
}

/// Student's interval of the mean of `differences` at `confidence`, and the test that goes with it. Exact for normal
/// differences at any n; a percentile bootstrap of five normal pairs covers 84 % where it claims 95 %.
///
/// `resolution_variance` is the variance that the measurement's grid gives a difference: times that are looked at every g
/// steps are off by up to g. The spread is never taken to be smaller, so that equal readings of a coarse clock are no
/// proof. Nothing for fewer than two pairs.
pub fn paired_mean(differences: &[f64], confidence: f64, resolution_variance: f64) -> Option<PairedMean> {
    let pairs = differences.len();
    if pairs < 2 {
        return None;
    }
    let (mean, variance) = (mean(differences), sample_std(differences).powi(2).max(resolution_variance));
    let error = (variance / pairs as f64).sqrt();
    let reach = two_sided_quantile(confidence, pairs - 1) * error;
    let p_value = if mean == 0.0 { 1.0 } else { two_sided_p(mean / error, pairs - 1) };
    Some(PairedMean { pairs, mean, interval: [mean - reach, mean + reach], p_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::reference::reference;

    #[test]
    fn intervals_and_p_values_are_those_of_scipy() {
        for case in reference("paired") {
            let found = paired_mean(&case.numbers("differences"), 0.95, 0.0).unwrap();
            let want = [case.number("mean"), case.number("low"), case.number("high"), case.number("p")];
            let found = [found.mean, found.interval[0], found.interval[1], found.p_value];
            for (found, want) in found.into_iter().zip(want) {
                assert!((found - want).abs() < 1e-9 * want.abs().max(1e-3), "{found} {want}");
            }
        }
    }

    #[test]
    fn equal_readings_of_a_coarse_clock_are_no_proof() {
        let exact = paired_mean(&[-0.1; 3], 0.95, 0.0).unwrap();
        assert!(exact.interval[1] < -0.09 && exact.p_value < 1e-12, "{exact:?}");
        let coarse = paired_mean(&[-0.1; 3], 0.95, 0.01).unwrap();
        assert!(coarse.interval[1] > 0.0 && coarse.p_value > 0.2, "{coarse:?}");
        let none = paired_mean(&[0.0; 5], 0.95, 0.0).unwrap();
        assert_eq!((none.interval, none.p_value), ([0.0; 2], 1.0));
        assert_eq!(paired_mean(&[1.0], 0.95, 0.0), None);
    }
}
