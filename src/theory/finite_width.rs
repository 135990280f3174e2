//! Finite width: how far the length of one network strays from the prediction for infinitely wide layers.
//!
//! The squared length of a layer of n units is a mean of n draws, so its logarithm walks: per layer its variance grows by
//! v/n and its mean falls by v/2n, with v = `E[φ⁴]`/`E[φ²]²` − 1 (5 for ReLU, 2 for a linear layer). For Kaiming's ReLU the
//! length is log-normal over many layers (Hanin & Nica 2018, theorem 1; Hanin & Rolnick 2018 for what it means in training).

use crate::activation::{Activation, normal_cdf, normal_pdf};
use crate::theory::length::LengthMap;
use crate::theory::moments::moments;

/// log(length/prediction) ~ N(`drift`, `variance`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormalBand {
    /// Mean of the logarithm.
    pub drift: f64,
    /// Variance of the logarithm.
    pub variance: f64,
}

impl LogNormalBand {
    /// A certain value.
    pub const CERTAIN: Self = Self { drift: 0.0, variance: 0.0 };

    /// After layers of the given `widths` (≥ 1) that keep every length in the mean: N(−v/2·Σ1/n, v·Σ1/n).
    ///
    /// `relative_variance` is v of the activation, see [`relative_variance`].
    pub fn of_kept_length(relative_variance: f64, widths: &[usize]) -> Self {
        let variance = relative_variance * inverse_widths(widths);
        Self { drift: -0.5 * variance, variance }
    }

    /// The factors on the prediction between which a share `confidence` in (0, 1) of networks lies.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let reach = normal_quantile(0.5 + 0.5 * confidence) * self.variance.sqrt();
        ((self.drift - reach).exp(), (self.drift + reach).exp())
    }
}

/// Σ1/n over layers of `widths` ≥ 1.
pub fn inverse_widths(widths: &[usize]) -> f64 {
    widths
        .iter()
        .map(|&n| {
            assert!(n > 0, "a layer has at least one unit");
            1.0 / n as f64
        })
        .sum()
}

/// v = `E[φ⁴]`/`E[φ²]²` − 1 under N(0,q): the variance of φ² relative to its squared mean; `None` where φ is dead.
pub fn relative_variance(phi: Activation, q: f64) -> Option<f64> {
    let m = moments(phi, q);
    (m.mean_square > 0.0).then(|| m.mean_fourth / (m.mean_square * m.mean_square) - 1.0).filter(|v| v.is_finite())
}

/// The predicted q and its band before the first layer and after each of the layers of `widths`, from a length `q0`
/// that is known; entry l belongs to the pre-activations that layer l feeds. Stops where q leaves the range of numbers.
///
/// To second order in the deviation: with x = log q the slope of the map is s = q·Q′/Q, its curvature ds/dx moves the
/// drift by half the variance, and biases thin the noise by the share of Q that the weights bring.
pub fn length_bands(map: &LengthMap, q0: f64, widths: &[usize]) -> Vec<(f64, LogNormalBand)> {
    let log_slope = |q: f64| q * map.slope(q) / map.next(q);
    let mut bands = vec![(q0, LogNormalBand::CERTAIN)];
    for &n in widths {
        let (q, band) = bands[bands.len() - 1];
        let next = map.next(q);
        let Some(v) = relative_variance(map.phi(), q).filter(|_| next.is_finite() && next > 0.0) else { break };
        const STEP: f64 = 1e-3;
        let slope = log_slope(q);
        let curvature = (log_slope(q * STEP.exp()) - log_slope(q * (-STEP).exp())) / (2.0 * STEP);
        let weights_share = 1.0 - map.variance_b() / next;
        let noise = v * inverse_widths(&[n]) * weights_share * weights_share;
        let drift = slope * band.drift + 0.5 * curvature * band.variance - 0.5 * noise;
        bands.push((next, LogNormalBand { drift, variance: slope * slope * band.variance + noise }));
    }
    bands
}

