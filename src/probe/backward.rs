//! The backward prediction: the gradient's second moment from the output to the first layer, pixel by pixel.
//!
//! A step back over a weight layer multiplies by fan_out·Var(w)·`E[φ′²]` (He et al. 2015, eq. 14), where a pixel counts only
//! the windows that it is in. Unlike the forward signal this goes through pooling: averages spread a gradient evenly, a
//! maximum hands it to one pixel.

use crate::config::resolve::Resolved;
use crate::model::{Family, Layer, Network};
use crate::probe::forward::{NORM, RESIDUAL, RowForecast, mean_over, top_level_places};
use crate::probe::layers::{WeightLaw, weight_law};
use crate::probe::map::Taps;
use crate::probe::response::{log_slope, slope_correlation};
use crate::probe::rows::Row;
use crate::theory::length::straight_leak;
use crate::theory::pair::{PairResponse, relative_covariance_of_slopes};

/// Prediction of the gradient at one row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BackForecast {
    /// `E[δz²]` over that of the outputs, and the variance of its logarithm.
    pub from_output: f64,
    pub variance: f64,
    /// `E[δz²]` over that of the next row, and the variance of its logarithm.
    pub step: f64,
    pub step_variance: f64,
}

/// Where the prediction starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outputs {
    /// Images.
    pub images: usize,
    /// Mean squared correlation of the outputs' gradients in pairs of one class, and of different classes.
    pub alike: [f64; 2],
}

/// Prediction of every row, or why it has none.
pub(super) fn forecast_back(
    network: &Network,
    config: &Resolved,
    rows: &[Row],
    forward: &[Result<RowForecast, String>],
    outputs: Outputs,
) -> Vec<Result<BackForecast, String>> {
    let places = top_level_places(network);
    let Some(last) = rows.last() else { return Vec::new() };
    let mut gradient = Gradient::at_outputs(outputs, forward);
    let start = match places[last.layer] {
        Some(_) if last.h.is_none() && last.z == last.layer => Ok(gradient.forecast()),
        _ => Err("the output layer is no plain weight layer".to_string()),
    };
    let mut forecasts = vec![start];
    for i in (0..rows.len() - 1).rev() {
        let next = forecasts[forecasts.len() - 1].clone().and_then(|before| {
            step_back(network, config, &places, (&rows[i], &rows[i + 1]), forward[i].as_ref().ok(), &mut gradient)?;
            let mut forecast = gradient.forecast();
            forecast.step = forecast.from_output / before.from_output;
            Ok(forecast)
        });
        forecasts.push(next);
    }
    forecasts.reverse();
    forecasts
}

/// From z of the second row to z of the first.
fn step_back(
    network: &Network,
    config: &Resolved,
    places: &[Option<&Layer>],
    (row, next): (&Row, &Row),
    forward: Option<&RowForecast>,
    gradient: &mut Gradient,
) -> Result<(), String> {
    let layer = places[next.layer].ok_or(RESIDUAL)?;
    if layer.op.family() == Family::Sum {
        return Err(RESIDUAL.into());
    }
    if next.z != next.layer || row.z != row.layer {
        return Err(NORM.into());
    }
    gradient.through_weights(layer, &weight_law(network, config, layer)?);
    let behind = row.h.unwrap_or(row.z) + 1;
    for place in places[behind..next.layer].iter().rev() {
        gradient.through(place.ok_or(RESIDUAL)?)?;
    }
    let units = places[row.layer].ok_or(RESIDUAL)?.output.units();
    gradient.through_activation(row, units, forward)
}

/// Second moments of every image's gradient at each pixel, over that of the outputs.
struct Gradient {
    maps: Vec<Vec<f64>>,
    /// Squared correlation of the gradients of each pair of images.
    alike: Vec<f64>,
    /// Variance of the logarithm by chance, and the sum of what uncertain lengths do to slopes.
    chance: f64,
    lengths: f64,
    last_step: f64,
}

impl Gradient {
    fn at_outputs(outputs: Outputs, forward: &[Result<RowForecast, String>]) -> Self {
        let first = forward.iter().flatten().next().map(|forecast| &forecast.correlations);
        let alike = first.map_or_else(Vec::new, |list| {
            (0..list.correlations.len()).map(|i| outputs.alike[usize::from(i >= list.same)]).collect()
        });
        Self { maps: vec![vec![1.0]; outputs.images], alike, chance: 0.0, lengths: 0.0, last_step: 0.0 }
    }

