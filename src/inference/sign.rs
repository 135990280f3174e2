//! The exact sign test.

/// Two-sided p-value of as many differences above 0 as below (binomial; ties are left out). With five pairs it is never
/// below 1/16: it can support a verdict, not make one.
pub fn sign_test(differences: &[f64]) -> f64 {
    let above = differences.iter().filter(|&&d| d > 0.0).count();
    let below = differences.iter().filter(|&&d| d < 0.0).count();
    let n = above + below;
    // C(n, k)/2ⁿ, summed over the rarer outcomes.
    let mut term = 0.5f64.powi(n as i32);
    let mut tail = 0.0;
    for k in 0..=above.min(below) {
        tail += term;
        term *= (n - k) as f64 / (k + 1) as f64;
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_p_value_is_the_binomial_one() {
        let cases: [(&[f64], f64); 5] = [
            (&[1.0; 5], 0.0625),
            (&[-1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 2.0 * 7.0 / 64.0),
            (&[1.0, -1.0, 0.0], 1.0),
            (&[0.0; 4], 1.0),
            (&[], 1.0),
        ];
        for (differences, p) in cases {
            assert!((sign_test(differences) - p).abs() < 1e-15, "{differences:?}");
        }
    }
}
