//! What every training loop shares: the batch of a step, and an evaluation.

use candle_core::Result;

use crate::cpu::loss::LossSums;
use crate::data::{Part, epoch_order};
use crate::model::observe::{Observe, Observed};
use crate::record::rows::EpochRow;
use crate::train::engine::Engine;
use crate::train::prepare::Plan;
use crate::train::step::Batch;

/// Images that are evaluated at a time.
pub(super) const EVALUATION_BATCH: usize = 512;

/// The training batches of a run, by step.
pub struct Batches {
    /// The epoch in progress and its order.
    order: (u64, Vec<u32>),
    labels: Vec<u8>,
}

impl Batches {
    /// Nothing ready.
    pub fn new() -> Self {
        Self { order: (u64::MAX, Vec::new()), labels: Vec::new() }
    }

    /// Makes the batch of `step` ready.
    pub fn prepare(&mut self, plan: &Plan, step: u64) {
        let epoch = step / plan.steps_per_epoch();
        if self.order.0 != epoch {
            let n = plan.data.len(Part::Train);
            self.order = (epoch, epoch_order(plan.experiment.seed, epoch as usize, n));
        }
        let indices = &self.order.1[plan.rows_of_epoch(step)];
        self.labels.resize(indices.len(), 0);
        plan.data.gather_labels(Part::Train, indices, &mut self.labels);
    }

    /// The batch of `step`, once it is ready.
    pub fn batch<'a>(&'a self, plan: &'a Plan, step: u64) -> Batch<'a> {
        let indices = &self.order.1[plan.rows_of_epoch(step)];
        Batch { data: &plan.data, part: Part::Train, indices, labels: &self.labels }
    }
}

/// Evaluates every run of the engine on all test images.
///
/// # Errors
/// The device fails.
pub fn evaluate(engine: &mut dyn Engine, runs: usize, plan: &Plan, observe: &Observe) -> Result<Vec<Observed>> {
    let indices: Vec<u32> = (0..plan.data.len(Part::Test) as u32).collect();
    let mut totals = vec![Observed::default(); runs];
    let labels = plan.data.labels(Part::Test).chunks(EVALUATION_BATCH);
    for (indices, labels) in indices.chunks(EVALUATION_BATCH).zip(labels) {
        let batch = Batch { data: &plan.data, part: Part::Test, indices, labels };
        let seen = engine.evaluate(&batch, observe)?;
        totals.iter_mut().zip(seen).for_each(|(total, seen)| total.merge(seen));
    }
    Ok(totals)
}

/// The row of an evaluation after `step` steps, with what was seen in training since the one before.
pub fn epoch_row(plan: &Plan, step: u64, trained: &LossSums, tested: &LossSums) -> EpochRow {
    let mean = |sums: &LossSums| (sums.loss / sums.rows as f64, sums.correct as f64 / sums.rows as f64);
    let ((train_loss, train_accuracy), (test_loss, test_accuracy)) = (mean(trained), mean(tested));
    let epoch = step as f64 / plan.steps_per_epoch() as f64;
    EpochRow { epoch, step, train_loss, train_accuracy, test_loss, test_accuracy }
}
