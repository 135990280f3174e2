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
    let size = observed.abs() - slack;
    if size <= 0.0 {
        return 1.0;
    }
    // A pick of all is a pick of each half; with the sums of one half sorted, those that reach far enough are counted, not looked at.
    let (first, second) = scores.split_at(scores.len() / 2);
    let (first, second) = (sums(first), sums(second));
    let (mut as_far, mut all) = (0, 0);
    for (of_first, sums) in first.iter().enumerate().take(picks + 1) {
        let Some(others) = second.get(picks - of_first) else { continue };
        all += sums.len() * others.len();
        for sum in sums {
            let below = others.partition_point(|other| sum + other <= -size);
            let above = others.len() - others.partition_point(|other| sum + other < size);
            as_far += below + above;
        }
    }
    as_far as f64 / all as f64
}

/// The sums of all ways to pick 0, 1, … of the scores, each in ascending order.
fn sums(scores: &[f64]) -> Vec<Vec<f64>> {
    let mut sums = vec![Vec::new(); scores.len() + 1];
    sums[0].push(0.0);
    for score in scores {
        for picks in (1..sums.len()).rev() {
            let with: Vec<f64> = sums[picks - 1].iter().map(|sum| sum + score).collect();
            sums[picks].extend(with);
        }
    }
    sums.iter_mut().for_each(|sums| sums.sort_by(f64::total_cmp));
    sums
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

    /// Of all ways to pick `picks` of the scores, one by one, how many have a sum (with `sum`) of at least this size; and how many there are.
    fn divisions(scores: &[f64], picks: usize, sum: f64, size: f64) -> [u32; 2] {
        match scores {
            _ if picks == 0 => [u32::from(sum.abs() >= size), 1],
            [first, rest @ ..] => {
                let [with, without] =
                    [divisions(rest, picks - 1, sum + first, size), divisions(rest, picks, sum, size)];
                [with[0] + without[0], with[1] + without[1]]
            }
            [] => [0; 2],
        }
    }

    #[test]
    fn halves_count_what_one_by_one_is_counted() {
        // Sizes, and into how many steps scores are rounded: the fewer, the more are equal.
        for (n, picks, steps) in [
            (2, 1, 9.0),
            (5, 2, 9.0),
            (9, 4, 2.0),
            (12, 11, 1e9),
            (16, 8, 3.0),
            (16, 8, 1e9),
            (19, 7, 40.0),
            (20, 10, 1e9),
        ] {
            for round in 0..5 {
                let score = |i: usize| ((1.7 * ((31 * round + i) as f64).powi(2)).sin() * steps).round() / steps;
                let scores: Vec<f64> = (0..n).map(score).collect();
                let observed: f64 = scores[..picks].iter().sum();
                let slack = 1e-9 * scores.iter().map(|score| score.abs()).sum::<f64>();
                let [as_far, all] = divisions(&scores, picks, 0.0, observed.abs() - slack);
                assert_eq!(share_as_far(&scores, picks), f64::from(as_far) / f64::from(all), "{scores:?}");
            }
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
