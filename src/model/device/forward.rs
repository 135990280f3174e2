//! The forward pass, layer by layer, for all runs at once.

use candle_core::{Result, Tensor};

use super::DeviceModel;
use super::layout::swap;
use super::prepared::Prepared;
use crate::gpu::phi::Activated;
use crate::gpu::reduce::{by_pixel, mean_of_pixels};
use crate::gpu::{Phi, norm};
use crate::model::{Layer, Op};

/// What a layer remembers from its forward pass.
pub struct Trace {
    /// What came in, `[run, row·pixel, unit]`.
    pub input: Tensor,
    /// The pre-activation.
    pub z: Tensor,
    /// The activation.
    pub activated: Activated,
    /// What the way back needs besides.
    pub kept: Kept,
}

pub enum Kept {
    Nothing,
    /// A convolution's patches.
    Patches(Tensor),
    /// Where each maximum was.
    Chosen(Tensor),
    /// Values after a norm, before its weight (`[run, row, pixel, unit]`), 1/σ, and the moments.
    Normal {
        normal: Tensor,
        inverse_std: Tensor,
        moments: [Tensor; 2],
    },
    /// A residual block's layers.
    Body(Vec<Trace>),
}

impl Trace {
    /// What goes out.
    pub fn out(&self) -> &Tensor {
        &self.activated.h
    }
}

/// The dimensions of `[run, row, pixel, unit]` over which a norm takes its moments, the innermost first.
pub fn norm_dims(layer: &Layer) -> &'static [usize] {
    if matches!(layer.op, Op::BatchNorm { .. }) { &[2, 1] } else { &[3, 2] }
}

impl DeviceModel {
    pub(super) fn forward_layers(
        &self,
        layers: &[Layer],
        prepared: &[Prepared],
        samples: &Tensor,
        rows: usize,
        training: bool,
    ) -> Result<Vec<Trace>> {
        let mut traces: Vec<Trace> = Vec::with_capacity(layers.len());
        for (layer, prepared) in layers.iter().zip(prepared) {
            let input = traces.last().map_or(samples, Trace::out).clone();
            traces.push(self.forward_layer(layer, prepared, input, rows, training)?);
        }
        Ok(traces)
    }

    fn forward_layer(
        &self,
        layer: &Layer,
        prepared: &Prepared,
        input: Tensor,
        rows: usize,
        training: bool,
    ) -> Result<Trace> {
        let (z, activated, kept) = match (&layer.op, &prepared.convolution) {
            (Op::Linear, _) => {
                let (z, activated) = self.product(layer, &prepared.phi, &input)?;
                (z, activated, Kept::Nothing)
            }
            (Op::Conv2d(_), Some(convolution)) => {
                let (weights, bias) = (self.values(layer.weight)?, self.bias(layer)?);
                let (z, activated) = convolution.forward(&input, &weights, bias.as_ref(), &prepared.phi)?;
                (z, activated, Kept::Nothing)
            }
            (Op::Conv2d(_), None) => {
                let patches = prepared.windows().patches(&input)?;
                let (z, activated) = self.product(layer, &prepared.phi, &patches)?;
                (z, activated, Kept::Patches(patches))
            }
            _ => {
                let (z, kept) = self.pre_activation(layer, prepared, &input, rows, training)?;
                let (z, activated) = prepared.phi.forward(&z, None)?;
                (z, activated, kept)
            }
        };
        Ok(Trace { input, z, activated, kept })
    }

