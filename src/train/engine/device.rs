//! A cohort in training on a candle device: runs of equal shape that take their steps together.

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::gpu::reduce::squares_of_ranges;
use crate::model::Network;
use crate::model::device::DeviceModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};
use crate::optim::{Optimizer, UpdateNorms};
use crate::record::checkpoint::Weights;
use crate::train::engine::Engine;
use crate::train::engine::images::DeviceImages;
use crate::train::optimizer_state::DeviceState;
use crate::train::step::{Batch, RunStep, Updated, clip_factor, split_params};
use crate::train::threads::cores;

/// Networks of one shape with their optimisers' state and the images, all on the device.
pub struct DeviceEngine {
    optimizer: Optimizer,
    loss: Loss,
    model: DeviceModel,
    state: DeviceState,
    /// Factors on the learning rate, `[1, value]`, where they are not all 1.
    lr_scale: Option<Tensor>,
    images: DeviceImages,
    /// Gradient norms of the last forward and backward pass.
    gradient_norms: Vec<f64>,
    /// Observations of the last batch.
    observed: Vec<Observed>,
    updated: Vec<Updated>,
}

impl DeviceEngine {
    /// An engine with all parameters zero.
    ///
    /// # Errors
    /// The device refuses memory.
    ///
    /// # Panics
    /// If there is no network, or they are not [`Network::like`] each other.
    pub fn new(networks: Vec<Arc<Network>>, device: &Device, optimizer: Optimizer, loss: Loss) -> Result<Self> {
        let runs = networks.len();
        let model = DeviceModel::cohort(networks, device.clone(), DType::F32)?;
        let state = DeviceState::new(&optimizer, model.network(), model.params())?;
        let params = &model.network().params;
        let lr_scale = if params.iter().all(|param| param.lr_scale == 1.0) {
            None
        } else {
            let scales = params.iter().flat_map(|param| std::iter::repeat_n(param.lr_scale as f32, param.len()));
            Some(Tensor::from_iter(scales, device)?.unsqueeze(0)?)
        };
        let images = DeviceImages::default();
        let (gradient_norms, observed, updated) = (vec![0.0; runs], Vec::new(), Vec::new());
        Ok(Self { optimizer, loss, model, state, lr_scale, images, gradient_norms, observed, updated })
    }

    fn network(&self) -> &Arc<Network> {
        self.model.network()
    }

