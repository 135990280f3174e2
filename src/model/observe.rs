//! What is looked for in a step, and what was seen.

use super::Network;
use crate::kernels::activation::{Watch, WatchSettings};
use crate::kernels::loss::LossSums;

/// What to observe in a step besides the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observe {
    /// Whether to take every layer's statistics.
    pub statistics: bool,
    /// Bins of the activations' histograms (without the two outer ones); 0 for none.
    pub histogram_bins: usize,
    /// Thresholds and ranges.
    pub settings: WatchSettings,
}

impl Default for Observe {
    fn default() -> Self {
        let settings = WatchSettings { near_zero: 0.05, gradient_near_zero: 1e-8, histogram_range: (-7.0, 7.0) };
        Self { statistics: false, histogram_bins: 0, settings }
    }
}

/// What a step or an evaluation gave.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Loss and right answers over the rows.
    pub loss: LossSums,
    /// One entry for each of [`Network::watched`] if statistics were taken.
    pub watches: Vec<Watch>,
}

impl Observed {
    /// Adds what was seen in other rows.
    pub fn merge(&mut self, part: &Self) {
        self.loss.merge(&part.loss);
        if self.watches.is_empty() {
            self.watches.clone_from(&part.watches);
        } else {
            self.merge_watches(&part.watches);
        }
    }

    /// Adds what was watched in other rows, where anything was.
    pub(super) fn merge_watches(&mut self, part: &[Watch]) {
        for (watch, part) in self.watches.iter_mut().zip(part) {
            watch.pre_activation.merge(&part.pre_activation);
            watch.activation.merge(&part.activation);
            watch.gradient.merge(&part.gradient);
            watch.live.merge(&part.live);
            watch.histogram.iter_mut().zip(&part.histogram).for_each(|(a, &b)| *a += b);
        }
    }
}

/// An empty watch for each layer that is watched, in the memory of the step before.
pub(super) fn reset(watches: &mut Vec<Watch>, network: &Network, observe: &Observe) {
    let bins = if observe.histogram_bins > 0 { observe.histogram_bins + 2 } else { 0 };
    watches.resize_with(network.watched.len(), Watch::default);
    for (watch, watched) in watches.iter_mut().zip(&network.watched) {
        let Watch { mut live, mut histogram, .. } = std::mem::take(watch);
        live.reset(watched.units);
        histogram.clear();
        histogram.resize(bins, 0);
        *watch = Watch { live, histogram, ..Watch::default() };
    }
}
