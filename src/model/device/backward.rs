//! The backward pass, layer by layer, for all runs at once.

use candle_core::{DType, Result, Tensor};

use super::DeviceModel;
use super::forward::{Kept, Trace, norm_dims};
use super::layout::swap;
use super::observe::Seen;
use super::prepared::Prepared;
use crate::gpu::cuda::Convolution;
use crate::gpu::norm::normalize_backward;
use crate::gpu::reduce::{by_pixel, join_gradients, mean_of_pixels_backward, sum_over, unit_sums};
use crate::model::{Layer, Op};

/// A backward pass on its way: rows of the batch, gradients found so far, and who observes.
struct Pass<'a, 'b> {
    rows: usize,
    /// By parameter, each `[run, part, len]` in the kernels' layout: what is still to be added up.
    gradients: Vec<Option<Tensor>>,
    seen: &'a mut Seen<'b>,
}

/// A layer with what belongs to it.
#[derive(Clone, Copy)]
struct At<'a> {
    layer: &'a Layer,
    prepared: &'a Prepared,
    trace: &'a Trace,
}

/// The gradient of a layer's output, of its z where the layer behind it found that too, or of both.
struct Gradient {
    dh: Option<Tensor>,
    dz: Option<Tensor>,
}

impl Gradient {
    fn of_output(dh: Tensor) -> Self {
        Self { dh: Some(dh), dz: None }
    }

    fn dh(&self) -> &Tensor {
        self.dh.as_ref().expect("it is left out before convolutions with kernels of their own alone")
    }
}

impl Pass<'_, '_> {
    fn keep(&mut self, param: Option<usize>, gradient: &Tensor) -> Result<()> {
        let runs = gradient.dim(0)?;
        self.keep_parts(param, gradient.reshape((runs, 1, ()))?);
        Ok(())
    }

    fn keep_parts(&mut self, param: Option<usize>, parts: Tensor) {
        self.gradients[param.expect("this layer has the parameter")] = Some(parts);
    }
}

impl DeviceModel {
    /// All parameters' gradients, `[run, value]`, from that of the outputs, with the sums of their squares, and the gradient of
    /// the samples. With `first`, nothing before that layer is needed, and neither is its own input's gradient.
    pub(super) fn backward(
        &self,
        traces: &[Trace],
        gradient: Tensor,
        rows: usize,
        first: Option<usize>,
        seen: &mut Seen<'_>,
    ) -> Result<((Tensor, Tensor), Option<Tensor>)> {
        let network = self.network();
        let outputs = traces.last().map_or_else(|| gradient.shape(), |trace| trace.out().shape());
        let gradient = gradient.reshape(outputs)?;
        let mut pass = Pass { rows, gradients: vec![None; network.params.len()], seen };
        let input = self.backward_layers(&network.layers, &self.prepared, traces, gradient, first, &mut pass)?;
        let found: Vec<Tensor> = pass.gradients.into_iter().map(|g| g.expect("every parameter took part")).collect();
        if found.is_empty() {
            let squares = Tensor::zeros(self.runs(), DType::F64, &self.device)?;
            return Ok(((self.params.zeros_like()?, squares), input));
        }
        Ok((join_gradients(&found)?, input))
    }

    fn backward_layers(
        &self,
        layers: &[Layer],
        prepared: &[Prepared],
        traces: &[Trace],
        gradient: Tensor,
        first: Option<usize>,
        pass: &mut Pass<'_, '_>,
    ) -> Result<Option<Tensor>> {
        let mut gradient = Gradient::of_output(gradient);
        let at = |i: usize| At { layer: &layers[i], prepared: &prepared[i], trace: &traces[i] };
        for i in (first.unwrap_or(0)..layers.len()).rev() {
            if let Some(dh) = &gradient.dh {
                pass.seen.gradient(&layers[i], dh);
            }
            let wanted = first != Some(i);
            let next = match &prepared[i].convolution {
                Some(convolution) => {
                    let before = i.checked_sub(1).map(at);
                    self.convolution_backward(convolution, at(i), before, &gradient, wanted, pass)?
                }
                None => self.backward_layer(at(i), gradient.dh(), wanted, pass)?.map(Gradient::of_output),
            };
            match next {
                Some(next) => gradient = next,
                None => return Ok(None),
            }
        }
        Ok(gradient.dh)
    }

