//! Observations of a step: which ones are asked for, and their results.

use crate::cpu::activation::{Observation, ObserveSettings};
use crate::cpu::loss::LossSums;
use crate::model::network::Network;

/// Observations to make in a step besides the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observe {
    /// True if every layer's statistics are taken.
    pub statistics: bool,
    /// Bins of the activations' histograms (without the two outer ones); 0 for none.
    pub histogram_bins: usize,
    /// True if the noise of the gradients is taken.
    pub noise: bool,
    /// Thresholds and ranges.
    pub settings: ObserveSettings,
}

impl Default for Observe {
    fn default() -> Self {
        let settings =
            ObserveSettings { near_zero: 0.05, gradient_near_zero: 1e-8, histogram_range: (-7.0, 7.0), higher: false };
        Self { statistics: false, histogram_bins: 0, noise: false, settings }
    }
}

/// Results of a step or an evaluation.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Loss and right answers over the rows.
    pub loss: LossSums,
    /// One entry for each of [`Network::observed`] if statistics were taken.
    pub observations: Vec<Observation>,
    /// Squares of the gradients of the batch's parts, if they were asked for and there are two parts.
    pub parts: GradientParts,
}

/// Squares of the gradients of a batch and of its parts, from which [`crate::inference::noise`] tells signal from noise.
#[derive(Clone, Debug, Default)]
pub struct GradientParts {
    /// Number of parts; 0 where nothing was measured.
    pub parts: usize,
    /// Of each parameter, Σ_s n_s|G_s|² over the parts, and B|G_B|² of the batch; G are means over images.
    pub squares: Vec<[f64; 2]>,
}

impl GradientParts {
    /// Forgets what was measured and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.parts = 0;
        self.squares.clear();
    }
}

impl Observed {
    /// Adds what was seen in other rows.
    pub fn merge(&mut self, part: &Self) {
        self.loss.merge(&part.loss);
        if self.observations.is_empty() {
            self.observations.clone_from(&part.observations);
        } else {
            self.merge_observations(&part.observations);
        }
    }

    /// Adds what was observed in other rows, where anything was.
    pub(super) fn merge_observations(&mut self, part: &[Observation]) {
        for (observation, part) in self.observations.iter_mut().zip(part) {
            observation.pre_activation.merge(&part.pre_activation);
            observation.activation.merge(&part.activation);
            observation.gradient.merge(&part.gradient);
            observation.live.merge(&part.live);
            observation.histogram.iter_mut().zip(&part.histogram).for_each(|(a, &b)| *a += b);
        }
    }
}

/// An empty observation for each layer that is observed, in the memory of the step before.
pub(super) fn reset(observations: &mut Vec<Observation>, network: &Network, observe: &Observe) {
    let bins = if observe.histogram_bins > 0 { observe.histogram_bins + 2 } else { 0 };
    observations.resize_with(network.observed.len(), Observation::default);
    for (observation, observed) in observations.iter_mut().zip(&network.observed) {
        let Observation { mut live, mut histogram, .. } = std::mem::take(observation);
        live.reset(observed.units);
        histogram.clear();
        histogram.resize(bins, 0);
        *observation = Observation { live, histogram, ..Observation::default() };
    }
}
