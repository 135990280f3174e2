//! A network in training, on the CPU's kernels or on a candle device, behind one face.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::config::optimizer::Optimizer;
use crate::cpu::update;
use crate::data::{Part, Prepared};
use crate::model::Network;
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};
use crate::record::checkpoint::Weights;
use crate::train::device_engine::DeviceEngine;
use crate::train::optimizer_state::{CpuState, UpdateNorms};

/// Where a run computes.
#[derive(Clone, Debug)]
pub enum Compute {
    /// The CPU's kernels with this many threads.
    Cpu {
        /// Threads.
        threads: usize,
    },
    /// candle tensors in `f32`.
    Device(Device),
}

impl Compute {
    /// The CUDA device of this number, once it has done a first piece of work. It is for the calling thread.
    ///
    /// # Errors
    /// The device does not answer, or this build knows none.
    pub fn cuda(number: usize) -> Result<Self> {
        let device = Device::new_cuda(number)?;
        #[cfg(feature = "cuda")]
        // SAFETY: all work on the device goes to one stream, that of the one thread that uses it, and so happens in order.
        // Events for other streams would cost two creations for every tensor.
        unsafe {
            device.as_cuda_device()?.disable_event_tracking();
        }
        Tensor::ones(1, DType::F32, &device)?.affine(2.0, 0.0)?.to_vec1::<f32>()?;
        Ok(Self::Device(device))
    }

    /// The name in records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu { .. } => "cpu",
            Self::Device(device) if device.is_cuda() => "cuda",
            Self::Device(_) => "candle-cpu",
        }
    }
}

/// Images of one part of the data, by index.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The data.
    pub data: &'a Prepared,
    /// Training or test images.
    pub part: Part,
    /// Which ones.
    pub indices: &'a [u32],
    /// Their labels.
    pub labels: &'a [u8],
}

impl Batch<'_> {
    fn fill(&self) -> impl Fn(Range<usize>, &mut [f32]) + Sync {
        |rows, out| self.data.gather(self.part, &self.indices[rows], out)
    }
}

/// What an optimiser step did.
#[derive(Clone, Debug, Default)]
pub struct Updated {
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// One entry for each parameter, if asked for.
    pub norms: Vec<UpdateNorms>,
}

/// The factor that brings gradients of `norm` to at most `limit`, where they must shrink, as PyTorch's `clip_grad_norm_` has it.
pub(super) fn clip_factor(limit: Option<f64>, norm: f64) -> Option<f64> {
    limit.map(|limit| limit / (norm + 1e-6)).filter(|&factor| factor < 1.0)
}

/// Values laid out like all parameters of a network, apart and in PyTorch's order.
pub(super) fn split_params<'v>(network: &Network, values: &'v [f32]) -> Vec<Cow<'v, [f32]>> {
    network.params.iter().map(|param| param.reorder(&values[param.range()], true)).collect()
}

/// How one run takes a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunStep {
    /// Learning rate.
    pub lr: f64,
    /// Whether it moves at all: a run that has ended stays as it is.
    pub moves: bool,
}

/// Networks with their optimisers' state: one on the CPU's kernels, or a cohort on a device.
pub struct Engine(Place);

enum Place {
    Cpu(Box<CpuEngine>),
    Device(Box<DeviceEngine>),
}

/// A network on the CPU's kernels.
struct CpuEngine {
    optimizer: Optimizer,
    loss: Loss,
    model: CpuModel,
    state: CpuState,
    updated: Updated,
}

/// The batch of the one network that the kernels train.
fn only<'b>(batches: impl IntoIterator<Item = Batch<'b>>) -> Batch<'b> {
    batches.into_iter().next().expect("there is a batch for every network")
}

impl Engine {
    /// An engine with all parameters zero.
    ///
    /// # Errors
    /// The device refuses memory.
    ///
    /// # Panics
    /// If there are several networks for the CPU's kernels, or they are not [`Network::like`] each other.
    pub fn new(networks: Vec<Arc<Network>>, compute: &Compute, optimizer: Optimizer, loss: Loss) -> Result<Self> {
        Ok(Self(match compute {
            Compute::Cpu { threads } => {
                let [network] = <[_; 1]>::try_from(networks).expect("the kernels train one network at a time");
                let state = CpuState::new(&optimizer, network.parameters());
                let model = CpuModel::new(network, *threads);
                Place::Cpu(Box::new(CpuEngine { optimizer, loss, model, state, updated: Updated::default() }))
            }
            Compute::Device(device) => Place::Device(Box::new(DeviceEngine::new(networks, device, optimizer, loss)?)),
        }))
    }

