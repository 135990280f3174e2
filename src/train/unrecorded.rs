//! Training for its losses and accuracies alone, without a directory of records.

use crate::cpu::loss::LossSums;
use crate::model::observe::Observe;
use crate::record::checkpoint::Weights;
use crate::record::rows::EpochRow;
use crate::train::engine::Compute;
use crate::train::prepare::{Plan, TrainError};
use crate::train::step::RunStep;
use crate::train::steps::{Batches, epoch_row, evaluate};

/// Trains as planned on the CPU, to the end, and returns what `epochs.csv` would hold; `evaluated` sees each row as it
/// comes. If the run diverges the rows end before the last evaluation.
///
/// # Errors
/// None on the CPU but those of its libraries.
pub fn train_unrecorded(
    plan: &Plan,
    threads: usize,
    mut evaluated: impl FnMut(&EpochRow),
) -> Result<Vec<EpochRow>, TrainError> {
    let (rule, clip_norm) = (plan.experiment.optimizer.rule, plan.experiment.train.clip_norm);
    let mut engine = Compute::Cpu { threads }.engine(vec![plan.network.clone()], rule, plan.loss)?;
    engine.set_weights(0, &Weights { params: plan.initial_params().collect(), ..Weights::default() })?;
    let (total, every, observe) = (plan.total_steps(), plan.evaluate_every(), Observe::default());
    let mut batches = Batches::new();
    let mut sums = LossSums::default();
    let mut rows = Vec::new();
    for step in 0..total {
        batches.prepare(plan, step);
        let seen = engine.forward_backward(&mut std::iter::once(batches.batch(plan, step)), &observe)?[0].loss;
        if !seen.loss.is_finite() {
            break;
        }
        let updated = engine.update(&[RunStep { lr: plan.lr(step), moves: true }], clip_norm, false)?;
        if !updated[0].gradient_norm.is_finite() {
            break;
        }
        sums.merge(&seen);
        let done = step + 1;
        if done.is_multiple_of(every) || done == total {
            let row = epoch_row(plan, done, &sums, &evaluate(&mut *engine, 1, plan, &observe)?[0].loss);
            sums = LossSums::default();
            evaluated(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}
