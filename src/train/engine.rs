//! A network in training, on the CPU's kernels or on a candle device, behind one face.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::config::optimizer::Optimizer;
use crate::data::{Part, Prepared};
use crate::kernels::update;
use crate::model::Network;
use crate::model::device::DeviceModel;
use crate::model::host::{HostModel, Loss, Observe, Observed, Targets};
use crate::record::checkpoint::Weights;
use crate::train::optimizer_state::{DeviceState, HostState, UpdateNorms};

/// Where a run computes.
#[derive(Clone, Debug)]
pub enum Compute {
    /// The CPU's kernels with this many threads.
    Host {
        /// Threads.
        threads: usize,
    },
    /// candle tensors in `f32`.
    Device(Device),
}

impl Compute {
    /// The name in records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Host { .. } => "cpu",
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

    fn tensor(&self, network: &Network, device: &Device) -> Result<Tensor> {
        let rows = self.indices.len();
        let mut values = vec![0.0; rows * network.input.len()];
        self.data.gather(self.part, self.indices, &mut values);
        Tensor::from_vec(values, [vec![rows], network.input.dims()].concat(), device)
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

/// A network with its optimiser's state.
pub struct Engine {
    optimizer: Optimizer,
    loss: Loss,
    place: Place,
}

enum Place {
    Host { model: Box<HostModel>, state: HostState },
    Device { model: Box<DeviceModel>, state: DeviceState },
}

impl Engine {
    /// An engine with all parameters zero.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(network: Arc<Network>, compute: &Compute, optimizer: Optimizer, loss: Loss) -> Result<Self> {
        let place = match compute {
            Compute::Host { threads } => {
                let state = HostState::new(&optimizer, network.parameters());
                Place::Host { model: Box::new(HostModel::new(network, *threads)), state }
            }
            Compute::Device(device) => {
                let model = DeviceModel::new(network, device.clone(), DType::F32)?;
                let state = DeviceState::new(&optimizer, (0..model.network().params.len()).map(|i| model.param(i)))?;
                Place::Device { model: Box::new(model), state }
            }
        };
        Ok(Self { optimizer, loss, place })
    }

    /// The plan.
    pub fn network(&self) -> &Arc<Network> {
        match &self.place {
            Place::Host { model, .. } => model.network(),
            Place::Device { model, .. } => model.network(),
        }
    }

    /// Forward and backward pass; the gradients wait for [`Engine::update`].
    ///
    /// # Errors
    /// The device fails.
    pub fn forward_backward(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<Observed> {
        let targets = Targets::Labels(batch.labels);
        match &mut self.place {
            Place::Host { model, .. } => {
                Ok(model.forward_backward(batch.indices.len(), batch.fill(), targets, self.loss, observe))
            }
            Place::Device { model, .. } => {
                let samples = batch.tensor(model.network(), model.device())?;
                model.forward_backward(&samples, targets, self.loss, observe)
            }
        }
    }

    /// Forward pass; batch norm takes its running estimates.
    ///
    /// # Errors
    /// The device fails.
    pub fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<Observed> {
        let targets = Targets::Labels(batch.labels);
        match &mut self.place {
            Place::Host { model, .. } => {
                Ok(model.evaluate(batch.indices.len(), batch.fill(), targets, self.loss, observe))
            }
            Place::Device { model, .. } => {
                let samples = batch.tensor(model.network(), model.device())?;
                model.evaluate(&samples, targets, self.loss, observe, false)
            }
        }
    }

    /// Clips the gradients to `clip_norm` together and takes an optimiser step. If their norm is not finite nothing is
    /// changed. With `norms`, those of every parameter are measured.
    ///
    /// # Errors
    /// The device fails.
    pub fn update(&mut self, lr: f64, clip_norm: Option<f64>, norms: bool) -> Result<Updated> {
        let mut updated = Updated::default();
        // As PyTorch's clip_grad_norm_ does it.
        let clip = |norm: f64| clip_norm.map(|limit| limit / (norm + 1e-6)).filter(|&factor| factor < 1.0);
        match &mut self.place {
            Place::Host { model, state } => {
                let network = Arc::clone(model.network());
                let (params, gradients) = model.params_and_gradients();
                updated.gradient_norm = update::sum_of_squares(gradients).sqrt();
                if !updated.gradient_norm.is_finite() {
                    return Ok(updated);
                }
                if let Some(factor) = clip(updated.gradient_norm) {
                    update::scale(gradients, factor as f32);
                }
                let norms = norms.then_some(&mut updated.norms);
                state.step(&self.optimizer, &network, params, gradients, lr, norms);
            }
            Place::Device { model, state } => {
                let network = Arc::clone(model.network());
                let squares = |t: &Tensor| t.to_dtype(DType::F64)?.sqr()?.sum_all();
                let all: Result<Vec<_>> = (0..network.params.len()).map(|i| squares(model.gradient(i))).collect();
                let all = Tensor::stack(&all?, 0)?.to_vec1::<f64>()?;
                updated.gradient_norm = all.iter().sum::<f64>().sqrt();
                if !updated.gradient_norm.is_finite() {
                    return Ok(updated);
                }
                let factor = clip(updated.gradient_norm).unwrap_or(1.0);
                state.begin();
                let mut measured = Vec::new();
                for (i, param) in network.params.iter().enumerate() {
                    let gradient = model.gradient(i).affine(factor, 0.0)?;
                    let delta = state.delta(&self.optimizer, i, model.param(i), &gradient, lr * param.lr_scale)?;
                    if norms {
                        measured.extend([squares(model.param(i))?, squares(&gradient)?, squares(&delta)?]);
                    }
                    model.set_param(i, (model.param(i) - delta)?);
                }
                if norms {
                    let values = Tensor::stack(&measured, 0)?.sqrt()?.to_vec1::<f64>()?;
                    updated.norms = values
                        .chunks_exact(3)
                        .map(|v| UpdateNorms { weight: v[0], gradient: v[1], update: v[2] })
                        .collect();
                }
            }
        }
        Ok(updated)
    }

    /// The first parameter, from the input on, whose gradient is not finite.
    ///
    /// # Errors
    /// The device fails.
    pub fn bad_gradient(&mut self) -> Result<Option<usize>> {
        let network = Arc::clone(self.network());
        for (i, param) in network.params.iter().enumerate() {
            let finite = match &mut self.place {
                Place::Host { model, .. } => update::sum_of_squares(&model.gradients_mut()[param.range()]).is_finite(),
                Place::Device { model, .. } => {
                    model.gradient(i).to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.is_finite()
                }
            };
            if !finite {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    /// Everything that training changes, in PyTorch's order.
    ///
    /// # Errors
    /// The device fails.
    pub fn weights(&self) -> Result<Weights> {
        let network = self.network();
        let floats = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        Ok(match &self.place {
            Place::Host { model, state } => {
                let slot = |slot: &Vec<f32>| {
                    network.params.iter().map(|p| p.reorder(&slot[p.range()], true)).collect::<Vec<_>>()
                };
                Weights {
                    params: (0..network.params.len()).map(|i| model.param(i)).collect(),
                    slots: state.slots.iter().map(slot).collect(),
                    optimizer_steps: state.steps,
                    running: model.running().to_vec(),
                    batches_seen: model.batches_seen(),
                }
            }
            Place::Device { model, state } => {
                let slot = |slot: &Vec<Tensor>| slot.iter().map(floats).collect::<Result<Vec<_>>>();
                let running =
                    (0..network.running.len()).map(|i| floats(model.running(i))).collect::<Result<Vec<_>>>()?;
                Weights {
                    params: (0..network.params.len()).map(|i| floats(model.param(i))).collect::<Result<_>>()?,
                    slots: state.slots.iter().map(slot).collect::<Result<_>>()?,
                    optimizer_steps: state.steps,
                    running: running.concat(),
                    batches_seen: model.batches_seen(),
                }
            }
        })
    }

    /// Takes over parameters, and, where there are any, the optimiser's state and the running estimates.
    ///
    /// # Errors
    /// The device fails.
    pub fn set_weights(&mut self, weights: &Weights) -> Result<()> {
        let network = Arc::clone(self.network());
        match &mut self.place {
            Place::Host { model, state } => {
                for (i, values) in weights.params.iter().enumerate() {
                    model.set_param(i, values);
                }
                for (slot, from) in state.slots.iter_mut().zip(&weights.slots) {
                    for (param, values) in network.params.iter().zip(from) {
                        slot[param.range()].copy_from_slice(&param.reorder(values, false));
                    }
                }
                state.steps = weights.optimizer_steps;
                if !weights.running.is_empty() {
                    model.set_running(&weights.running);
                    model.set_batches_seen(weights.batches_seen);
                }
            }
            Place::Device { model, state } => {
                let device = model.device().clone();
                let shaped =
                    |values: &[f32], i: usize| Tensor::from_slice(values, network.params[i].shape.clone(), &device);
                for (i, values) in weights.params.iter().enumerate() {
                    model.set_param(i, shaped(values, i)?);
                }
                for (slot, from) in state.slots.iter_mut().zip(&weights.slots) {
                    for (i, values) in from.iter().enumerate() {
                        slot[i] = shaped(values, i)?;
                    }
                }
                state.steps = weights.optimizer_steps;
                if !weights.running.is_empty() {
                    for (i, (_, range)) in network.running.iter().enumerate() {
                        model.set_running(i, Tensor::new(&weights.running[range.clone()], &device)?);
                    }
                    model.set_batches_seen(weights.batches_seen);
                }
            }
        }
        Ok(())
    }
}
