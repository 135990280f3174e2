//! A step whose every layer is looked at, for checks and probes: one worker, samples in PyTorch's order.

use std::sync::Arc;

use crate::cpu::activation::Observation;
use crate::cpu::buffer::Buffer;
use crate::cpu::loss::LossSums;
use crate::cpu::subnormal::Flushing;
use crate::model::cpu::model::CpuModel;
use crate::model::cpu::pass::Pass;
use crate::model::cpu::shard::Shard;
use crate::model::cpu::workspace::Workspace;
use crate::model::layer::Layer;
use crate::model::network::Network;
use crate::model::objective::{Loss, Targets, loss_and_gradient};
use crate::model::observe::{Observe, reset};

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
            .map(|(i, layer)| layer.output.channels_first(self.workers[0].layer_output(&network, i)))
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
        self.workers[0].visit(&self.network, &mut |layer, output, _| see(layer, output));
        found
    }

    /// Forward pass of one worker over the whole batch, as in training: samples channels last. `see` gets every
    /// layer with its output, channels last, in execution order. Running estimates do not change.
    pub fn look(&mut self, samples: &[f32], mut see: impl FnMut(&Layer, &[f32])) {
        let _flushing = Flushing::begin();
        let network = Arc::clone(&self.network);
        let (mut pass, workspace, _) = self.whole(&network, samples, &Observe::default(), &mut []);
        workspace.forward(&mut pass);
        self.workers[0].visit(&network, &mut |layer, output, _| see(layer, output));
    }

    /// Forward and backward pass of one worker over the whole batch, to the gradient of the samples.
    fn pass_over(
        &mut self,
        samples: &[f32],
        observe: &Observe,
        output_gradient: impl FnOnce(&[f32], &mut [f32]),
    ) -> (Vec<Observation>, Vec<f32>) {
        let _flushing = Flushing::begin();
        let network = Arc::clone(&self.network);
        let mut observations = Vec::new();
        if observe.statistics {
            reset(&mut observations, &network, observe);
        }
        let samples = network.input.channels_last(samples);
        let (mut pass, workspace, shard) = self.whole(&network, &samples, observe, &mut observations);
        workspace.forward(&mut pass);
        shard.gradients.resize(network.parameters());
        let input = workspace.backward(&mut pass, &mut shard.gradients, true, output_gradient);
        let input = network.input.channels_first(&input.expect("the gradient of the samples was asked for"));
        (observations, input)
    }

    /// A pass of one worker over the whole batch, channels last, with what it works in.
    fn whole<'a>(
        &'a mut self,
        network: &'a Network,
        samples: &[f32],
        observe: &Observe,
        observations: &'a mut [Observation],
    ) -> (Pass<'a>, &'a mut Workspace, &'a mut Shard) {
        self.transpose_weights();
        if self.shards.is_empty() {
            self.shards.push(Shard::default());
        }
        let (workspace, shard) = (&mut self.workers[0], &mut self.shards[0]);
        workspace.scratch.activation.careful = true;
        workspace.input = Buffer::from(samples);
        let pass = Pass {
            network,
            params: &self.params,
            transposed: &self.transposed,
            running: &self.running,
            training: true,
            draws: self.draws,
            first_row: 0,
            rows: samples.len() / network.input.len(),
            threads: 1,
            settings: observe.settings,
            observations,
        };
        (pass, workspace, shard)
    }
}
