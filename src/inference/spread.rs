//! Location and spread of a sample.

/// The values in ascending order; NaN stands last, whatever its sign.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
    sorted
}

/// Quantile `p` (0 to 1) of values in ascending order, interpolated linearly between order statistics (Hyndman & Fan
/// 1996, type 7: R's and NumPy's default). NaN for an empty sample.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = p.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    let share = place - below as f64;
    // Without the test an infinite neighbour would make NaN of an exact order statistic.
    if share == 0.0 { sorted[below] } else { sorted[below] * (1.0 - share) + sorted[above] * share }
}

/// The median; NaN for an empty sample.
pub fn median(values: &[f64]) -> f64 {
    quantile(&sorted(values), 0.5)
}

/// The mean; NaN for an empty sample.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The geometric mean of values of at least 0; NaN for an empty sample.
pub fn geometric_mean(values: &[f64]) -> f64 {
    mean(&values.iter().map(|x| x.ln()).collect::<Vec<_>>()).exp()
}

/// Standard deviation with n − 1 in the denominator; NaN for fewer than two values.
pub fn sample_std(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        let values = sorted(&[4.0, 1.0, 3.0, 2.0]);
        for (p, want) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            assert!((quantile(&values, p) - want).abs() < 1e-12, "quantile {p}");
        }
        assert_eq!(median(&[f64::INFINITY, 1.0, 0.0]), 1.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn nan_of_either_sign_stands_last() {
        let values = sorted(&[f64::NAN, 1.0, -f64::NAN, f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(values[..3], [f64::NEG_INFINITY, 1.0, f64::INFINITY]);
        assert!(values[3..].iter().all(|x| x.is_nan()));
    }

    #[test]
    fn the_deviation_of_a_sample_has_n_minus_1_in_the_denominator() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert!((sample_std(&[1.0, 2.0, 6.0]) - 7f64.sqrt()).abs() < 1e-12);
        assert!(sample_std(&[1.0]).is_nan());
    }

    #[test]
    fn a_geometric_mean_is_that_of_the_logarithms() {
        assert!((geometric_mean(&[1.0, 2.0, 32.0]) - 4.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[0.0, 7.0]), 0.0);
        assert!(geometric_mean(&[]).is_nan());
    }
}
