//! The test of Kolmogorov and Smirnov: whether a sample comes from a continuous distribution that is known.

/// p-value of the largest distance between the distribution of `values`, in ascending order, and `cdf`: the limit law of Kolmogorov 1933
/// at Stephens' 1970 corrected distance, which is good to about 1e-3 from some ten values on. NaN for an empty sample.
pub fn kolmogorov_p(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let n = values.len() as f64;
    let distance = |(i, x): (usize, &f64)| {
        let share = cdf(*x);
        (share - i as f64 / n).abs().max(((i + 1) as f64 / n - share).abs())
    };
    let largest = values.iter().enumerate().map(distance).fold(0.0, f64::max);
    beyond((n.sqrt() + 0.12 + 0.11 / n.sqrt()) * largest)
}

/// P(K > `x`) of Kolmogorov's distribution: 2·Σ(−1)^{j−1}·e^{−2j²x²}, for small x in the form that converges there.
fn beyond(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x < 1.0 {
        if x < 0.1 {
            return 1.0;
        }
        let term = |j: u32| (-(f64::from(2 * j - 1) * PI / x).powi(2) / 8.0).exp();
        return 1.0 - (2.0 * PI).sqrt() / x * (1..=4).map(term).sum::<f64>();
    }
    let term = |j: i32| -(-1f64).powi(j) * (-2.0 * f64::from(j * j) * x * x).exp();
    2.0 * (1..=6).map(term).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform numbers by Knuth's linear congruence; streams are no business of this module.
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn the_limit_law_has_its_tabled_values() {
        for (x, p) in
            [(0.5, 0.963_945_2), (0.999_999, 0.269_999_7), (1.0, 0.269_999_7), (1.358_1, 0.05), (1.627_6, 0.01)]
        {
            assert!((beyond(x) - p).abs() < 2e-5, "{x}: {}", beyond(x));
        }
    }

    #[test]
    fn a_sample_of_the_law_passes_and_one_of_another_does_not() {
        let mut draws = 1;
        let mut values: Vec<f64> = (0..2000).map(|_| uniform(&mut draws)).collect();
        values.sort_by(f64::total_cmp);
        assert!(kolmogorov_p(&values, |x| x) > 0.01);
        assert!(kolmogorov_p(&values, |x| x * x) < 1e-9);
        assert!(kolmogorov_p(&[], |x| x).is_nan());
    }

    #[test]
    fn p_values_of_true_laws_are_spread_evenly() {
        let mut draws = 2;
        let mut p_values: Vec<f64> = (0..400)
            .map(|_| {
                let mut values: Vec<f64> = (0..50).map(|_| uniform(&mut draws)).collect();
                values.sort_by(f64::total_cmp);
                kolmogorov_p(&values, |x| x)
            })
            .collect();
        p_values.sort_by(f64::total_cmp);
        assert!(kolmogorov_p(&p_values, |p| p) > 0.01);
    }
}