    /// The same as [`DeviceModel::backward_layer`] for a convolution that has kernels of its own; behind another one they go
    /// through its activation too.
    fn convolution_backward(
        &self,
        convolution: &Convolution,
        At { layer, prepared, trace }: At<'_>,
        before: Option<At<'_>>,
        gradient: &Gradient,
        wanted: bool,
        pass: &mut Pass<'_, '_>,
    ) -> Result<Option<Gradient>> {
        let dz = match &gradient.dz {
            Some(dz) => dz.clone(),
            None => prepared.phi.backward(gradient.dh(), &trace.z, &trace.activated)?,
        };
        let (weights, bias) = convolution.gradient(&trace.input, &dz, layer.bias.is_some())?;
        pass.keep_parts(layer.weight, weights);
        if let Some(bias) = bias {
            pass.keep_parts(layer.bias, bias);
        }
        if !wanted {
            return Ok(None);
        }
        let weights = self.values(layer.weight)?;
        let Some(before) = before.filter(|before| before.prepared.convolution.is_some()) else {
            return Ok(Some(Gradient::of_output(convolution.backward(&dz, &weights)?)));
        };
        let (phi, trace, seen) = (&before.prepared.phi, before.trace, pass.seen.wants(before.layer));
        let (dh, dz) = convolution.backward_through(&dz, &weights, phi, [&trace.z, trace.out()], seen)?;
        Ok(Some(Gradient { dh, dz: Some(dz) }))
    }

    /// Keeps the gradients of the layer's parameters; returns that of its input if `wanted`.
    fn backward_layer(&self, at: At<'_>, dh: &Tensor, wanted: bool, pass: &mut Pass<'_, '_>) -> Result<Option<Tensor>> {
        let At { layer, prepared, trace } = at;
        let (x, rows, runs) = (&trace.input, pass.rows, self.runs());
        match (&layer.op, &trace.kept) {
            (Op::Linear, _) => return self.product_backward(at, x, dh, wanted, pass),
            (Op::Conv2d(_), Kept::Patches(patches)) => {
                let dx = self.product_backward(at, patches, dh, wanted, pass)?;
                return dx.map(|dx| prepared.windows().patches_backward(&dx)).transpose();
            }
            _ => {}
        }
        let dz = prepared.phi.backward(dh, &trace.z, &trace.activated)?;
        Ok(Some(match (&layer.op, &trace.kept) {
            (Op::MaxPool(_), Kept::Chosen(chosen)) => prepared.windows().max_backward(chosen, &dz)?,
            (Op::AvgPool(_), _) => prepared.windows().average_backward(&dz)?,
            (Op::GlobalAvgPool, _) => mean_of_pixels_backward(&dz, layer.input.pixels())?,
            (Op::Flatten, _) => {
                swap(&dz, [runs * rows, layer.input.units(), layer.input.pixels()])?.reshape(x.shape())?
            }
            (_, Kept::Normal { normal, inverse_std, .. }) => {
                let (dims, dz) = (norm_dims(layer), by_pixel(&dz, rows)?);
                let over: &[usize] = if matches!(layer.op, Op::BatchNorm { .. }) { dims } else { &[1] };
                pass.keep(layer.weight, &sum_over(&(&dz * normal)?, over)?)?;
                pass.keep(layer.bias, &sum_over(&dz, over)?)?;
                let g = dz.broadcast_mul(&self.norm_param(layer, layer.weight)?)?;
                normalize_backward(&g, normal, inverse_std, dims)?.reshape(x.shape())?
            }
            (Op::Residual(body), Kept::Body(traces)) => {
                let branch = self.backward_layers(body, &prepared.body, traces, dz.clone(), None, pass)?;
                (dz + branch.expect("a body passes its gradient on"))?
            }
            (Op::Scale, _) => {
                pass.keep(layer.weight, &unit_sums(&(&dz * x)?, rows)?.sum_keepdim(1)?)?;
                dz.broadcast_mul(&self.matrices(layer.weight, 1)?)?
            }
            (Op::Shift, _) => {
                pass.keep(layer.bias, &unit_sums(&dz, rows)?.sum_keepdim(1)?)?;
                dz
            }
            _ => dz,
        }))
    }

    /// Behind φ(Wx + b) with x the layer's input or its patches: keeps dW = dzᵀx and db = Σdz, returns dx = dz·W if `wanted`.
    fn product_backward(
        &self,
        At { layer, prepared, trace }: At<'_>,
        x: &Tensor,
        dh: &Tensor,
        wanted: bool,
        pass: &mut Pass<'_, '_>,
    ) -> Result<Option<Tensor>> {
        let dz = if layer.bias.is_some() {
            let (dz, sums) = prepared.phi.backward_sums(dh, &trace.z, &trace.activated, pass.rows)?;
            pass.keep_parts(layer.bias, sums);
            dz
        } else {
            prepared.phi.backward(dh, &trace.z, &trace.activated)?
        };
        pass.keep(layer.weight, &dz.transpose(1, 2)?.matmul(x)?)?;
        if wanted { Ok(Some(dz.matmul(&self.matrices(layer.weight, x.dim(2)?)?)?)) } else { Ok(None) }
    }
}
