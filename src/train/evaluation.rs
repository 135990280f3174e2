//! Evaluations on the test images.

use candle_core::Result;

use crate::cpu::loss::LossSums;
use crate::data::Part;
use crate::model::observe::{Observe, Observed};
use crate::record::rows::EpochRow;
use crate::train::engine::Engine;
use crate::train::prepare::Plan;
use crate::train::step::{Batch, EVALUATION_BATCH};

/// Evaluates every run of the engine on all test images.
///
/// # Errors
/// The device fails.
pub fn evaluate(engine: &mut dyn Engine, runs: usize, plan: &Plan, observe: &Observe) -> Result<Vec<Observed>> {
    let indices: Vec<u32> = (0..plan.data.len(Part::Test) as u32).collect();
    let mut totals = vec![Observed::default(); runs];
    let labels = plan.data.labels(Part::Test).chunks(EVALUATION_BATCH);
    for (indices, labels) in indices.chunks(EVALUATION_BATCH).zip(labels) {
        let batch = Batch { data: &plan.data, part: Part::Test, indices, labels, draws: None };
        let observed = engine.evaluate(&batch, observe)?;
        totals.iter_mut().zip(observed).for_each(|(total, observed)| total.merge(observed));
    }
    Ok(totals)
}

/// The row of an evaluation after `step` steps, with what was observed in training since the one before.
pub fn epoch_row(plan: &Plan, step: u64, trained: &LossSums, tested: &LossSums) -> EpochRow {
    let mean = |sums: &LossSums| (sums.loss / sums.rows as f64, sums.correct as f64 / sums.rows as f64);
    let ((train_loss, train_accuracy), (test_loss, test_accuracy)) = (mean(trained), mean(tested));
    let epoch = step as f64 / plan.steps_per_epoch() as f64;
    EpochRow { epoch, step, train_loss, train_accuracy, test_loss, test_accuracy }
}