    /// Forward and backward pass over a batch of each run, all of one size; the gradients wait for [`Engine::update`].
    /// Returns what was seen of each run, which stays there as [`Engine::seen`] until the next batch.
    ///
    /// # Errors
    /// The device fails.
    pub fn forward_backward<'b>(
        &mut self,
        batches: impl IntoIterator<Item = Batch<'b>>,
        observe: &Observe,
    ) -> Result<&[Observed]> {
        match &mut self.0 {
            Place::Cpu(host) => host.forward_backward(&only(batches), observe),
            Place::Device(device) => device.forward_backward(&Vec::from_iter(batches), observe)?,
        }
        Ok(self.seen())
    }

    /// What was seen of the last batch of each run.
    pub fn seen(&self) -> &[Observed] {
        match &self.0 {
            Place::Cpu(host) => std::slice::from_ref(host.model.seen()),
            Place::Device(device) => device.seen(),
        }
    }

    /// The same once more, to see more of it: the runs, and [`Engine::seen`], are left as the first time left them.
    ///
    /// # Errors
    /// The device fails.
    pub fn look_again<'b>(
        &mut self,
        batches: impl IntoIterator<Item = Batch<'b>>,
        observe: &Observe,
    ) -> Result<Vec<Observed>> {
        match &mut self.0 {
            Place::Cpu(host) => Ok(vec![host.look_again(&only(batches), observe)]),
            Place::Device(device) => device.look_again(&Vec::from_iter(batches), observe),
        }
    }

    /// Forward pass of every run over one batch; batch norm takes its running estimates. Returns what was seen, as
    /// [`Engine::forward_backward`] does.
    ///
    /// # Errors
    /// The device fails.
    pub fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<&[Observed]> {
        match &mut self.0 {
            Place::Cpu(host) => host.evaluate(batch, observe),
            Place::Device(device) => device.evaluate(batch, observe)?,
        }
        Ok(self.seen())
    }

    /// Clips each run's gradients to `clip_norm` together and takes an optimiser step. A run whose gradient norm is not
    /// finite does not move. With `norms`, those of every parameter are measured. Returns what was done to each run, which
    /// stays there as [`Engine::updated`] until the next step.
    ///
    /// # Errors
    /// The device fails.
    pub fn update(&mut self, steps: &[RunStep], clip_norm: Option<f64>, norms: bool) -> Result<&[Updated]> {
        match &mut self.0 {
            Place::Cpu(host) => host.update(steps[0], clip_norm, norms),
            Place::Device(device) => device.update(steps, clip_norm, norms)?,
        }
        Ok(self.updated())
    }

    /// What the last [`Engine::update`] did to each run.
    pub fn updated(&self) -> &[Updated] {
        match &self.0 {
            Place::Cpu(host) => std::slice::from_ref(&host.updated),
            Place::Device(device) => device.updated(),
        }
    }

    /// The first parameter of `run`, from the input on, whose gradient is not finite.
    ///
    /// # Errors
    /// The device fails.
    pub fn bad_gradient(&mut self, run: usize) -> Result<Option<usize>> {
        match &mut self.0 {
            Place::Cpu(host) => Ok(host.bad_gradient()),
            Place::Device(device) => device.bad_gradient(run),
        }
    }

    /// Everything that training changes of one run, in PyTorch's order.
    ///
    /// # Errors
    /// The device fails.
    pub fn weights(&self, run: usize) -> Result<Weights<'_>> {
        match &self.0 {
            Place::Cpu(host) => Ok(host.weights()),
            Place::Device(device) => device.weights(run),
        }
    }

    /// Takes over the parameters of one run, and, where there are any, the optimiser's state and the running estimates.
    ///
    /// # Errors
    /// The device fails.
    pub fn set_weights(&mut self, run: usize, weights: &Weights<'_>) -> Result<()> {
        match &mut self.0 {
            Place::Cpu(host) => host.set_weights(weights),
            Place::Device(device) => device.set_weights(run, weights)?,
        }
        Ok(())
    }
}

impl CpuEngine {
    fn forward_backward(&mut self, batch: &Batch<'_>, observe: &Observe) {
        let targets = Targets::Labels(batch.labels);
        self.model.forward_backward(batch.indices.len(), batch.fill(), targets, self.loss, observe);
    }

    fn look_again(&mut self, batch: &Batch<'_>, observe: &Observe) -> Observed {
        let targets = Targets::Labels(batch.labels);
        self.model.aside(|model| {
            model.forward_backward(batch.indices.len(), batch.fill(), targets, self.loss, observe);
        })
    }

    fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) {
        let targets = Targets::Labels(batch.labels);
        self.model.evaluate(batch.indices.len(), batch.fill(), targets, self.loss, observe);
    }

    fn update(&mut self, step: RunStep, clip_norm: Option<f64>, measure: bool) {
        let Self { optimizer, model, state, updated: Updated { gradient_norm, norms }, .. } = self;
        *gradient_norm = 0.0;
        norms.clear();
        if !step.moves {
            return;
        }
        let of_param = |square: &f64| UpdateNorms { gradient: square.sqrt(), ..UpdateNorms::default() };
        norms.extend(model.gradient_squares().iter().map(of_param));
        *gradient_norm = norms.iter().map(|norms| norms.gradient * norms.gradient).sum::<f64>().sqrt();
        if gradient_norm.is_finite() {
            if let Some(factor) = clip_factor(clip_norm, *gradient_norm) {
                update::scale(model.gradients_mut(), factor as f32);
                norms.iter_mut().for_each(|norms| norms.gradient *= factor);
            }
            state.step(optimizer, model, step.lr, measure, norms);
        }
        if !measure || !gradient_norm.is_finite() {
            norms.clear();
        }
    }

    fn bad_gradient(&self) -> Option<usize> {
        self.model.gradient_squares().iter().position(|square| !square.is_finite())
    }

    fn weights(&self) -> Weights<'_> {
        let network = self.model.network();
        Weights {
            params: split_params(network, self.model.flat_params()),
            slots: self.state.slots.iter().map(|slot| split_params(network, slot)).collect(),
            optimizer_steps: self.state.steps,
            running: self.model.running().to_vec(),
            batches_seen: self.model.batches_seen(),
        }
    }

    fn set_weights(&mut self, weights: &Weights<'_>) {
        let network = Arc::clone(self.model.network());
        for (i, values) in weights.params.iter().enumerate() {
            self.model.set_param(i, values);
        }
        for (slot, from) in self.state.slots.iter_mut().zip(&weights.slots) {
            for (param, values) in network.params.iter().zip(from) {
                slot[param.range()].copy_from_slice(&param.reorder(values, false));
            }
        }
        self.state.steps = weights.optimizer_steps;
        if !weights.running.is_empty() {
            self.model.set_running(&weights.running);
            self.model.set_batches_seen(weights.batches_seen);
        }
    }
}
