//! A network on the CPU in `f32`: the slice kernels, with the batch cut into shards that share the cores.

mod trace;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::by_param::for_each_param;
use super::objective::{Loss, Targets, loss_and_gradient};
use super::observe::{Observe, Observed, reset};
use super::workspace::{Pass, Workspace, reorder_samples};
use super::{Network, Op, Param, Shape};
use crate::activation::Activation;
use crate::cpu::activation::Observation;
use crate::cpu::buffer::Buffer;
use crate::cpu::loss::LossSums;
use crate::cpu::transpose::transpose;
use crate::cpu::update;

/// A part of the batch: its gradients and what was seen.
#[derive(Default)]
struct Shard {
    rows: Range<usize>,
    gradients: Buffer,
    loss: LossSums,
    observations: Vec<Observation>,
}

/// A network with its parameters and the buffers to train it.
pub struct CpuModel {
    network: Arc<Network>,
    params: Buffer,
    /// Each parameter transposed, if the forward pass reads it so.
    transposed: Vec<Buffer>,
    running: Vec<f32>,
    batches_seen: u64,
    workers: Vec<Workspace>,
    /// Those that the last batch had use for come first.
    shards: Vec<Shard>,
    used: usize,
    /// Σg² of each parameter.
    squares: Vec<f64>,
    /// What was seen of the last batch.
    seen: Observed,
    /// Observations that the last batch had no use for.
    unused: Vec<Observation>,
    pool: Option<rayon::ThreadPool>,
}

