//! How many pairs a paired test needs to see an effect, and how far the deviation that this rests on can be trusted.

use crate::inference::normal::normal_cdf;
use crate::inference::student::two_sided_quantile;

/// Points of an integral over the deviation's distribution; Simpson's rule.
const POINTS: usize = 1000;

/// Probability that Student's test of `pairs` normal differences, two-sided at `level`, sees a mean of `effect` deviations: the mass of the
/// noncentral t distribution beyond the test's limits.
pub fn power(effect: f64, pairs: usize, level: f64) -> f64 {
    let limit = two_sided_quantile(1.0 - level, pairs - 1);
    let shift = effect * (pairs as f64).sqrt();
    // Given the deviation found, as a share s of the true one, the test passes where |Z + shift| > limit·s.
    expected(pairs - 1, f64::INFINITY, |s| normal_cdf(shift - limit * s) + normal_cdf(-shift - limit * s))
}

/// The fewest pairs with which the test of [`power`] sees the effect with probability `wanted`; nothing where `most` are not enough.
pub fn pairs_for(effect: f64, level: f64, wanted: f64, most: usize) -> Option<usize> {
    let enough = |pairs: usize| power(effect, pairs, level) >= wanted;
    if !enough(most) {
        return None;
    }
    let (mut few, mut many) = (1, most);
    while many - few > 1 {
        let middle = few + (many - few) / 2;
        if enough(middle) { many = middle } else { few = middle }
    }
    Some(many)
}

/// Limits of the true deviation, as multiples of one that was found in `pairs` normal differences, at `confidence` (by the χ² distribution).
pub fn deviation_interval(pairs: usize, confidence: f64) -> [f64; 2] {
    let tail = 0.5 * (1.0 - confidence);
    [1.0 - tail, tail].map(|mass| 1.0 / deviation_quantile(pairs - 1, mass))
}

/// The share of the true deviation below which the one found in ν + 1 normal values lies with probability `mass`.
fn deviation_quantile(freedom: usize, mass: f64) -> f64 {
    let [mut low, mut high] = range(freedom);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected(freedom, middle, |_| 1.0) < mass { low = middle } else { high = middle }
    }
    low
}

/// Where nearly all of the mass of s lies, s² being χ²/ν: its deviation is about 1/√(2ν).
fn range(freedom: usize) -> [f64; 2] {
    let reach = 10.0 / (2.0 * freedom as f64).sqrt();
    [(1.0 - reach).max(0.0), 1.0 + reach]
}

/// The integral of `value(s)` over s below `end` with the density of s, s² being χ²/ν.
fn expected(freedom: usize, end: f64, value: impl Fn(f64) -> f64) -> f64 {
    let [low, high] = range(freedom);
    let (high, nu) = (high.min(end), freedom as f64);
    let constant = std::f64::consts::LN_2 + 0.5 * nu * (0.5 * nu).ln() - libm::lgamma(0.5 * nu);
    let density = |s: f64| (constant + (nu - 1.0) * s.max(f64::MIN_POSITIVE).ln() - 0.5 * nu * s * s).exp();
    let step = (high - low) / POINTS as f64;
    let weight = |i: usize| if i == 0 || i == POINTS { 1.0 } else { [2.0, 4.0][i % 2] };
    let at = |i: usize| low + step * i as f64;
    (0..=POINTS).map(|i| weight(i) * density(at(i)) * value(at(i))).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::reference::reference;

    #[test]
    fn powers_and_limits_of_a_deviation_are_those_of_scipy() {
        for case in reference("power") {
            let pairs = case.number("pairs") as usize;
            let found = power(case.number("effect"), pairs, case.number("level"));
            assert!((found - case.number("power")).abs() < 1e-6, "{pairs} pairs: {found}, {}", case.number("power"));
            for (end, want) in deviation_interval(pairs, 0.95).into_iter().zip(["low", "high"]) {
                let want = case.number(want);
                assert!((end - want).abs() < 1e-5 * want, "{pairs} pairs: {end}, {want}");
            }
        }
    }

    #[test]
    fn the_fewest_pairs_are_enough_and_one_fewer_are_not() {
        for (effect, level) in [(0.5, 0.05), (1.0, 0.01), (2.0, 0.01 / 6.0), (5.0, 0.01)] {
            let pairs = pairs_for(effect, level, 0.9, 10_000).unwrap();
            assert!(power(effect, pairs, level) >= 0.9, "{effect}: {pairs}");
            assert!(pairs == 2 || power(effect, pairs - 1, level) < 0.9, "{effect}: {pairs}");
        }
        assert_eq!(pairs_for(1e-3, 0.01, 0.8, 1000), None);
    }
}
