//! The interval of a proportion.

use crate::inference::normal::two_sided_quantile;

/// Wilson's score interval (Wilson 1927) of the proportion that `found` of `of` stand for, at `confidence`; from 0 to 1 where nothing was
/// counted. It neither leaves 0 to 1 nor shrinks to a point where all or none were found.
pub fn wilson(found: usize, of: usize, confidence: f64) -> [f64; 2] {
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (of as f64, found as f64 / of as f64);
    let z2 = two_sided_quantile(confidence).powi(2);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = (z2 * (share * (1.0 - share) + z2 / (4.0 * n)) / n).sqrt() / (1.0 + z2 / n);
    // Rounding must not leave a rest at the ends.
    let [low, high] = [middle - reach, middle + reach];
    [if found == 0 { 0.0 } else { low.max(0.0) }, if found == of { 1.0 } else { high.min(1.0) }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::reference::reference;

    #[test]
    fn intervals_are_those_of_scipy() {
        for case in reference("proportion") {
            let [found, of] = ["found", "of"].map(|name| case.number(name) as usize);
            let interval = wilson(found, of, 0.95);
            for (end, want) in interval.into_iter().zip(["low", "high"].map(|name| case.number(name))) {
                assert!((end - want).abs() < 1e-9, "{found} of {of}: {interval:?}");
            }
        }
        assert_eq!(wilson(0, 0, 0.95), [0.0, 1.0]);
    }
}
