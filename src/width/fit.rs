//! The exponent with which a size follows the width: a line through logarithms for each seed, and the mean over seeds.

use crate::inference::paired::paired_mean;
use crate::inference::spread::mean;
use crate::width::record::Growth;

/// Probability with which an interval holds the mean exponent.
pub const CONFIDENCE: f64 = 0.95;

/// Sizes that a line is drawn through, at least: two always lie on one.
pub const FEWEST: usize = 3;

/// The slope of log size against log width by least squares; none where fewer than [`FEWEST`] sizes are there and above 0.
pub fn exponent(widths: &[usize], sizes: &[Option<f64>]) -> Option<f64> {
    let there = widths.iter().zip(sizes).filter_map(|(&width, size)| {
        let size = size.filter(|&size| size > 0.0 && size.is_finite())?;
        Some(((width as f64).ln(), size.ln()))
    });
    let (xs, ys): (Vec<f64>, Vec<f64>) = there.unzip();
    if xs.len() < FEWEST {
        return None;
    }
    let (x_mean, y_mean) = (mean(&xs), mean(&ys));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in xs.iter().zip(&ys) {
        covariance += (x - x_mean) * (y - y_mean);
        variance += (x - x_mean) * (x - x_mean);
    }
    Some(covariance / variance)
}

/// Fits sizes by width and seed. Seeds share their batches over all widths, so that each gives an exponent of its own, and these are
/// independent.
pub fn growth(widths: &[usize], sizes: Vec<Vec<Option<f64>>>, theory: Option<f64>) -> Growth {
    let seeds = sizes.first().map_or(0, Vec::len);
    let of_seed = |seed: usize| sizes.iter().map(|by_seed| by_seed[seed]).collect::<Vec<_>>();
    let exponents: Vec<Option<f64>> = (0..seeds).map(|seed| exponent(widths, &of_seed(seed))).collect();
    let there: Vec<f64> = exponents.iter().flatten().copied().collect();
    Growth {
        mean: (!there.is_empty()).then(|| mean(&there)),
        interval: paired_mean(&there, CONFIDENCE, 0.0).map(|found| found.interval),
        sizes,
        exponents,
        theory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes c·width^exponent of each seed's c and exponent.
    fn sizes(widths: &[usize], seeds: &[(f64, f64)]) -> Vec<Vec<Option<f64>>> {
        let of = |width: usize| seeds.iter().map(|&(c, e)| Some(c * (width as f64).powf(e))).collect();
        widths.iter().map(|&width| of(width)).collect()
    }

    #[test]
    fn a_power_of_the_width_has_its_exponent_whatever_its_factor() {
        let widths = [64, 128, 512, 2048];
        for (factor, power) in [(1.0, 0.0), (3e-4, 1.0), (70.0, -0.5)] {
            let found = growth(&widths, sizes(&widths, &[(factor, power), (2.0 * factor, power)]), None);
            let (mean, [low, high]) = (found.mean.unwrap(), found.interval.unwrap());
            assert!((mean - power).abs() < 1e-12 && high - low < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn the_interval_is_students_over_the_seeds() {
        let widths = [16, 32, 64];
        let found = growth(&widths, sizes(&widths, &[(1.0, 0.4), (5.0, 0.5), (0.1, 0.6)]), Some(0.5));
        // 4.303 · 0.1/√3.
        let [low, high] = found.interval.unwrap();
        assert!((low - 0.2516).abs() < 1e-3 && (high - 0.7484).abs() < 1e-3, "{found:?}");
        let one = growth(&widths, sizes(&widths, &[(1.0, 0.4)]), None);
        assert!((one.mean.unwrap() - 0.4).abs() < 1e-12 && one.interval.is_none());
    }

    #[test]
    fn what_diverged_or_never_moved_is_in_no_line() {
        let widths = [16, 32, 64, 128];
        let mut some = sizes(&widths, &[(1.0, 1.0)]);
        some[3][0] = None;
        assert!((growth(&widths, some.clone(), None).mean.unwrap() - 1.0).abs() < 1e-12);
        some[2][0] = Some(0.0);
        let found = growth(&widths, some, None);
        assert_eq!((found.mean, found.exponents), (None, vec![None]));
    }
}
