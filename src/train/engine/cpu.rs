//! One network in training on the CPU's kernels.

use std::sync::Arc;

use candle_core::Result;

use crate::cpu::update;
use crate::model::Network;
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};
use crate::optim::{Optimizer, UpdateNorms};
use crate::record::checkpoint::Weights;
use crate::train::engine::Engine;
use crate::train::optimizer_state::CpuState;
use crate::train::step::{Batch, RunStep, Updated, clip_factor, split_params};

/// A network on the CPU's kernels.
pub struct CpuEngine {
    optimizer: Optimizer,
    loss: Loss,
    model: CpuModel,
    state: CpuState,
    updated: Updated,
    /// Gradient of half a batch, for the noise of batches that are not cut.
    half: Vec<f32>,
}

impl CpuEngine {
    /// An engine with all parameters zero.
    pub fn new(network: Arc<Network>, threads: usize, optimizer: Optimizer, loss: Loss) -> Self {
        let state = CpuState::new(&optimizer, network.parameters());
        let model = CpuModel::new(network, threads);
        Self { optimizer, loss, model, state, updated: Updated::default(), half: Vec::new() }
    }

    /// A pass over `batch` from whose halves the noise of the gradients is measured: where the batch is not cut into shards, the
    /// first half goes ahead of it.
    fn pass_by_halves(&mut self, batch: &Batch<'_>, observe: &Observe) {
        let (rows, half) = (batch.indices.len(), batch.indices.len() / 2);
        if half == 0 || self.model.is_cut(rows) {
            return self.pass(batch, observe);
        }
        self.pass(&batch.first(half), &Observe::default());
        self.half.clear();
        self.half.extend_from_slice(self.model.gradients_mut());
        self.pass(batch, observe);
        self.model.measure_halves(&self.half, half, rows);
    }

    fn pass(&mut self, batch: &Batch<'_>, observe: &Observe) {
        let targets = Targets::Labels(batch.labels);
        self.model.set_draws(batch.draws);
        self.model.forward_backward(batch.indices.len(), batch.fill(), targets, self.loss, observe);
    }
}

/// The batch of the one network that the kernels train.
fn only<'b>(batches: &mut dyn Iterator<Item = Batch<'b>>) -> Batch<'b> {
    batches.next().expect("there is a batch for every network")
}

impl Engine for CpuEngine {
    fn forward_backward<'b>(
        &mut self,
        batches: &mut dyn Iterator<Item = Batch<'b>>,
        observe: &Observe,
    ) -> Result<&[Observed]> {
        let batch = only(batches);
        if observe.noise {
            self.pass_by_halves(&batch, observe);
        } else {
            self.pass(&batch, observe);
        }
        Ok(self.observed())
    }

    fn observed(&self) -> &[Observed] {
        std::slice::from_ref(self.model.seen())
    }

    fn repeat<'b>(&mut self, batches: &mut dyn Iterator<Item = Batch<'b>>, observe: &Observe) -> Result<Vec<Observed>> {
        let batch = only(batches);
        let (targets, loss) = (Targets::Labels(batch.labels), self.loss);
        self.model.set_draws(batch.draws);
        Ok(vec![self.model.aside(|model| {
            model.forward_backward(batch.indices.len(), batch.fill(), targets, loss, observe);
        })])
    }

    fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<&[Observed]> {
        let targets = Targets::Labels(batch.labels);
        self.model.evaluate(batch.indices.len(), batch.fill(), targets, self.loss, observe);
        Ok(self.observed())
    }

    fn update(&mut self, steps: &[RunStep], clip_norm: Option<f64>, measure: bool) -> Result<&[Updated]> {
        let Self { optimizer, model, state, updated: Updated { gradient_norm, norms }, .. } = self;
        *gradient_norm = 0.0;
        norms.clear();
        if !steps[0].moves {
            return Ok(self.updated());
        }
        let of_param = |square: &f64| UpdateNorms { gradient: square.sqrt(), ..UpdateNorms::default() };
        norms.extend(model.gradient_squares().iter().map(of_param));
        *gradient_norm = norms.iter().map(|norms| norms.gradient * norms.gradient).sum::<f64>().sqrt();
        if gradient_norm.is_finite() {
            if let Some(factor) = clip_factor(clip_norm, *gradient_norm) {
                update::scale(model.gradients_mut(), factor as f32);
                norms.iter_mut().for_each(|norms| norms.gradient *= factor);
            }
            state.step(optimizer, model, steps[0].lr, measure, norms);
        }
        if !measure || !gradient_norm.is_finite() {
            norms.clear();
        }
        Ok(self.updated())
    }

    fn updated(&self) -> &[Updated] {
        std::slice::from_ref(&self.updated)
    }

    fn first_non_finite_gradient(&self, _run: usize) -> Result<Option<usize>> {
        Ok(self.model.gradient_squares().iter().position(|square| !square.is_finite()))
    }

    fn weights(&self, _run: usize) -> Result<Weights<'_>> {
        let network = self.model.network();
        Ok(Weights {
            params: split_params(network, self.model.flat_params()),
            slots: self.state.slots.iter().map(|slot| split_params(network, slot)).collect(),
            optimizer_steps: self.state.steps,
            running: self.model.running().to_vec(),
            batches_seen: self.model.batches_seen(),
        })
    }

    fn threads(&self) -> usize {
        self.model.threads()
    }

    fn set_weights(&mut self, _run: usize, weights: &Weights<'_>) -> Result<()> {
        let network = Arc::clone(self.model.network());
        for (i, values) in weights.params.iter().enumerate() {
            self.model.set_param(i, values);
        }
        for (slot, from) in self.state.slots.iter_mut().zip(&weights.slots) {
            for (param, values) in network.params.iter().zip(from) {
                slot[param.range()].copy_from_slice(&param.to_kernels(values));
            }
        }
        self.state.steps = weights.optimizer_steps;
        if !weights.running.is_empty() {
            self.model.set_running(&weights.running);
            self.model.set_batches_seen(weights.batches_seen);
        }
        Ok(())
    }
}