    /// A pass whose gradients' noise is measured, from that of the first half of each batch, which goes ahead of it.
    fn pass_by_halves(&mut self, batches: &[Batch<'_>], observe: &Observe) -> Result<()> {
        let (rows, n) = (batches[0].indices.len(), batches[0].indices.len() / 2);
        if n == 0 {
            return self.pass(batches, observe);
        }
        let halves: Vec<Batch<'_>> = batches.iter().map(|batch| batch.first(n)).collect();
        self.pass(&halves, &Observe::default())?;
        let first = self.model.gradients().clone();
        self.pass(batches, observe)?;
        let whole = self.model.gradients().clone();
        let (n, m, rows) = (n as f64, (rows - n) as f64, rows as f64);
        let second = ((&whole * (rows / m))? - (&first * (n / m))?)?;
        let ranges: Vec<_> = self.network().params.iter().map(|param| param.range()).collect();
        let squares = squares_of_ranges([&first, &second, &whole], &ranges)?.to_vec2::<f64>()?;
        let runs = self.observed.len();
        for (run, observed) in self.observed.iter_mut().enumerate() {
            let [a, b, g] = [run, runs + run, 2 * runs + run].map(|row| &squares[row]);
            observed.parts.parts = 2;
            observed.parts.squares = (0..ranges.len()).map(|i| [n * a[i] + m * b[i], rows * g[i]]).collect();
        }
        Ok(())
    }

    fn pass(&mut self, batches: &[Batch<'_>], observe: &Observe) -> Result<()> {
        let (samples, labels) = self.upload(batches)?;
        self.model.set_draws(batches.iter().filter_map(|batch| batch.draws).collect());
        let step = self.model.forward_backward(&samples, Targets::Labels(&labels), self.loss, observe)?;
        self.gradient_norms = step.gradient_norms;
        self.observed = step.observed;
        Ok(())
    }

    fn upload(&mut self, batches: &[Batch<'_>]) -> Result<(Tensor, Vec<u8>)> {
        let indices: Vec<&[u32]> = batches.iter().map(|batch| batch.indices).collect();
        let labels: Vec<&[u8]> = batches.iter().map(|batch| batch.labels).collect();
        let samples = self.images.gather(batches[0].data, batches[0].part, &indices, self.model.device())?;
        let shape = [vec![batches.len(), batches[0].indices.len()], self.network().input.dims()].concat();
        Ok((samples.reshape(shape)?, labels.concat()))
    }

    fn step(&mut self, steps: &[RunStep], clip_norm: Option<f64>, norms: bool) -> Result<Vec<Updated>> {
        let of_norm = |&gradient_norm: &f64| Updated { gradient_norm, norms: Vec::new() };
        let mut updated: Vec<Updated> = self.gradient_norms.iter().map(of_norm).collect();
        let moves: Vec<u8> =
            steps.iter().zip(&updated).map(|(s, u)| u8::from(s.moves && u.gradient_norm.is_finite())).collect();
        if moves.iter().all(|&moves| moves == 0) {
            return Ok(updated);
        }
        let factors: Vec<Option<f64>> = updated.iter().map(|u| clip_factor(clip_norm, u.gradient_norm)).collect();
        let mut gradients = self.model.gradients().clone();
        if factors.iter().any(Option::is_some) {
            gradients = gradients.broadcast_mul(&self.by_run(factors.iter().map(|f| f.unwrap_or(1.0) as f32))?)?;
        }
        let mut lr = self.by_run(steps.iter().map(|step| step.lr as f32))?;
        if let Some(scale) = &self.lr_scale {
            lr = lr.broadcast_mul(scale)?;
        }
        let before = (self.model.params().clone(), self.state.slots.clone());
        let step = self.state.step(&self.optimizer, &before.0, &gradients, &lr)?;
        if norms {
            self.measure([&before.0, &gradients, &step], &mut updated)?;
        }
        let mut params = (&before.0 - step)?;
        if moves.contains(&0) {
            let moves = self.by_run(moves)?.broadcast_as(params.shape())?;
            params = moves.where_cond(&params, &before.0)?;
            for (slot, before) in self.state.slots.iter_mut().zip(&before.1) {
                *slot = moves.where_cond(slot, before)?;
            }
        }
        self.model.set_params(params);
        Ok(updated)
    }

    fn by_run<T: candle_core::WithDType>(&self, values: impl IntoIterator<Item = T>) -> Result<Tensor> {
        Tensor::from_iter(values, self.model.device())?.unsqueeze(1)
    }

    /// Norms of each parameter in weights, gradients and steps, of each run.
    fn measure(&self, tensors: [&Tensor; 3], updated: &mut [Updated]) -> Result<()> {
        let params = &self.network().params;
        let ranges: Vec<_> = params.iter().map(|param| param.range()).collect();
        let norms = squares_of_ranges(tensors, &ranges)?.sqrt()?.to_vec2::<f64>()?;
        let runs = updated.len();
        for (run, updated) in updated.iter_mut().enumerate() {
            let rows = [&norms[run], &norms[runs + run], &norms[2 * runs + run]];
            let norms = |i: usize| UpdateNorms { weight: rows[0][i], gradient: rows[1][i], update: rows[2][i] };
            updated.norms = (0..params.len()).map(norms).collect();
        }
        Ok(())
    }
}

impl Engine for DeviceEngine {
    fn forward_backward<'b>(
        &mut self,
        batches: &mut dyn Iterator<Item = Batch<'b>>,
        observe: &Observe,
    ) -> Result<&[Observed]> {
        let batches = Vec::from_iter(batches);
        if observe.noise {
            self.pass_by_halves(&batches, observe)?;
        } else {
            self.pass(&batches, observe)?;
        }
        Ok(self.observed())
    }

    fn observed(&self) -> &[Observed] {
        &self.observed
    }

    fn repeat<'b>(&mut self, batches: &mut dyn Iterator<Item = Batch<'b>>, observe: &Observe) -> Result<Vec<Observed>> {
        let (running, batches_seen) = (self.model.running().cloned(), self.model.batches_seen());
        let before = std::mem::take(&mut self.observed);
        self.pass(&Vec::from_iter(batches), observe)?;
        self.model.set_running(running);
        self.model.set_batches_seen(batches_seen);
        Ok(std::mem::replace(&mut self.observed, before))
    }

    fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<&[Observed]> {
        let (samples, labels) = self.upload(std::slice::from_ref(batch))?;
        self.observed = self.model.evaluate(&samples, Targets::Labels(&labels), self.loss, observe, false)?;
        Ok(self.observed())
    }

    fn update(&mut self, steps: &[RunStep], clip_norm: Option<f64>, norms: bool) -> Result<&[Updated]> {
        self.updated = self.step(steps, clip_norm, norms)?;
        Ok(self.updated())
    }

    fn updated(&self) -> &[Updated] {
        &self.updated
    }

    fn first_non_finite_gradient(&self, run: usize) -> Result<Option<usize>> {
        let gradients = self.model.gradients().get(run)?.to_vec1::<f32>()?;
        let finite = |range: std::ops::Range<usize>| gradients[range].iter().all(|g| g.is_finite());
        Ok(self.network().params.iter().position(|param| !finite(param.range())))
    }

    fn weights(&self, run: usize) -> Result<Weights<'_>> {
        let values = |t: &Tensor| t.get(run)?.to_vec1::<f32>();
        let split = |t: &Tensor| {
            let values = values(t)?;
            Ok(split_params(self.network(), &values).into_iter().map(|part| Cow::from(part.into_owned())).collect())
        };
        Ok(Weights {
            params: split(self.model.params())?,
            slots: self.state.slots.iter().map(split).collect::<Result<_>>()?,
            optimizer_steps: self.state.steps,
            running: self.model.running().map_or(Ok(Vec::new()), values)?,
            batches_seen: self.model.batches_seen(),
        })
    }

    fn threads(&self) -> usize {
        cores()
    }

    fn set_weights(&mut self, run: usize, weights: &Weights<'_>) -> Result<()> {
        let network = Arc::clone(self.network());
        let joined = |params: &[Cow<'_, [f32]>]| -> Vec<f32> {
            let parts = network.params.iter().zip(params).map(|(param, values)| param.to_kernels(values));
            parts.collect::<Vec<_>>().concat()
        };
        let put = |into: &Tensor, values: Vec<f32>| {
            let n = values.len();
            into.slice_assign(&[run..run + 1, 0..n], &Tensor::from_vec(values, (1, n), into.device())?)
        };
        let params = put(self.model.params(), joined(&weights.params))?;
        self.model.set_params(params);
        for (slot, values) in self.state.slots.iter_mut().zip(&weights.slots) {
            *slot = put(slot, joined(values))?;
        }
        self.state.steps = weights.optimizer_steps;
        if !weights.running.is_empty() {
            let running = self.model.running().map(|running| put(running, weights.running.clone())).transpose()?;
            self.model.set_running(running);
            self.model.set_batches_seen(weights.batches_seen);
        }
        Ok(())
    }
}
