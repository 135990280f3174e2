//! Student's t distribution, for means and predictions from few normal values.

use std::f64::consts::{FRAC_PI_2, PI};

/// P(|T| ≤ √ν·tan θ) for `freedom` = ν ≥ 1, as a finite sum (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4).
fn mass_within(theta: f64, freedom: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let odd = freedom % 2 == 1;
    // The terms are cosᵏθ times the product of (j−1)/j over k's predecessors of the same parity.
    let (mut term, mut sum) = if odd { (cos, if freedom == 1 { 0.0 } else { cos }) } else { (1.0, 1.0) };
    let mut k = if odd { 3 } else { 2 };
    while k + 1 < freedom {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
        k += 2;
    }
    if odd { 2.0 / PI * (theta + sin * sum) } else { sin * sum }
}

/// The t that |T| exceeds with probability 1 − `confidence`, for `freedom` ≥ 1 degrees of freedom.
///
/// # Panics
/// If `confidence` is not between 0 and 1, or `freedom` is 0.
pub fn two_sided_quantile(confidence: f64, freedom: usize) -> f64 {
    assert!(confidence > 0.0 && confidence < 1.0 && freedom > 0, "no quantile at {confidence} with {freedom}");
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if mass_within(middle, freedom) < confidence { low = middle } else { high = middle }
    }
    (freedom as f64).sqrt() * low.tan()
}

/// P(|T| > |t|) for `freedom` ≥ 1 degrees of freedom; 0 for an infinite t.
///
/// # Panics
/// If `freedom` is 0.
pub fn two_sided_p(t: f64, freedom: usize) -> f64 {
    assert!(freedom > 0, "a t distribution needs a degree of freedom");
    let theta = (t.abs() / (freedom as f64).sqrt()).atan();
    (1.0 - mass_within(theta, freedom)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_printed_tables() {
        let cases = [
            (0.95, 1, 12.706),
            (0.95, 2, 4.303),
            (0.95, 3, 3.182),
            (0.95, 4, 2.776),
            (0.99, 7, 3.499),
            (0.999, 8, 5.041),
            (0.999, 9, 4.781),
            (0.999, 120, 3.373),
            (0.999, 100_000, 3.291),
        ];
        for (confidence, freedom, t) in cases {
            let found = two_sided_quantile(confidence, freedom);
            assert!((found - t).abs() < 6e-4, "{confidence}, {freedom}: {found}, expected {t}");
        }
    }

    #[test]
    fn the_p_value_is_the_mass_outside() {
        for (confidence, freedom) in [(0.5, 1), (0.95, 4), (0.99, 7), (0.999, 30)] {
            let p = two_sided_p(-two_sided_quantile(confidence, freedom), freedom);
            assert!((p - (1.0 - confidence)).abs() < 1e-12, "{confidence}, {freedom}: {p}");
        }
        assert_eq!((two_sided_p(0.0, 4), two_sided_p(f64::INFINITY, 4)), (1.0, 0.0));
    }
}
