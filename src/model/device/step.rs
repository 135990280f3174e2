//! A batch on a device: forward and backward pass of all runs at once, and one copy to the host.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};

use crate::gpu::reduce::join_gradients;
use crate::model::device::layout;
use crate::model::device::model::DeviceModel;
use crate::model::device::observe::Seen;
use crate::model::device::pass::Trace;
use crate::model::device::transfer::{self, Transfer};
use crate::model::device::walk::{self, Chain};
use crate::model::layer::Layer;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};

/// Results of a training step.
pub struct Step {
    /// Loss and statistics of every run.
    pub observed: Vec<Observed>,
    /// Norm of all gradients together, of every run.
    pub gradient_norms: Vec<f64>,
}

impl DeviceModel {
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

    /// Does as [`DeviceModel::forward_backward`] and keeps everything, for checks: also each top-level layer's output and the samples'
    /// gradient, all in PyTorch's order.
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
        let pass = self.pass(rows, true);
        let traces = walk::forward(&network.layers, &self.prepared, &pass, &samples)?;
        let outputs = traces.last().map_or(&samples, Trace::out);
        let measured = self.measure(outputs, &targets, loss, rows, 1.0 / rows as f64)?;
        let mut seen = Seen::new(&network, observe);
        let first = if input_gradient { None } else { network.layers.iter().position(Layer::has_params) };
        let chain = Chain { layers: &network.layers, prepared: &self.prepared, traces: &traces };
        let mut found = vec![None; network.params.len()];
        let gradient = measured.gradient.reshape(outputs.shape())?;
        let input = chain.backward(&pass, gradient, first, &mut found, &mut seen)?;
        let (gradients, squares) = self.join(found)?;
        seen.forward(&network.layers, &traces);
        self.move_running(&traces, rows)?;
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
        let traces = walk::forward(layers, &self.prepared, &self.pass(rows, training), &samples)?;
        let outputs = traces.last().map_or(&samples, Trace::out);
        let measured = self.measure(outputs, &targets, loss, rows, 1.0)?;
        let mut seen = Seen::new(self.network(), observe);
        seen.forward(layers, &traces);
        Ok(self.observe(&measured, seen, rows, Transfer::default())?.0)
    }
    /// All parameters' gradients, `[run, value]`, from their parts, with the sums of their squares.
    fn join(&self, found: Vec<Option<Tensor>>) -> Result<(Tensor, Tensor)> {
        let found: Vec<Tensor> = found.into_iter().map(|g| g.expect("every parameter took part")).collect();
        if found.is_empty() {
            return Ok((self.params.zeros_like()?, Tensor::zeros(self.runs(), DType::F64, &self.device)?));
        }
        join_gradients(&found)
    }
}
