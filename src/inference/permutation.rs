//! The permutation test of two samples (Fisher 1935): no shape is assumed, values need only be exchangeable if the groups are equal.

use libm::erfc;

use crate::inference::spread::mean;

/// Values up to which every division into two groups is looked at.
pub(super) const MOST_DIVIDED: usize = 20;

/// Two-sided p-value that both samples have the same distribution, by the distance of their means: the share of all divisions
/// of the values into groups of these sizes whose means lie as far apart.
///
/// Exact for up to 20 values. For more it is that of the normal distribution with the divisions' own variance, which the central
/// limit theorem makes right for many. 1 where there is nothing to compare.
pub fn permutation_test(a: &[f64], b: &[f64]) -> f64 {
    let all = [a, b].concat();
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let centre = mean(&all);
    let scores: Vec<f64> = all.iter().map(|x| x - centre).collect();
    if all.len() <= MOST_DIVIDED { share_as_far(&scores, a.len()) } else { normal_share(&scores, a.len()) }
}

/// The share of all ways to pick `picks` of the scores whose sum is at least as far from 0 as that of the first so many.
pub(super) fn share_as_far(scores: &[f64], picks: usize) -> f64 {
    let observed: f64 = scores[..picks].iter().sum();
    // Sums of equal scores in another order may be off in the last digits.
    let slack = 1e-9 * scores.iter().map(|score| score.abs()).sum::<f64>();
    let [as_far, all] = divisions(scores, picks, 0.0, observed.abs() - slack);
    as_far / all
}

/// Of all ways to pick `picks` of the scores, how many have a sum (with `sum`) of at least this size; and how many there are.
fn divisions(scores: &[f64], picks: usize, sum: f64, size: f64) -> [f64; 2] {
    match scores {
        _ if picks == 0 => [f64::from(sum.abs() >= size), 1.0],
        // The last pick without a call for each: it is most of the divisions.
        _ if picks == 1 => {
            [scores.iter().filter(|score| (sum + **score).abs() >= size).count() as f64, scores.len() as f64]
        }
        [first, rest @ ..] if picks <= scores.len() => {
            let [with, without] = [divisions(rest, picks - 1, sum + first, size), divisions(rest, picks, sum, size)];
            [with[0] + without[0], with[1] + without[1]]
        }
        _ => [0.0; 2],
    }
}

/// The sum of `picks` scores drawn without replacement has variance k(n − k)/n · s², with s² over n − 1.
fn normal_share(scores: &[f64], picks: usize) -> f64 {
    let (n, k) = (scores.len() as f64, picks as f64);
    let squares: f64 = scores.iter().map(|score| score * score).sum();
    let variance = k * (n - k) / n * squares / (n - 1.0);
    let observed: f64 = scores[..picks].iter().sum();
    if variance > 0.0 { erfc(observed.abs() / (2.0 * variance).sqrt()) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_divided_in_all_ways() {
        for (a, b, p) in [
            // Complete separation of n and n has 2 of C(2n, n) divisions.
            (&[1.0, 2.0, 3.0, 4.0, 5.0][..], &[6.0, 7.0, 8.0, 9.0, 10.0][..], 2.0 / 252.0),
            (&[6.0, 7.0, 8.0], &[1.0, 2.0, 3.0], 2.0 / 20.0),
            (&[1.0, 1.0, 1.0], &[1.0, 1.0, 1.0], 1.0),
            // One of one kind among six: three of the six divisions' halves hold it, all as far.
            (&[9.0, 1.0, 1.0], &[1.0, 1.0, 1.0], 1.0),
            (&[9.0, 9.0, 1.0], &[1.0, 1.0, 1.0], 8.0 / 20.0),
            (&[1.0], &[], 1.0),
        ] {
            let found = permutation_test(a, b);
            assert!((found - p).abs() < 1e-12, "{a:?} {b:?}: {found}, expected {p}");
            assert_eq!(found, permutation_test(b, a), "the same from either side");
        }
    }

    #[test]
    fn the_limit_of_many_values_goes_on_where_the_exact_test_ends() {
        let values = |n: i32, step: f64| (0..n).map(|i| f64::from(i) * step).collect::<Vec<f64>>();
        let (a, b) = (values(10, 1.0), values(10, 1.7));
        let exact = permutation_test(&a, &b);
        let all = [&a[..], &b].concat();
        let centred: Vec<f64> = all.iter().map(|x| x - mean(&all)).collect();
        let limit = normal_share(&centred, 10);
        assert!((exact - limit).abs() < 0.01, "{exact} {limit}");
        assert_eq!(permutation_test(&[1.0; 30], &[1.0; 30]), 1.0);
    }
}
