//! The percentile bootstrap of a mean (Efron 1979): no shape is assumed, but few values make it too narrow.

use crate::inference::spread::{mean, quantile, sorted};

/// Limits between which the middle `confidence` of the means of `resamples` samples lie, drawn from `values` with
/// replacement. `below(n)` draws an index below n. Nothing for fewer than two values.
pub fn percentile_interval(
    values: &[f64],
    confidence: f64,
    resamples: usize,
    mut below: impl FnMut(usize) -> usize,
) -> Option<[f64; 2]> {
    if values.len() < 2 {
        return None;
    }
    let mut resample = || (0..values.len()).map(|_| values[below(values.len())]).sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = (0..resamples).map(|_| resample()).collect();
    let means = sorted(&means);
    let tail = (1.0 - confidence) / 2.0;
    // Where all values are equal the sums' rounding must not make an interval.
    let constant = values.iter().all(|&value| value == values[0]);
    Some(if constant { [mean(values); 2] } else { [quantile(&means, tail), quantile(&means, 1.0 - tail)] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::reference::reference;

    /// A generator for tests alone (Knuth's MMIX): this module has no other to use.
    fn draws(mut state: u64) -> impl FnMut(usize) -> usize {
        move |n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as usize * n) >> 31
        }
    }

    #[test]
    fn the_interval_is_that_of_scipy_up_to_the_luck_of_the_draws() {
        for case in reference("bootstrap") {
            let values = case.numbers("values");
            let found = percentile_interval(&values, 0.95, 100_000, draws(1)).unwrap();
            let [low, high] = [case.number("low"), case.number("high")];
            let reach = high - low;
            assert!((found[0] - low).abs() < 0.01 * reach && (found[1] - high).abs() < 0.01 * reach, "{found:?}");
        }
    }

    #[test]
    fn equal_values_have_no_spread_and_one_value_has_no_interval() {
        assert_eq!(percentile_interval(&[0.1; 7], 0.95, 100, draws(2)), Some([mean(&[0.1; 7]); 2]));
        assert_eq!(percentile_interval(&[1.0], 0.95, 100, draws(3)), None);
    }
}