    /// z of a layer that is no product.
    fn pre_activation(
        &self,
        layer: &Layer,
        prepared: &Prepared,
        x: &Tensor,
        rows: usize,
        training: bool,
    ) -> Result<(Tensor, Kept)> {
        let (runs, units) = (self.runs(), layer.output.units());
        Ok(match &layer.op {
            Op::Linear | Op::Conv2d(_) => unreachable!("a product's z comes with its activation"),
            Op::Activation => (x.clone(), Kept::Nothing),
            Op::MaxPool(_) => {
                let (out, chosen) = prepared.windows().max(x)?;
                (out, Kept::Chosen(chosen))
            }
            Op::AvgPool(_) => (prepared.windows().average(x)?, Kept::Nothing),
            Op::GlobalAvgPool => (mean_of_pixels(x, layer.input.pixels())?, Kept::Nothing),
            Op::Flatten => {
                let torch = swap(x, [runs * rows, layer.input.pixels(), layer.input.units()])?;
                (torch.reshape((runs, rows, units))?, Kept::Nothing)
            }
            Op::BatchNorm { eps, running, .. } if !training => {
                let estimates = self.running.as_ref().expect("batch norm has estimates");
                let of = |start: usize| estimates.narrow(1, start, units)?.reshape((runs, 1, 1, units));
                self.normalized(layer, x, rows, [of(*running)?, of(running + units)?], *eps)?
            }
            Op::BatchNorm { eps, .. } | Op::LayerNorm { eps } => {
                let moments = norm::moments(&by_pixel(x, rows)?, norm_dims(layer))?;
                self.normalized(layer, x, rows, moments, *eps)?
            }
            Op::Residual(body) => {
                let traces = self.forward_layers(body, &prepared.body, x, rows, training)?;
                let branch = traces.last().map_or(x, Trace::out);
                ((x + branch)?, Kept::Body(traces))
            }
            Op::Scale => (x.broadcast_mul(&self.matrices(layer.weight, 1)?)?, Kept::Nothing),
            Op::Shift => (x.broadcast_add(&self.matrices(layer.bias, 1)?)?, Kept::Nothing),
        })
    }

    /// z = Wx + b and φ(z) for rows x, `[run, row, in]` → `[run, row, out]`.
    fn product(&self, layer: &Layer, phi: &Phi, x: &Tensor) -> Result<(Tensor, Activated)> {
        let product = x.matmul(&self.matrices(layer.weight, x.dim(2)?)?.transpose(1, 2)?)?;
        phi.forward(&product, self.bias(layer)?.as_ref())
    }

    /// A layer's bias as `[run, 1, unit]`.
    fn bias(&self, layer: &Layer) -> Result<Option<Tensor>> {
        layer.bias.map(|_| self.matrices(layer.bias, layer.output.units())).transpose()
    }

    fn normalized(
        &self,
        layer: &Layer,
        x: &Tensor,
        rows: usize,
        moments: [Tensor; 2],
        eps: f64,
    ) -> Result<(Tensor, Kept)> {
        let (normal, inverse_std) = norm::normalize(&by_pixel(x, rows)?, &moments, eps)?;
        let bias = self.norm_param(layer, layer.bias)?;
        let out = normal.broadcast_mul(&self.norm_param(layer, layer.weight)?)?.broadcast_add(&bias)?;
        Ok((out.reshape(x.shape())?, Kept::Normal { normal, inverse_std, moments }))
    }

    /// A norm's weight or bias as `[run, 1, pixel or 1, unit]`.
    pub(super) fn norm_param(&self, layer: &Layer, index: Option<usize>) -> Result<Tensor> {
        self.matrices(index, layer.output.units())?.unsqueeze(1)
    }

    /// Moves batch norm's running estimates after a training step (unbiased variance, as PyTorch does).
    pub(super) fn move_running(&mut self, layers: &[Layer], traces: &[Trace], rows: usize) -> Result<()> {
        let Some(old) = &self.running else { return Ok(()) };
        let mut found = Vec::new();
        new_estimates(layers, traces, rows, &mut found)?;
        // In the order of the network's estimates.
        found.sort_by_key(|(start, ..)| *start);
        let mut moved = Vec::new();
        for (start, momentum, new) in found {
            let old = old.narrow(1, start, new.dim(1)?)?.affine(1.0 - momentum, 0.0)?;
            moved.push((old + new.affine(momentum, 0.0)?)?);
        }
        self.running = Some(Tensor::cat(&moved, 1)?);
        self.batches_seen += 1;
        Ok(())
    }
}

/// For each batch norm where its estimates start, its momentum, and the batch's means and variances `[run, 2·unit]`.
fn new_estimates(layers: &[Layer], traces: &[Trace], rows: usize, found: &mut Vec<(usize, f64, Tensor)>) -> Result<()> {
    for (layer, trace) in layers.iter().zip(traces) {
        match (&layer.op, &trace.kept) {
            (Op::BatchNorm { momentum, running, .. }, Kept::Normal { moments: [mean, variance], .. }) => {
                let n = (rows * layer.input.pixels()) as f64;
                let variance = variance.affine(n / (n.max(2.0) - 1.0), 0.0)?;
                let new = Tensor::cat(&[mean.flatten_from(1)?, variance.flatten_from(1)?], 1)?;
                found.push((*running, *momentum, new));
            }
            (Op::Residual(body), Kept::Body(traces)) => new_estimates(body, traces, rows, found)?,
            _ => {}
        }
    }
    Ok(())
}
