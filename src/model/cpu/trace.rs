//! A step whose every layer is looked at, for checks and probes: one worker, samples in PyTorch's order.

use std::sync::Arc;

use super::{CpuModel, Shard, transpose_weights};
use crate::cpu::activation::Observation;
use crate::cpu::buffer::Buffer;
use crate::cpu::loss::LossSums;
use crate::model::Layer;
use crate::model::objective::{Loss, Targets, loss_and_gradient};
use crate::model::observe::{Observe, reset};
use crate::model::workspace::{Pass, reorder_samples};

impl CpuModel {
    /// One step with everything kept, for checks: samples in PyTorch's order, one shard. Returns the mean loss, the
    /// output of each top-level layer, and the gradient of the samples, all in PyTorch's order.
    pub fn trace(&mut self, samples: &[f32], targets: Targets<'_>, loss: Loss) -> (f64, Vec<Vec<f32>>, Vec<f32>) {
        let network = Arc::clone(&self.network);
        let rows = samples.len() / network.input.len();
        let classes = network.output().len();
        let mut sums = LossSums::default();
        let (_, input) = self.pass_over(samples, &Observe::default(), |outputs, gradient| {
            sums = loss_and_gradient(loss, outputs, classes, targets, 1.0 / rows as f32, gradient);
        });
        let outputs = network
            .layers
            .iter()
            .enumerate()
            .map(|(i, layer)| reorder_samples(layer.output, self.workers[0].layer_output(&network, i), true))
            .collect();
        self.finish_running(rows);
        (sums.loss / rows as f64, outputs, input)
    }

    /// A step of which every layer is looked at: samples in PyTorch's order, one shard; `output_gradient` writes the
    /// gradient of the outputs given the outputs, `see` gets every layer with its output, channels last, in execution
    /// order. Returns one observation for each of [`Network::observed`](crate::model::Network::observed) and the gradient of the samples, in PyTorch's order.
    pub fn inspect(
        &mut self,
        samples: &[f32],
        output_gradient: impl FnOnce(&[f32], &mut [f32]),
        mut see: impl FnMut(&Layer, &[f32]),
    ) -> (Vec<Observation>, Vec<f32>) {
        let observe = Observe { statistics: true, ..Observe::default() };
        let found = self.pass_over(samples, &observe, output_gradient);
        self.workers[0].visit(&self.network, &mut see);
        found
    }

    /// Forward and backward pass of one worker over the whole batch, to the gradient of the samples.
    fn pass_over(
        &mut self,
        samples: &[f32],
        observe: &Observe,
        output_gradient: impl FnOnce(&[f32], &mut [f32]),
    ) -> (Vec<Observation>, Vec<f32>) {
        let network = Arc::clone(&self.network);
        transpose_weights(&network, None, &self.params, &mut self.transposed);
        let rows = samples.len() / network.input.len();
        if self.shards.is_empty() {
            self.shards.push(Shard::default());
        }
        let (workspace, shard) = (&mut self.workers[0], &mut self.shards[0]);
        workspace.scratch.careful = true;
        let mut observations = Vec::new();
        if observe.statistics {
            reset(&mut observations, &network, observe);
        }
        workspace.input = Buffer::from(&*reorder_samples(network.input, samples, false));
        let mut pass = Pass {
            params: &self.params,
            transposed: &self.transposed,
            running: &self.running,
            training: true,
            rows,
            threads: 1,
            settings: observe.settings,
            observations: &mut observations,
        };
        workspace.forward(&network, &mut pass);
        shard.gradients.resize(network.parameters());
        let input = workspace.backward(&network, &mut pass, &mut shard.gradients, true, output_gradient);
        let input = reorder_samples(network.input, &input.expect("the gradient of the samples was asked for"), true);
        (observations, input)
    }
}
