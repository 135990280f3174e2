//! What is looked at in a step, and the first layer whose numbers are not finite.

use crate::cpu::activation::ObserveSettings;
use crate::cpu::moments::Sums;
use crate::model::ObservedLayer;
use crate::model::observe::{Observe, Observed};
use crate::record::summary::Divergence;
use crate::train::prepare::Plan;

/// What to look at in step `step`.
pub fn observe(plan: &Plan, step: u64) -> Observe {
    let stats = &plan.experiment.stats;
    let due = |every: usize| every > 0 && step.is_multiple_of(every as u64);
    let histogram = due(stats.histogram_every);
    let [low, high] = stats.histogram_range.map(|x| x as f32);
    Observe {
        statistics: due(stats.every) || histogram,
        histogram_bins: if histogram { stats.histogram_bins } else { 0 },
        settings: ObserveSettings {
            near_zero: stats.near_zero as f32,
            gradient_near_zero: stats.gradient_near_zero as f32,
            histogram_range: (low, high),
        },
    }
}

/// The first layer whose numbers are not finite: forwards in execution order, then backwards from the loss.
pub fn bad_layer(observed: &[ObservedLayer], seen: &Observed, step: u64) -> Option<Divergence> {
    let bad = |sums: &Sums| !sums.is_finite();
    let layers = || observed.iter().zip(&seen.observations);
    let forward = layers().find(|(_, observation)| bad(&observation.pre_activation) || bad(&observation.activation));
    let found = forward.map(|(layer, _)| (layer, "pre-activation")).or_else(|| {
        let backward = layers().rev().find(|(_, observation)| bad(&observation.gradient));
        backward.map(|(layer, _)| (layer, "gradient"))
    });
    found.map(|(layer, what)| Divergence { step, layer: Some(layer.name.clone()), what: what.into() })
}

pub fn layer_of(param: &str) -> String {
    param.split('.').next().unwrap_or(param).into()
}