    fn forecast(&self) -> BackForecast {
        BackForecast {
            from_output: mean_over(&self.maps),
            variance: self.chance + self.lengths * self.lengths,
            step: 1.0,
            step_variance: self.last_step,
        }
    }

    fn through_weights(&mut self, layer: &Layer, law: &WeightLaw) {
        let taps = layer.op.windows().map(|shape| Taps { shape, centre_only: law.centre_only });
        for map in &mut self.maps {
            if let Some(taps) = &taps {
                *map = taps.scatter(map);
            }
            map.iter_mut().for_each(|g| *g *= law.variance_back);
        }
    }

    fn through(&mut self, layer: &Layer) -> Result<(), String> {
        let pixels = layer.input.pixels();
        let taps = layer.op.windows().map(|shape| Taps { shape, centre_only: false });
        for map in &mut self.maps {
            match (layer.op.family(), &taps) {
                (Family::Maximum, Some(taps)) => *map = taps.scatter(map),
                (Family::Mean, Some(taps)) => {
                    let share = 1.0 / (taps.shape.kernel[0] * taps.shape.kernel[1]) as f64;
                    *map = taps.scatter(map).into_iter().map(|g| g * share).collect();
                }
                (Family::Mean, None) => *map = vec![map[0] / (pixels * pixels) as f64; pixels],
                (Family::Reshape, _) => *map = vec![map[0]; pixels],
                (Family::Norm, _) => return Err(NORM.into()),
                (Family::Maximum, None) | (Family::Weights | Family::Activation | Family::Scalar | Family::Sum, _) => {
                    return Err(RESIDUAL.into());
                }
            }
        }
        Ok(())
    }

    fn through_activation(&mut self, row: &Row, units: usize, forward: Option<&RowForecast>) -> Result<(), String> {
        let n = units as f64;
        // Of a ReLU the slopes do not depend on the length, so no forward prediction is needed.
        let straight = straight_leak(row.activation).map(|(leak, _)| (1.0 + leak * leak) / 2.0);
        match (forward, straight) {
            (Some(forward), _) => {
                for (map, slopes) in self.maps.iter_mut().zip(&forward.slopes) {
                    map.iter_mut().zip(slopes).for_each(|(g, slope)| *g *= slope);
                }
            }
            (None, Some(slope)) => self.maps.iter_mut().flatten().for_each(|g| *g *= slope),
            (None, None) => return Err("the slopes of this activation need the length, which is not predicted".into()),
        }
        let q = forward.map_or(1.0, |forward| forward.z_second);
        // `E[φ′²φ′²δ²δ²]` over the squared mean: the gradient through fresh weights is normal, with 1 + 2ρ².
        let itself = relative_covariance_of_slopes(row.activation, q, &[1.0])[0];
        let single = 3.0 * (1.0 + itself) - 1.0;
        self.last_step = single / n;
        if let Some(forward) = forward {
            let list = &forward.correlations;
            let covariances = relative_covariance_of_slopes(row.activation, q, &list.correlations);
            let pairs =
                covariances.iter().zip(&self.alike).map(|(slope, alike)| (1.0 + slope) * (1.0 + 2.0 * alike) - 1.0);
            self.last_step = list.mean(single, pairs) / n;
            let response = PairResponse::new(row.activation);
            for (alike, &c) in self.alike.iter_mut().zip(&list.correlations) {
                *alike *= slope_correlation(&response, q, c).powi(2);
            }
            let moved = log_slope(q, |q| response.moments(q).slope_square.max(f64::MIN_POSITIVE).ln());
            self.lengths += moved.abs() * forward.z_walk.pooled.sqrt();
        }
        self.chance += self.last_step;
        Ok(())
    }
}

/// `E[φ′²]` of `row`, where it is known.
pub(super) fn slope_square(row: &Row, forward: Option<&RowForecast>) -> Option<f64> {
    let straight = straight_leak(row.activation).map(|(leak, _)| (1.0 + leak * leak) / 2.0);
    forward.map(|forward| forward.slope_square).or(straight)
}

/// `E[φ²]`/q of `row`, where it is known.
pub(super) fn kept(row: &Row, forward: Option<&RowForecast>) -> Option<f64> {
    let straight = straight_leak(row.activation).filter(|(_, shift)| *shift == 0.0);
    forward.map(|forward| forward.kept).or(straight.map(|(leak, _)| (1.0 + leak * leak) / 2.0))
}
