//! Randomised asymmetric initialisation (Lu et al. 2020, "Dying ReLU and initialization"): each unit's row of [W b] is normal but
//! for one entry, at a place drawn among the fan_in + 1, which is from Beta(2, 1). A unit whose inputs are not negative then leans
//! to the positive side and seldom dies.
//!
//! A weight and its bias are drawn apart, and both know the places: these come from a stream of the layer's own name. With the
//! bias rule of the same name they make the paper's matrix. Any other bias, or none, leaves about one row in fan_in + 1 without
//! its positive entry.

use crate::init::fans::FanMode;
use crate::init::gain::Gain;
use crate::init::scale::Scale;
use crate::rng::{below, rng, uniform};

/// The std of the normal entries times √fan_in: the root of σ²/2 + 4σ/(3√(2π)) + 1/2 = 1, which the paper gives as 0.6007.
///
/// A sum is βx + sz, with x the input that was chosen, s² = σ²·`E[x²]` and z ~ N(0,1). What a ReLU lets through has a mean square
/// of at most `E[β²x²]` + 2·`E[βx]`·s/√(2π) + s²/2; with `E[β]` = 2/3, `E[β²]` = 1/2 and `E[x]` ≤ √`E[x²]` that is the left side times
/// `E[x²]`. So it does not grow on average. It is a bound, and inputs differ, so that a wide layer loses about a quarter of it.
pub const STD: f64 = 0.600_747_309_148_307_7;

/// The normal entries' scale.
pub const SCALE: Scale = Scale::Fan { mode: FanMode::FanIn, gain: Gain::Given(STD) };

/// The place of the asymmetric entry in each row of the layer of `parameter`, and its value.
fn entries(seed: u64, parameter: &str, rows: usize, fan_in: usize) -> impl Iterator<Item = (usize, f64)> {
    let layer = parameter.rsplit_once('.').map_or(parameter, |(layer, _)| layer);
    let mut stream = rng(seed, &format!("init/{layer}/asymmetric"));
    (0..rows).map(move |_| {
        let place = below(&mut stream, fan_in as u32 + 1) as usize;
        // The distribution function of Beta(2, 1) is x².
        (place, uniform(&mut stream).sqrt())
    })
}

/// `values` (`[rows, fan_in]`) of the weight `name` with the entries that fall on it.
pub fn in_weight(seed: u64, name: &str, mut values: Vec<f64>, rows: usize) -> Vec<f64> {
    let fan_in = values.len() / rows;
    for (row, (place, value)) in values.chunks_mut(fan_in).zip(entries(seed, name, rows, fan_in)) {
        if let Some(entry) = row.get_mut(place) {
            *entry = value;
        }
    }
    values
}

/// `values` of the bias `name`, of a weight with `fan_in`, with the entries that fall on it.
pub fn in_bias(seed: u64, name: &str, mut values: Vec<f64>, fan_in: usize) -> Vec<f64> {
    let rows = values.len();
    for (bias, (place, value)) in values.iter_mut().zip(entries(seed, name, rows, fan_in)) {
        if place == fan_in {
            *bias = value;
        }
    }
    values
}

