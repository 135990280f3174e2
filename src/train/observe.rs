//! Observations of a step and of an evaluation: which ones a plan asks for.

use crate::cpu::activation::ObserveSettings;
use crate::model::observe::Observe;
use crate::train::prepare::Plan;

/// The kurtosis of the pre-activations is taken at one of so many steps, or at every recorded one if those are further apart: it
/// takes a walk of its own over them, which at every step would be more than a percent of a deep net's time.
const HIGHER_EVERY: usize = 16;

/// Says what to observe in step `step`.
pub fn of_step(plan: &Plan, step: u64) -> Observe {
    let stats = &plan.experiment.stats;
    let due = |every: usize| every > 0 && step.is_multiple_of(every as u64);
    let histogram = due(stats.histogram_every);
    let every = stats.every.max(1);
    let [low, high] = stats.histogram_range.map(|x| x as f32);
    Observe {
        statistics: due(stats.every) || histogram,
        histogram_bins: if histogram { stats.histogram_bins } else { 0 },
        noise: due(stats.noise_every),
        settings: ObserveSettings {
            near_zero: stats.near_zero as f32,
            gradient_near_zero: stats.gradient_near_zero as f32,
            histogram_range: (low, high),
            higher: due(every * HIGHER_EVERY.div_ceil(every)),
        },
    }
}

/// Says what to observe in an evaluation.
pub fn of_evaluation(plan: &Plan) -> Observe {
    Observe { histogram_bins: 0, noise: false, statistics: plan.experiment.stats.every > 0, ..of_step(plan, 0) }
}
