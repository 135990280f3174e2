//! How far the mean over a sample of images strays in one network of finite width.
//!
//! In a layer of n units a squared length is a mean of n draws, so its logarithm takes a random step from layer to layer
//! (see [`crate::theory::finite_width`]). Two images pass the same weights: their steps covary by as much as their units do,
//! and the mean over images strays with the mean covariance of two of them, which is less than one image's variance.

use crate::theory::finite_width::normal_quantile;

/// Share of networks that a band holds.
pub(super) const CONFIDENCE: f64 = 0.999;

/// Largest correction of log q by the expansion's second order that is believed.
const LARGEST_BIAS: f64 = 0.25;

/// Deviation of log q from the prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Walk {
    /// Log of the mean of q over networks, over the prediction.
    pub bias: f64,
    /// Variance of one image's log q.
    pub single: f64,
    /// Mean covariance of two images' log q: the variance of their mean.
    pub pooled: f64,
}

/// How a layer maps log q around the prediction: its slope and the slope's slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogMap {
    pub slope: f64,
    pub curvature: f64,
}

impl Walk {
    /// After a map of log q, and draws of relative variance `single` for one image, `pooled` for the mean over images.
    pub fn step(self, map: LogMap, single: f64, pooled: f64) -> Self {
        let LogMap { slope, curvature } = map;
        // With x the deviation, E[e^{y(x)}] to second order; for a straight map (slope 1) the mean stays what it was.
        let bias = slope * self.bias + 0.5 * self.single * (curvature + slope * slope - slope);
        let square = slope * slope;
        Self { bias, single: square * self.single + single, pooled: square * self.pooled + pooled }
    }

    /// Where the deviating part is the share `share` of a sum whose rest is certain.
    pub fn thinned(self, share: f64) -> Self {
        let square = share * share;
        let bias = (share * self.bias.exp_m1()).ln_1p();
        Self { bias, single: square * self.single, pooled: square * self.pooled }
    }

    /// The band around a predicted mean over images; none where the expansion has gone too far to say one.
    pub fn interval(self, predicted: f64) -> Option<(f64, f64)> {
        let middle = predicted * (self.bias - 0.5 * self.pooled).exp();
        let factor = (reach() * self.pooled.sqrt()).exp();
        self.is_small().then_some((middle / factor, middle * factor))
    }

    /// True if the second order of the expansion is a correction still. It is not where longer signals grow away from
    /// the prediction, as behind the exactly centred ReLU.
    pub fn is_small(self) -> bool {
        self.bias.abs() <= LARGEST_BIAS
    }
}

/// Standard deviations on each side of a band.
pub(super) fn reach() -> f64 {
    normal_quantile(0.5 + 0.5 * CONFIDENCE)
}

/// A band of `std` around a number.
pub(super) fn around(middle: f64, std: f64) -> (f64, f64) {
    (middle - reach() * std, middle + reach() * std)
}

/// The band of a standard deviation, from those of the second moment and the mean.
pub(super) fn of_std(second: (f64, f64), mean: (f64, f64)) -> (f64, f64) {
    let largest = mean.0.abs().max(mean.1.abs());
    let least = if mean.0 <= 0.0 && mean.1 >= 0.0 { 0.0 } else { mean.0.abs().min(mean.1.abs()) };
    let root = |second: f64, mean: f64| (second - mean * mean).max(0.0).sqrt();
    (root(second.0, largest), root(second.1, least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::theory::finite_width::length_bands;
    use crate::theory::length::LengthMap;

    #[test]
    fn of_one_image_it_is_the_band_of_the_theory() {
        let (phi, variance_w, variance_b) = (Activation::Tanh, 1.9, 0.05);
        let map = LengthMap::new(phi, variance_w, variance_b).unwrap();
        let widths = [50, 80, 40];
        let bands = length_bands(&map, 0.7, &widths);
        let (mut walk, mut q) = (Walk::default(), 0.7);
        for (layer, &n) in widths.iter().enumerate() {
            let squares = |q: f64| (map.next(q) - variance_b) / variance_w;
            let slope = |q: f64| q * (map.slope(q) / variance_w) / squares(q);
            let curvature = (slope(q * 1.001) - slope(q / 1.001)) / (2.0 * 1.001f64.ln());
            let noise = crate::theory::finite_width::relative_variance(phi, q).unwrap() / n as f64;
            let share = 1.0 - variance_b / map.next(q);
            walk = walk.step(LogMap { slope: slope(q), curvature }, noise, noise).thinned(share);
            q = map.next(q);
            let expected = bands[layer + 1].1;
            assert!((walk.single / expected.variance - 1.0).abs() < 0.02, "{walk:?} {expected:?}");
            let drift = walk.bias - 0.5 * walk.single;
            assert!((drift - expected.drift).abs() < 0.1 * expected.variance, "{drift} {expected:?}");
        }
    }

    #[test]
    fn a_certain_length_has_a_band_without_width() {
        assert_eq!(Walk::default().interval(2.0), Some((2.0, 2.0)));
        assert_eq!(Walk { bias: 1.0, single: 0.1, pooled: 0.1 }.interval(2.0), None);
        assert_eq!(of_std((4.0, 9.0), (0.0, 0.0)), (2.0, 3.0));
    }
}
