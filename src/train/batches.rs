//! The training batch of each step.

use crate::data::{Part, epoch_order};
use crate::model::draws::Draws;
use crate::train::prepare::Plan;
use crate::train::step::Batch;

/// The training batches of one run, and the step at which it stands.
pub struct Batches<'a> {
    plan: &'a Plan,
    step: u64,
    /// The epoch in progress and its order.
    order: (u64, Vec<u32>),
    labels: Vec<u8>,
}

impl<'a> Batches<'a> {
    /// Batches of `plan` from `step` on; none is ready yet.
    pub fn new(plan: &'a Plan, step: u64) -> Self {
        Self { plan, step, order: (u64::MAX, Vec::new()), labels: Vec::new() }
    }

    /// The step in progress: so many are done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The step in progress is done.
    pub fn advance(&mut self) {
        self.step += 1;
    }

    /// The epoch in progress, and the training images seen before its step.
    pub fn place(&self) -> (u64, u64) {
        let epoch = self.step / self.plan.steps_per_epoch();
        (epoch, epoch * self.plan.data.len(Part::Train) as u64 + self.plan.rows_of_epoch(self.step).start as u64)
    }

    /// Makes the batch of the step in progress ready.
    pub fn prepare(&mut self) {
        let Self { plan, step, order, labels } = self;
        let epoch = *step / plan.steps_per_epoch();
        if order.0 != epoch {
            *order = (epoch, epoch_order(plan.experiment.seed, epoch as usize, plan.data.len(Part::Train)));
        }
        let indices = &order.1[plan.rows_of_epoch(*step)];
        labels.resize(indices.len(), 0);
        plan.data.gather_labels(Part::Train, indices, labels);
    }

    /// The batch of the step in progress, once it is ready.
    pub fn batch(&self) -> Batch<'_> {
        let indices = &self.order.1[self.plan.rows_of_epoch(self.step)];
        let draws = Some(Draws { seed: self.plan.experiment.seed, step: self.step });
        Batch { data: &self.plan.data, part: Part::Train, indices, labels: &self.labels, draws }
    }
}
