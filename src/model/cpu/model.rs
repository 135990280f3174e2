//! A network on the CPU with its parameters, and what is known of the last batch.

use std::borrow::Cow;
use std::sync::Arc;

use crate::activation::Activation;
use crate::cpu::activation::Observation;
use crate::cpu::buffer::Buffer;
use crate::cpu::subnormal::Flushing;
use crate::cpu::transpose::transpose;
use crate::model::by_param::for_each_param;
use crate::model::cpu::policy::is_transposed;
use crate::model::cpu::shard::Shard;
use crate::model::cpu::workspace::Workspace;
use crate::model::draws::Draws;
use crate::model::network::Network;
use crate::model::observe::Observed;
use crate::model::param::Param;

/// A network with its parameters and the buffers to train it.
pub struct CpuModel {
    pub(super) network: Arc<Network>,
    pub(super) params: Buffer,
    /// Each parameter transposed, if the forward pass reads it so.
    pub(super) transposed: Vec<Buffer>,
    pub(super) running: Vec<f32>,
    pub(super) batches_seen: u64,
    pub(super) draws: Option<Draws>,
    pub(super) workers: Vec<Workspace>,
    /// Shards, of which the last batch used the first `used`.
    pub(super) shards: Vec<Shard>,
    pub(super) used: usize,
    /// Σg² of each parameter.
    pub(super) squares: Vec<f64>,
    /// Loss and statistics of the last batch.
    pub(super) seen: Observed,
    /// Observations that the last batch had no use for.
    pub(super) unused: Vec<Observation>,
    pub(super) pool: Option<rayon::ThreadPool>,
}

impl CpuModel {
    /// A model with all parameters zero and running variances one that uses `threads` cores, or one if the operating system
    /// refuses to start threads: results do not depend on it.
    pub fn new(network: Arc<Network>, threads: usize) -> Self {
        let pool =
            || rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| Flushing::forever()).build();
        let pool = (threads > 1).then(|| pool().ok()).flatten();
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
            draws: None,
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

    /// Threads that it uses.
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// All parameters in the kernels' layout.
    pub fn flat_params(&self) -> &[f32] {
        &self.params
    }

    /// All parameters in the kernels' layout, to be changed in place.
    pub fn flat_params_mut(&mut self) -> &mut [f32] {
        &mut self.params
    }

    /// Parameter `index` in PyTorch's order.
    pub fn param(&self, index: usize) -> Cow<'_, [f32]> {
        let param = &self.network.params[index];
        param.to_torch(&self.params[param.range()])
    }

    /// Sets parameter `index` from values in PyTorch's order.
    ///
    /// # Panics
    /// If the number of values differs.
    pub fn set_param(&mut self, index: usize, values: &[f32]) {
        let param = &self.network.params[index];
        assert_eq!(values.len(), param.len(), "values of {}", param.name);
        self.params[param.range()].copy_from_slice(&param.to_kernels(values));
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

    /// Tells layers that draw what the draws of the next training step come from; without it nothing is drawn.
    pub fn set_draws(&mut self, draws: Option<Draws>) {
        self.draws = draws;
    }

    /// Returns what `look` sees of another pass. Running estimates and [`CpuModel::seen`] do not change.
    pub fn aside(&mut self, look: impl FnOnce(&mut Self)) -> Observed {
        let (running, batches) = (self.running.clone(), self.batches_seen);
        let before = std::mem::take(&mut self.seen);
        look(self);
        (self.running, self.batches_seen) = (running, batches);
        std::mem::replace(&mut self.seen, before)
    }

    /// Returns the loss and statistics of the last batch.
    pub fn seen(&self) -> &Observed {
        &self.seen
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
        let _flushing = Flushing::begin();
        let gradients = &mut *self.shards.first_mut().expect("a step was taken").gradients;
        for_each_param(&self.network, self.pool.as_ref(), [&mut *self.params, gradients, one, two], results, work);
    }

    /// Σg² of each parameter in the last step.
    pub fn gradient_squares(&self) -> &[f64] {
        &self.squares
    }

    /// Transposes the weights that the forward pass reads so, once for all shards.
    pub(super) fn transpose_weights(&mut self) {
        let params = &self.params;
        for_each_param(&self.network, self.pool.as_ref(), [], &mut self.transposed, |param, [], transposed| {
            if is_transposed(param) {
                transposed.resize(param.len());
                transpose(&params[param.range()], param.shape[0], transposed);
            }
        });
    }
}
