//! The largest stable rate of each start: 2 over the largest eigenvalue of the loss's Hessian before the first step.

use crate::config::Experiment;
use crate::data::{Part, Prepared};
use crate::inference::spread::median;
use crate::probe::record::{Quantity, SharpnessRecord};
use crate::train::{Plan, TrainError};

/// Measures the starts of so many seeds on `images` training images each.
///
/// # Errors
/// The network or its start is impossible.
pub fn sharpness(
    experiment: &Experiment,
    data: &Prepared,
    (seeds, images): (usize, usize),
    threads: usize,
) -> Result<SharpnessRecord, TrainError> {
    let of = |i: u64| -> Result<f64, TrainError> {
        let seed = experiment.seed.wrapping_add(i);
        let plan = Plan::new(Experiment { seed, ..experiment.clone() }, data.clone())?;
        Ok(plan.sharpness(images, threads).measure().value)
    };
    let values = (0..seeds as u64).map(of).collect::<Result<Vec<f64>, _>>()?;
    let rule = experiment.optimizer.rule.rule();
    // The limit is c/rate − decay: of two rates both are known.
    let stable = |lr: f64, value: f64| {
        let (limit, twice) = (rule.sharpness_limit(lr)?, rule.sharpness_limit(2.0 * lr)?);
        let decay = limit - 2.0 * twice;
        Some((limit + decay) * lr / (value + decay)).filter(|rate| rate.is_finite() && *rate > 0.0)
    };
    let rates: Vec<f64> = values.iter().filter_map(|&value| stable(experiment.optimizer.lr, value)).collect();
    Ok(SharpnessRecord {
        images: images.min(data.len(Part::Train)),
        eigenvalue: Quantity::measured(values.into_iter().map(Some)),
        stable_rate: (!rates.is_empty()).then(|| median(&rates)),
        rate: experiment.optimizer.lr,
    })
}
