//! A batch on the CPU: cut into shards, spread over the cores, added up in the shards' order.

use std::ops::Range;

use crate::cpu::loss::LossSums;
use crate::cpu::subnormal::Flushing;
use crate::cpu::update;
use crate::model::by_param::for_each_param;
use crate::model::cpu::model::CpuModel;
use crate::model::cpu::pass::Pass;
use crate::model::cpu::policy;
use crate::model::cpu::shard::Shard;
use crate::model::cpu::workspace::Workspace;
use crate::model::layers::batch_norm;
use crate::model::objective::{Loss, Targets, loss_and_gradient};
use crate::model::observe::{Observe, Observed, reset};

/// Values that stay in a core's first cache from one use to the next.
const NEAR: usize = 1 << 12;

impl CpuModel {
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
        let _flushing = Flushing::begin();
        let scale = 1.0 / rows as f32;
        let classes = self.network.output().len();
        self.run(rows, true, observe, |workspace, shard, pass| {
            shard.load(pass.network, workspace, &fill);
            workspace.forward(pass);
            let targets = targets.slice(shard.rows.clone());
            let mut sums = LossSums::default();
            shard.gradients.resize(pass.network.parameters());
            workspace.backward(pass, &mut shard.gradients, false, |outputs, gradient| {
                sums = loss_and_gradient(loss, outputs, classes, targets, scale, gradient);
            });
            shard.loss = sums;
        });
        self.finish_running(rows);
        self.add_up_gradients(rows, observe.noise);
        self.add_up_what_was_seen(observe)
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
        let _flushing = Flushing::begin();
        let classes = self.network.output().len();
        self.run(rows, training, observe, |workspace, shard, pass| {
            shard.load(pass.network, workspace, &fill);
            workspace.forward(pass);
            let targets = targets.slice(shard.rows.clone());
            shard.loss = workspace.with_output(pass.network, |outputs, scratch| {
                loss_and_gradient(loss, outputs, classes, targets, 1.0, scratch)
            });
        });
        self.seen.parts.clear();
        self.add_up_what_was_seen(observe)
    }

    /// Cuts the batch into shards of nearly equal size.
    fn cut(&mut self, rows: usize, observe: &Observe) {
        let count = policy::shards(&self.network, rows);
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
        work: impl Fn(&mut Workspace, &mut Shard, &mut Pass<'_>) + Sync,
    ) {
        self.transpose_weights();
        self.cut(rows, observe);
        self.run_shards(training, observe, &work);
        let missed = |missed, worker: &mut Workspace| std::mem::take(&mut worker.scratch.activation.missed) | missed;
        if self.workers.iter_mut().fold(false, missed) {
            self.workers.iter_mut().for_each(|worker| worker.scratch.activation.careful = true);
            self.cut(rows, observe);
            self.run_shards(training, observe, &work);
        }
    }

    /// Calls `work` for every shard, spread over the workers in a fixed manner.
    fn run_shards(
        &mut self,
        training: bool,
        observe: &Observe,
        work: &(impl Fn(&mut Workspace, &mut Shard, &mut Pass<'_>) + Sync),
    ) {
        let Self { network, params, transposed, running, draws, workers, shards, used, pool, .. } = self;
        let shards = &mut shards[..*used];
        let whole = shards.len() == 1;
        let threads = workers.len();
        let one = |workspace: &mut Workspace, shard: &mut Shard| {
            let mut observations = std::mem::take(&mut shard.observations);
            let mut pass = Pass {
                network,
                params,
                transposed,
                running,
                training,
                draws: draws.filter(|_| training),
                first_row: shard.rows.start,
                rows: shard.rows.len(),
                threads: if whole { threads } else { 1 },
                settings: observe.settings,
                observations: if observe.statistics { &mut observations } else { &mut [] },
            };
            work(workspace, shard, &mut pass);
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

    /// Adds up the shards' gradients in their order, and measures them while they are near; with `noise`, each shard's too.
    fn add_up_gradients(&mut self, rows: usize, noise: bool) {
        self.seen.parts.clear();
        if noise && self.used > 1 {
            return self.add_up_and_measure_parts(rows);
        }
        let (total, rest) = self.shards[..self.used].split_first_mut().expect("there is at least one shard");
        self.squares.resize(self.network.params.len(), 0.0);
        let (pool, sums) = (self.pool.as_ref(), &mut total.gradients);
        for_each_param(&self.network, pool, [sums], &mut self.squares, |param, [sum], square| {
            rest.iter().for_each(|shard| update::accumulate(sum, &shard.gradients[param.range()]));
            *square = update::sum_of_squares(sum);
        });
    }

    /// As [`CpuModel::add_up_gradients`], to the same bits, with the squares of each shard's gradient.
    fn add_up_and_measure_parts(&mut self, rows: usize) {
        let Self { shards, used, squares, seen, network, pool, .. } = self;
        let (total, rest) = shards[..*used].split_first_mut().expect("there is at least one shard");
        seen.parts.parts = *used;
        seen.parts.squares.resize(network.params.len(), [0.0; 2]);
        // A shard's gradient is its share of the batch's mean: its own mean is rows/n times as large.
        let rows = rows as f64;
        let weight = |shard: &Shard| rows * rows / shard.rows.len() as f64;
        let (first, sums) = (weight(total), &mut total.gradients);
        for_each_param(network, pool.as_ref(), [sums], &mut seen.parts.squares, |param, [sum], [parts, whole]| {
            *parts = 0.0;
            // What was squared is added while it is near.
            for (i, sum) in sum.chunks_mut(NEAR).enumerate() {
                *parts += first * update::sum_of_squares(sum);
                let start = param.start + i * NEAR;
                for shard in rest.iter() {
                    let part = &shard.gradients[start..start + sum.len()];
                    *parts += weight(shard) * update::sum_of_squares(part);
                    update::accumulate(sum, part);
                }
            }
            *whole = update::sum_of_squares(sum);
        });
        squares.clear();
        squares.extend(seen.parts.squares.iter().map(|[_, whole]| *whole));
        seen.parts.squares.iter_mut().for_each(|[_, whole]| *whole *= rows);
    }

    /// Measures the last batch of `rows` images, which was not cut, as two parts: `first` is the mean gradient of its first `n`
    /// images, the batch's own gradient has the rest.
    pub fn measure_halves(&mut self, first: &[f32], n: usize, rows: usize) {
        let Self { network, shards, seen, .. } = self;
        let (whole, n, rows) = (&shards[0].gradients, n as f64, rows as f64);
        seen.parts.parts = 2;
        seen.parts.squares.clear();
        seen.parts.squares.extend(network.params.iter().map(|param| {
            let pairs = first[param.range()].iter().zip(&whole[param.range()]);
            pairs.fold([0.0; 2], |[parts, batch], (&a, &g)| {
                let (a, g) = (f64::from(a), f64::from(g));
                let b = (rows * g - n * a) / (rows - n);
                [parts + n * a * a + (rows - n) * b * b, batch + rows * g * g]
            })
        }));
    }

    /// True if a batch of so many images is cut into shards.
    pub fn is_cut(&self, rows: usize) -> bool {
        policy::shards(&self.network, rows) > 1
    }

    /// Adds up what the shards have seen, in their order.
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

    /// Moves batch norm's running estimates after a training step on `rows` samples.
    pub(super) fn finish_running(&mut self, rows: usize) {
        if self.running.is_empty() {
            return;
        }
        self.batches_seen += 1;
        let running = &mut self.running;
        self.workers[0].visit(&self.network, &mut |layer, _, state| batch_norm::follow(layer, state, rows, running));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::activation::Activation;
    use crate::model::{Activations, LayerSpec, Network, Shape};

    #[test]
    fn a_step_that_is_done_again_with_care_leaves_nothing_to_do_again() {
        let layers = [
            LayerSpec::Linear { out: 8, bias: true },
            LayerSpec::Activation(Activation::Relu),
            LayerSpec::Linear { out: 2, bias: true },
        ];
        let network = Network::build(Shape::Flat(4), &layers, Activations::Fused).unwrap();
        let mut model = CpuModel::new(Arc::new(network), 3);
        model.flat_params_mut().fill(0.5);
        let rows = 6 * 64;
        let observe = Observe { statistics: true, ..Observe::default() };
        // All of the first layer's values vanish, in the shards of every worker.
        let fill = |_: Range<usize>, out: &mut [f32]| out.fill(1e-20);
        model.flat_params_mut()[32..40].fill(0.0);
        model.forward_backward(rows, fill, Targets::Labels(&vec![1; rows]), Loss::CrossEntropy, &observe);
        assert!(
            model.workers.iter().all(|worker| worker.scratch.activation.careful && !worker.scratch.activation.missed)
        );
        let z = &model.seen().observations[0].pre_activation;
        assert_eq!(z.n, 8 * rows as u64);
        let want = z.n as f64 * (4.0 * 0.5 * 1e-20f64).powi(2);
        assert!((z.sum_of_squares / want - 1.0).abs() < 1e-6, "{}", z.sum_of_squares);
    }
}