/// z with Φ(z) = `p` in (0, 1).
pub fn normal_quantile(p: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a quantile needs a probability between 0 and 1, found {p}");
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    // Newton on log Φ, which is concave: from the left it climbs to the root without overshooting.
    let mut z = -(-2.0 * p.ln()).sqrt();
    for _ in 0..60 {
        let (mass, density) = (normal_cdf(z), normal_pdf(z));
        let step = (p / mass).ln() * mass / density;
        z += step;
        if step.abs() < 1e-15 * z.abs() {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{rng, standard_normals};

    #[test]
    fn relu_walks_by_five_and_a_linear_layer_by_two() {
        assert!((relative_variance(Activation::Relu, 3.0).unwrap() - 5.0).abs() < 1e-12);
        assert!((relative_variance(Activation::Identity, 0.1).unwrap() - 2.0).abs() < 1e-12);
        let dead = Activation::GeneralRelu { leak: 0.0, shift: 0.0, max: Some(0.0) };
        assert_eq!(relative_variance(dead, 1.0), None);
    }

    #[test]
    fn quantiles_are_the_known_ones() {
        let known = [(0.5, 0.0), (0.975, 1.959963984540054), (0.9995, 3.2905267314919255), (1e-9, -5.997807015007687)];
        for (p, z) in known {
            assert!((normal_quantile(p) - z).abs() < 1e-9, "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn kept_lengths_get_the_same_band_layer_by_layer() {
        let map = LengthMap::new(Activation::Relu, 2.0, 0.0).unwrap();
        let bands = length_bands(&map, 0.7, &[100, 50, 400]);
        let whole = LogNormalBand::of_kept_length(5.0, &[100, 50, 400]);
        assert!((bands[3].1.variance - whole.variance).abs() < 1e-12 && (bands[3].1.drift - whole.drift).abs() < 1e-9);
        assert!((bands[3].0 - 0.7).abs() < 1e-12);
    }

    #[test]
    fn simulated_networks_stray_as_predicted() {
        // Given its input a layer's pre-activations are independent normals: no weight need be drawn.
        const WIDTH: usize = 100;
        const LAYERS: usize = 12;
        const NETS: usize = 2000;
        let cases = [
            (Activation::Relu, 2.0, 0.0),
            (Activation::ShiftedRelu { shift: 0.5 }, 2.0, 0.0),
            (Activation::Tanh, 1.5, 0.05),
        ];
        for (phi, variance_w, variance_b) in cases {
            let map = LengthMap::new(phi, variance_w, variance_b).unwrap();
            let q0 = map.fixed_points().points.first().map_or(1.0, |point| point.q);
            let mut draws = rng(1, &format!("finite width of {phi}"));
            let logs: Vec<f64> = (0..NETS)
                .map(|_| {
                    let end = (0..LAYERS).fold(q0, |q, _| {
                        let z = standard_normals(&mut draws, WIDTH);
                        let sum: f64 = z.iter().map(|z| phi.value(q.sqrt() * z).powi(2)).sum();
                        variance_w * sum / WIDTH as f64 + variance_b
                    });
                    (end / q0).ln()
                })
                .collect();
            let (predicted_q, band) = length_bands(&map, q0, &[WIDTH; LAYERS])[LAYERS];
            assert!((predicted_q - q0).abs() < 1e-9);
            let mean = logs.iter().sum::<f64>() / NETS as f64;
            let variance = logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / NETS as f64;
            // Four standard errors, and ten per cent of the variance for the terms beyond second order.
            let error = 4.0 * (band.variance / NETS as f64).sqrt();
            assert!((mean - band.drift).abs() < error + 0.05 * band.variance, "{phi}: {mean} against {band:?}");
            assert!(
                (variance / band.variance - 1.0).abs() < 4.0 * (2.0 / NETS as f64).sqrt() + 0.1,
                "{phi}: {variance}"
            );
        }
    }
}
