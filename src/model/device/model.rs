//! Networks on candle tensors: any device and float type, forward and backward by hand, no autograd.
//!
//! A [`DeviceModel`] is a cohort: R networks of one shape that train side by side, each with its own parameters,
//! activation parameters and batches. One run is a cohort of one. All parameters lie in one tensor `[run, value]`, laid
//! out as [`super::cpu::CpuModel`] has them, so that an optimiser's step is a few launches whatever the depth.

mod backward;
mod forward;
mod layout;
mod measure;
mod observe;
mod prepared;
mod transfer;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};
use crate::model::{Layer, Network};
use forward::Trace;
use observe::Seen;
use prepared::Prepared;
use transfer::Transfer;

/// Networks of one shape with their parameters on a device.
pub struct DeviceModel {
    networks: Vec<Arc<Network>>,
    device: Device,
    dtype: DType,
    prepared: Vec<Prepared>,
    /// `[run, value]`, in the kernels' layout.
    params: Tensor,
    /// The same for the last step's gradients.
    gradients: Option<Tensor>,
    /// Batch norm's estimates, `[run, value]`; absent where there are none.
    running: Option<Tensor>,
    batches_seen: u64,
}

/// What a training step gave.
pub struct Step {
    /// Loss and statistics of every run.
    pub observed: Vec<Observed>,
    /// Norm of all gradients together, of every run.
    pub gradient_norms: Vec<f64>,
}

impl DeviceModel {
    /// One network with all parameters zero and running variances one.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(network: Arc<Network>, device: Device, dtype: DType) -> Result<Self> {
        Self::cohort(vec![network], device, dtype)
    }

    /// The same for several networks, which must be [`Network::like`] each other.
    ///
    /// # Errors
    /// The device refuses memory.
    ///
    /// # Panics
    /// If there is no network, or they are not alike.
    pub fn cohort(networks: Vec<Arc<Network>>, device: Device, dtype: DType) -> Result<Self> {
        assert!(networks.iter().all(|network| network.like(&networks[0])), "the networks of a cohort are alike");
        let layers: Vec<&[Layer]> = networks.iter().map(|network| network.layers.as_slice()).collect();
        let prepared = Prepared::all(&layers, dtype, &device)?;
        let (network, runs) = (&networks[0], networks.len());
        let params = Tensor::zeros((runs, network.parameters()), dtype, &device)?;
        let estimates = network.initial_running();
        let running = if estimates.is_empty() {
            None
        } else {
            let one = Tensor::new(estimates, &device)?.to_dtype(dtype)?;
            Some(one.unsqueeze(0)?.repeat((runs, 1))?)
        };
        Ok(Self { networks, device, dtype, prepared, params, gradients: None, running, batches_seen: 0 })
    }

    /// The plan of the first run; the others differ at most in activation parameters.
    pub fn network(&self) -> &Arc<Network> {
        &self.networks[0]
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.networks.len()
    }

    /// Where the tensors lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The float type of every tensor.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// All parameters, `[run, value]`, in the kernels' layout.
    pub fn params(&self) -> &Tensor {
        &self.params
    }

    /// Replaces all parameters of all runs.
    pub fn set_params(&mut self, params: Tensor) {
        self.params = params;
    }

    /// All gradients of the last step, laid out like the parameters.
    ///
    /// # Panics
    /// If no step was taken.
    pub fn gradients(&self) -> &Tensor {
        self.gradients.as_ref().expect("a step was taken")
    }

    /// Batch norm's running estimates, `[run, value]`, laid out as in [`Network::running`]; `None` without batch norm.
    pub fn running(&self) -> Option<&Tensor> {
        self.running.as_ref()
    }

    /// Replaces the running estimates of all runs.
    pub fn set_running(&mut self, running: Option<Tensor>) {
        self.running = running;
    }

    /// Training steps that moved the running estimates.
    pub fn batches_seen(&self) -> u64 {
        self.batches_seen
    }

    /// Sets the number of training steps seen.
    pub fn set_batches_seen(&mut self, batches: u64) {
        self.batches_seen = batches;
    }

    /// Forward and backward pass: the gradients of each run's mean loss are kept for the optimiser. Everything that the
    /// host is to know comes in one copy.
    ///
    /// `samples` is `[run, row, …]` with images as PyTorch orders them, `targets` holds the rows of all runs in order; either
    /// may have one run for all.
    ///
    /// # Errors
    /// The device fails.
    pub fn forward_backward(
        &mut self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> Result<Step> {
        Ok(self.step(samples, targets, loss, observe, false)?.0)
    }

    /// The same with everything kept, for checks: also the output of each top-level layer, and the samples' gradient,
    /// all in PyTorch's order.
    ///
    /// # Errors
    /// The device fails.
    pub fn trace(&mut self, samples: &Tensor, targets: Targets<'_>, loss: Loss) -> Result<(Step, Vec<Tensor>, Tensor)> {
        let (step, traces, input) = self.step(samples, targets, loss, &Observe::default(), true)?;
        let network = self.network();
        let outputs =
            network.layers.iter().zip(&traces).map(|(layer, t)| layout::samples_to_torch(t.out(), layer.output));
        let input = input.expect("the gradient of the samples was asked for");
        Ok((step, outputs.collect::<Result<_>>()?, layout::samples_to_torch(&input, network.input)?))
    }

    fn step(
        &mut self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
        input_gradient: bool,
    ) -> Result<(Step, Vec<Trace>, Option<Tensor>)> {
        let network = Arc::clone(self.network());
        let rows = samples.dim(1)?;
        let samples = self.input(samples)?;
        let targets = self.targets(targets, rows)?;
        let _constants = transfer::keep_constants(&self.device);
        let traces = self.forward_layers(&network.layers, &self.prepared, &samples, rows, true)?;
        let outputs = traces.last().map_or(&samples, Trace::out);
        let measured = self.measure(outputs, &targets, loss, rows, 1.0 / rows as f64)?;
        let mut seen = Seen::new(&network, observe);
        let first = if input_gradient { None } else { network.layers.iter().position(Layer::has_params) };
        let ((gradients, squares), input) =
            self.backward(&traces, measured.gradient.clone(), rows, first, &mut seen)?;
        seen.forward(&network.layers, &traces);
        self.move_running(&network.layers, &traces, rows)?;
        let mut transfer = Transfer::default();
        let norms = transfer.add(&squares)?;
        self.gradients = Some(gradients);
        let (observed, numbers) = self.observe(&measured, seen, rows, transfer)?;
        let gradient_norms = numbers[norms].iter().map(|square| square.sqrt()).collect();
        Ok((Step { observed, gradient_norms }, traces, input))
    }

    /// Forward pass only, with samples and targets as in [`DeviceModel::forward_backward`]; batch norm takes the running
    /// estimates unless `training`.
    ///
    /// # Errors
    /// The device fails.
    pub fn evaluate(
        &self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
        training: bool,
    ) -> Result<Vec<Observed>> {
        let rows = samples.dim(1)?;
        let samples = self.input(samples)?;
        let targets = self.targets(targets, rows)?;
        let _constants = transfer::keep_constants(&self.device);
        let layers = &self.network().layers;
        let traces = self.forward_layers(layers, &self.prepared, &samples, rows, training)?;
        let outputs = traces.last().map_or(&samples, Trace::out);
        let measured = self.measure(outputs, &targets, loss, rows, 1.0)?;
        let mut seen = Seen::new(self.network(), observe);
        seen.forward(layers, &traces);
        Ok(self.observe(&measured, seen, rows, Transfer::default())?.0)
    }
}