impl CpuModel {
    /// A model with all parameters zero and running variances one that uses `threads` cores, or one if the operating system
    /// refuses to start threads: results do not depend on it.
    pub fn new(network: Arc<Network>, threads: usize) -> Self {
        let pool = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok()).flatten();
        let threads = if pool.is_some() { threads } else { 1 };
        let running = network.initial_running();
        let params = Buffer::zeros(network.parameters());
        let workers = (0..threads).map(|_| Workspace::default()).collect();
        let transposed = vec![Buffer::default(); network.params.len()];
        Self {
            network,
            params,
            transposed,
            running,
            batches_seen: 0,
            workers,
            shards: Vec::new(),
            used: 0,
            squares: Vec::new(),
            seen: Observed::default(),
            unused: Vec::new(),
            pool,
        }
    }

    /// The plan.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Changes the activation of layer `name` (LSUV moves shifts this way).
    pub fn set_activation(&mut self, name: &str, activation: Activation) {
        let network = Arc::make_mut(&mut self.network);
        network.for_each_layer_mut(&mut |layer| {
            if layer.name == name {
                layer.activation = activation;
            }
        });
        network.observed.iter_mut().filter(|w| w.name == name).for_each(|w| w.activation = activation);
    }

    /// All parameters in the kernels' layout.
    pub fn flat_params(&self) -> &[f32] {
        &self.params
    }

    /// The same, to be changed in place.
    pub fn flat_params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// Parameter `index` in PyTorch's order.
    pub fn param(&self, index: usize) -> Cow<'_, [f32]> {
        let param = &self.network.params[index];
        param.reorder(&self.params[param.range()], true)
    }

    /// Sets parameter `index` from values in PyTorch's order.
    ///
    /// # Panics
    /// If the number of values differs.
    pub fn set_param(&mut self, index: usize, values: &[f32]) {
        let param = &self.network.params[index];
        assert_eq!(values.len(), param.len(), "values of {}", param.name);
        self.params[param.range()].copy_from_slice(&param.reorder(values, false));
    }

    /// Batch norm's running estimates, laid out as in [`Network::running`].
    pub fn running(&self) -> &[f32] {
        &self.running
    }

    /// Sets the running estimates.
    pub fn set_running(&mut self, values: &[f32]) {
        self.running.copy_from_slice(values);
    }

    /// Training steps that moved the running estimates.
    pub fn batches_seen(&self) -> u64 {
        self.batches_seen
    }

    /// Sets the number of training steps seen.
    pub fn set_batches_seen(&mut self, batches: u64) {
        self.batches_seen = batches;
    }

    /// Forward and backward pass over a batch: the mean loss's gradients end in [`CpuModel::gradients_mut`].
    ///
    /// `fill(rows, out)` writes the samples of these rows, channels last. Deterministic for any number of threads. What is returned
    /// stays until the next batch.
    pub fn forward_backward(
        &mut self,
        rows: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> &Observed {
        let scale = 1.0 / rows as f32;
        let classes = self.network.output().len();
        self.run(rows, true, observe, |network, workspace, shard, pass| {
            load(network, workspace, shard, &fill);
            workspace.forward(network, pass);
            let targets = targets.slice(shard.rows.clone());
            let mut sums = LossSums::default();
            shard.gradients.resize(network.parameters());
            workspace.backward(network, pass, &mut shard.gradients, false, |outputs, gradient| {
                sums = loss_and_gradient(loss, outputs, classes, targets, scale, gradient);
            });
            shard.loss = sums;
        });
        self.finish_running(rows);
        self.add_up_gradients();
        self.add_up_what_was_seen(observe)
    }

    /// What `look` sees of another pass, after which running estimates and [`CpuModel::seen`] are what they were.
    pub fn aside(&mut self, look: impl FnOnce(&mut Self)) -> Observed {
        let (running, batches) = (self.running.clone(), self.batches_seen);
        let before = std::mem::take(&mut self.seen);
        look(self);
        (self.running, self.batches_seen) = (running, batches);
        std::mem::replace(&mut self.seen, before)
    }

    /// What was seen of the last batch.
    pub fn seen(&self) -> &Observed {
        &self.seen
    }

    /// Forward pass without batch norm's training behaviour: loss, right answers and statistics.
    pub fn evaluate(
        &mut self,
        rows: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> &Observed {
        self.forward_only(rows, false, fill, targets, loss, observe)
    }

    /// Forward pass as in training (batch norm takes the batch's moments, running estimates stay).
    pub fn forward_training(
        &mut self,
        rows: usize,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> &Observed {
        self.forward_only(rows, true, fill, targets, loss, observe)
    }

    fn forward_only(
        &mut self,
        rows: usize,
        training: bool,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> &Observed {
        let classes = self.network.output().len();
        self.run(rows, training, observe, |network, workspace, shard, pass| {
            load(network, workspace, shard, &fill);
            workspace.forward(network, pass);
            let targets = targets.slice(shard.rows.clone());
            shard.loss = workspace.with_output(network, |outputs, scratch| {
                loss_and_gradient(loss, outputs, classes, targets, 1.0, scratch)
            });
        });
        self.add_up_what_was_seen(observe)
    }

    /// The gradients of the last step, laid out like the parameters.
    pub fn gradients_mut(&mut self) -> &mut [f32] {
        &mut self.shards.first_mut().expect("a step was taken").gradients
    }

    /// Calls `work` for every parameter, with its values, its gradient in the last step and its part of each of the optimiser's two
    /// `slots`, which are empty or laid out like the parameters, and its place in `results`. The threads share the parameters.
    pub fn update<T: Send>(
        &mut self,
        [one, two]: [&mut [f32]; 2],
        results: &mut [T],
        work: impl Fn(&Param, [&mut [f32]; 4], &mut T) + Sync,
    ) {
        let gradients = &mut *self.shards.first_mut().expect("a step was taken").gradients;
        for_each_param(&self.network, self.pool.as_ref(), [&mut *self.params, gradients, one, two], results, work);
    }

    /// Σg² of each parameter in the last step.
    pub fn gradient_squares(&self) -> &[f64] {
        &self.squares
    }

    /// Cuts the batch into shards of nearly equal size.
    fn cut(&mut self, rows: usize, observe: &Observe) {
        let count = self.network.shards(rows);
        self.used = count;
        self.shards.resize_with(count.max(self.shards.len()), Shard::default);
        for (i, shard) in self.shards[..count].iter_mut().enumerate() {
            shard.rows = i * rows / count..(i + 1) * rows / count;
            if observe.statistics {
                reset(&mut shard.observations, &self.network, observe);
            }
        }
    }

    /// Cuts the batch and calls `work` for every shard. Where an observation missed something, everything is done once more with care,
    /// and all later work with care from the start: a net whose values vanish or explode goes on doing so.
    fn run(
        &mut self,
        rows: usize,
        training: bool,
        observe: &Observe,
        work: impl Fn(&Network, &mut Workspace, &mut Shard, &mut Pass<'_>) + Sync,
    ) {
        transpose_weights(&self.network, self.pool.as_ref(), &self.params, &mut self.transposed);
        self.cut(rows, observe);
        self.run_shards(training, observe, &work);
        let missed = |missed, worker: &mut Workspace| std::mem::take(&mut worker.scratch.missed) | missed;
        if self.workers.iter_mut().fold(false, missed) {
            self.workers.iter_mut().for_each(|worker| worker.scratch.careful = true);
            self.cut(rows, observe);
            self.run_shards(training, observe, &work);
        }
    }

    /// Calls `work` for every shard, spread over the workers in a fixed manner.
    fn run_shards(
        &mut self,
        training: bool,
        observe: &Observe,
        work: &(impl Fn(&Network, &mut Workspace, &mut Shard, &mut Pass<'_>) + Sync),
    ) {
        let Self { network, params, transposed, running, workers, shards, used, pool, .. } = self;
        let shards = &mut shards[..*used];
        let whole = shards.len() == 1;
        let threads = workers.len();
        let one = |workspace: &mut Workspace, shard: &mut Shard| {
            let mut observations = std::mem::take(&mut shard.observations);
            let mut pass = Pass {
                params,
                transposed,
                running,
                training,
                rows: shard.rows.len(),
                threads: if whole { threads } else { 1 },
                settings: observe.settings,
                observations: if observe.statistics { &mut observations } else { &mut [] },
            };
            work(network, workspace, shard, &mut pass);
            shard.observations = observations;
        };
        match pool {
            Some(pool) if whole => pool.install(|| one(&mut workers[0], &mut shards[0])),
            Some(pool) => {
                let share = shards.len().div_ceil(threads);
                pool.scope(|scope| {
                    for (workspace, shards) in workers.iter_mut().zip(shards.chunks_mut(share)) {
                        let one = &one;
                        scope.spawn(move |_| shards.iter_mut().for_each(|shard| one(workspace, shard)));
                    }
                });
            }
            None => shards.iter_mut().for_each(|shard| one(&mut workers[0], shard)),
        }
    }

    /// Adds up the shards' gradients in their order, and measures them while they are near.
    fn add_up_gradients(&mut self) {
        let (total, rest) = self.shards[..self.used].split_first_mut().expect("there is at least one shard");
        self.squares.resize(self.network.params.len(), 0.0);
        let (pool, sums) = (self.pool.as_ref(), &mut total.gradients);
        for_each_param(&self.network, pool, [sums], &mut self.squares, |param, [sum], square| {
            rest.iter().for_each(|shard| update::accumulate(sum, &shard.gradients[param.range()]));
            *square = update::sum_of_squares(sum);
        });
    }

    /// What was seen in the shards added up in their order.
    fn add_up_what_was_seen(&mut self, observe: &Observe) -> &Observed {
        let Self { shards, used, seen, unused, .. } = self;
        let (first, rest) = shards[..*used].split_first_mut().expect("there is at least one shard");
        if observe.statistics == seen.observations.is_empty() {
            std::mem::swap(&mut seen.observations, unused);
        }
        seen.loss = first.loss;
        if observe.statistics {
            std::mem::swap(&mut seen.observations, &mut first.observations);
        }
        for shard in rest {
            seen.loss.merge(&shard.loss);
            seen.merge_observations(&shard.observations);
        }
        seen
    }

    /// Moves batch norm's running estimates after a training step on `rows` samples (unbiased variance, as PyTorch does).
    fn finish_running(&mut self, rows: usize) {
        if self.running.is_empty() {
            return;
        }
        self.batches_seen += 1;
        let running = &mut self.running;
        self.workers[0].visit_moments(&self.network, &mut |layer, moments| {
            let Op::BatchNorm { running: start, momentum, .. } = layer.op else { return };
            let n = rows * layer.output.pixels();
            let unbiased = n as f64 / (n.max(2) - 1) as f64;
            let units = moments.mean.len();
            let (means, variances) = running[start..start + 2 * units].split_at_mut(units);
            let blend = |old: &mut f32, new: f64| *old = ((1.0 - momentum) * f64::from(*old) + momentum * new) as f32;
            means.iter_mut().zip(&moments.mean).for_each(|(old, &new)| blend(old, new));
            variances.iter_mut().zip(&moments.variance).for_each(|(old, &new)| blend(old, new * unbiased));
        });
    }
}

/// Transposes the weights that the forward pass reads so, once for all shards.
fn transpose_weights(network: &Network, pool: Option<&rayon::ThreadPool>, params: &[f32], transposed: &mut [Buffer]) {
    for_each_param(network, pool, [], transposed, |param, [], transposed| {
        if param.is_transposed() {
            transposed.resize(param.len());
            transpose(&params[param.range()], param.shape[0], transposed);
        }
    });
}

fn load(network: &Network, workspace: &mut Workspace, shard: &Shard, fill: &impl Fn(Range<usize>, &mut [f32])) {
    let len = shard.rows.len() * network.input.len();
    if workspace.input.len() != len {
        workspace.input.resize(len);
    }
    fill(shard.rows.clone(), &mut workspace.input);
}

impl Shape {
    /// Reorders `samples` from PyTorch's order to the kernels'.
    pub fn channels_last(self, samples: &[f32]) -> Vec<f32> {
        reorder_samples(self, samples, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LayerSpec;

    #[test]
    fn a_step_that_is_done_again_with_care_leaves_nothing_to_do_again() {
        let layers = [
            LayerSpec::Linear { out: 8, bias: true },
            LayerSpec::Activation(Activation::Relu),
            LayerSpec::Linear { out: 2, bias: true },
        ];
        let network = Network::build(Shape::Flat(4), &layers, true).unwrap();
        let mut model = CpuModel::new(Arc::new(network), 3);
        model.flat_params_mut().fill(0.5);
        let rows = 6 * 64;
        let observe = Observe { statistics: true, ..Observe::default() };
        // All of the first layer's values vanish, in the shards of every worker.
        let fill = |_: Range<usize>, out: &mut [f32]| out.fill(1e-20);
        model.flat_params_mut()[32..40].fill(0.0);
        model.forward_backward(rows, fill, Targets::Labels(&vec![1; rows]), Loss::CrossEntropy, &observe);
        assert!(model.workers.iter().all(|worker| worker.scratch.careful && !worker.scratch.missed));
        let z = &model.seen().observations[0].pre_activation;
        assert_eq!(z.n, 8 * rows as u64);
        let want = z.n as f64 * (4.0 * 0.5 * 1e-20f64).powi(2);
        assert!((z.sum_of_squares / want - 1.0).abs() < 1e-6, "{}", z.sum_of_squares);
    }
}
