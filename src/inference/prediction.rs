//! Where one further draw falls, given a sample of the same distribution.

use serde::Serialize;

use crate::inference::spread::{mean, sample_std};
use crate::inference::student::two_sided_quantile;

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Between the k-th smallest and the k-th largest of n values: a further draw falls there with probability
    /// (n + 1 − 2k)/(n + 1) or more, whatever the distribution (Wilks 1941).
    OrderStatistics,
    /// mean ± t·s·√(1 + 1/n) with Student's t of n − 1 degrees of freedom: exact for normal values, an approximation
    /// for others.
    Student,
}

/// An interval for a further draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was found.
    pub method: Method,
}

/// The interval that holds a further draw with probability `confidence`, from values in ascending order: by order
/// statistics where there are enough of them, by Student's t otherwise. `None` for fewer than two values.
pub fn prediction(sorted: &[f64], confidence: f64) -> Option<Prediction> {
    let n = sorted.len();
    if n < 2 {
        return None;
    }
    // Half of what may fall outside, in ranks; the small addition keeps 0.001·2000/2 at 1.
    let rank = ((1.0 - confidence) / 2.0 * (n + 1) as f64 + 1e-9) as usize;
    if rank >= 1 {
        return Some(Prediction { low: sorted[rank - 1], high: sorted[n - rank], method: Method::OrderStatistics });
    }
    let reach = two_sided_quantile(confidence, n - 1) * sample_std(sorted) * (1.0 + 1.0 / n as f64).sqrt();
    let centre = mean(sorted);
    Some(Prediction { low: centre - reach, high: centre + reach, method: Method::Student })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_values_need_no_distribution() {
        let values: Vec<f64> = (1..=1999).map(f64::from).collect();
        let whole = prediction(&values, 0.999).unwrap();
        assert_eq!((whole.low, whole.high, whole.method), (1.0, 1999.0, Method::OrderStatistics));
        let inner = prediction(&values, 0.99).unwrap();
        assert_eq!((inner.low, inner.high), (10.0, 1990.0));
        assert_eq!(prediction(&values[1..], 0.999).unwrap().method, Method::Student);
        assert_eq!(prediction(&[1.0], 0.9), None);
    }
}