/// Std of a weight's entries around their mean, which is 2/3 of the chance to be chosen; `std` is that of the normal ones.
pub fn spread(std: f64, fan_in: f64) -> f64 {
    let chosen = 1.0 / (fan_in + 1.0);
    ((1.0 - chosen) * std * std + chosen / 2.0 - (chosen * 2.0 / 3.0).powi(2)).sqrt()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::activation::Activation;
    use crate::init::{BiasInit, WeightInit};
    use crate::rng::standard_normals;

    /// The rows of [W b].
    fn matrix(seed: u64, layer: &str, rows: usize, fan_in: usize) -> Vec<Vec<f64>> {
        let weight =
            WeightInit::Rai.sample_f64(seed, &format!("{layer}.weight"), &[rows, fan_in], Activation::Relu).unwrap();
        let bias = BiasInit::Rai.sample(seed, &format!("{layer}.bias"), rows, fan_in);
        weight.chunks(fan_in).zip(bias).map(|(row, bias)| [row, &[f64::from(bias)]].concat()).collect()
    }

    #[test]
    fn every_row_of_weight_and_bias_has_one_entry_from_the_beta_law() {
        let (rows, fan_in) = (6000, 4);
        let mut seen = vec![0; fan_in + 1];
        let (mut sum, mut squares) = (0.0, 0.0);
        let matrix = matrix(3, "conv1", rows, fan_in);
        for (row, (place, value)) in matrix.iter().zip(entries(3, "conv1.weight", rows, fan_in)) {
            assert!((row[place] - value).abs() < 1e-7 && (0.0..1.0).contains(&value), "{row:?}");
            seen[place] += 1;
            (sum, squares) = (sum + value, squares + value * value);
        }
        // Six standard errors: a place has 1200 ± 31 rows, β the variance 1/18, and β² the variance 1/12.
        assert!(seen.iter().all(|&n: &i32| (n - 1200).abs() < 186), "{seen:?}");
        let n = rows as f64;
        assert!(
            (sum / n - 2.0 / 3.0).abs() < 6.0 / (18.0 * n).sqrt()
                && (squares / n - 0.5).abs() < 6.0 / (12.0 * n).sqrt()
        );
        // All but one of the five are as often negative as not.
        let positive = matrix.iter().flatten().filter(|w| **w > 0.0).count() as f64 / (5.0 * n);
        assert!((positive - 0.6).abs() < 6.0 * (0.2 / (5.0 * n)).sqrt(), "{positive}");
        let others: f64 = matrix.iter().flatten().map(|w| w * w).sum::<f64>() - squares;
        assert!((others / (4.0 * n) - STD * STD / 4.0).abs() < 6.0 * STD * STD / 4.0 * (2.0 / (4.0 * n)).sqrt());
    }

    #[test]
    fn places_depend_on_the_layer_and_the_seed_alone() {
        let of = |seed, name| entries(seed, name, 50, 9).collect::<Vec<_>>();
        assert_eq!(of(0, "0.weight"), of(0, "0.bias"));
        assert!(of(0, "0.weight") != of(0, "2.weight") && of(0, "0.weight") != of(1, "0.weight"));
        assert_eq!(matrix(0, "0", 50, 9), matrix(0, "0", 50, 9));
    }

    #[test]
    fn the_normal_entries_have_the_std_that_bounds_the_mean_square() {
        assert!((0.5 + 4.0 * STD / (3.0 * (2.0 * PI).sqrt()) + STD * STD / 2.0 - 1.0).abs() < 1e-15);
        assert!((STD - 0.6007).abs() < 5e-5, "the paper's four digits");
    }

    /// Mean squares of what `depth` ReLU layers of this matrix let through, for inputs of N(0, 1).
    fn mean_squares(seed: u64, width: usize, depth: usize, layer: impl Fn(u64, &str) -> Vec<Vec<f64>>) -> Vec<f64> {
        let mut x = standard_normals(&mut rng(seed, "input"), width);
        let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>() / width as f64;
        let mut found = Vec::new();
        for i in 0..depth {
            let sums = layer(seed, &i.to_string()).into_iter();
            x = sums
                .map(|row| row.iter().zip(x.iter().chain([&1.0])).map(|(w, x)| w * x).sum::<f64>().max(0.0))
                .collect();
            found.push(squares(&x));
        }
        found
    }

    #[test]
    fn the_mean_square_never_grows_on_average_and_a_wide_layer_loses_about_a_quarter() {
        let width = 600;
        let runs: Vec<Vec<f64>> =
            (0..6).map(|seed| mean_squares(seed, width, 5, |seed, layer| matrix(seed, layer, width, width))).collect();
        let mean = |layer: usize| runs.iter().map(|run| run[layer]).sum::<f64>() / runs.len() as f64;
        for layer in 1..5 {
            let kept = mean(layer) / mean(layer - 1);
            assert!((0.65..0.9).contains(&kept), "layer {layer} keeps {kept}");
        }
    }

    #[test]
    fn narrow_deep_networks_die_less_often_than_with_symmetric_weights() {
        let (width, depth) = (4, 20);
        let symmetric = |seed: u64, layer: &str| {
            let he = WeightInit::from_name("kaiming_normal").unwrap().with_gain(2f64.sqrt()).unwrap();
            let weight = he.sample_f64(seed, &format!("{layer}.weight"), &[width, width], Activation::Relu).unwrap();
            weight.chunks(width).map(<[f64]>::to_vec).collect()
        };
        let dead = |layer: &dyn Fn(u64, &str) -> Vec<Vec<f64>>| {
            (0..400).filter(|&seed| *mean_squares(seed, width, depth, layer).last().unwrap() == 0.0).count()
        };
        let (he, rai) = (dead(&symmetric), dead(&|seed, layer| matrix(seed, layer, width, width)));
        assert!(he > 200 && rai < he / 2, "{he} and {rai} of 400");
    }

    #[test]
    fn the_spread_is_that_of_a_mixture() {
        assert!((spread(0.2, 9.0).powi(2) - (0.9 * 0.04 + 0.05 - 1.0 / 225.0)).abs() < 1e-15);
    }
}
