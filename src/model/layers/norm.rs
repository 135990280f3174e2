//! Parts that batch and layer norm share on a device: x̂·weight + bias, and the way back.

use candle_core::{Result, Tensor};

use crate::gpu::norm::{normalize, normalize_backward};
use crate::gpu::reduce::{by_pixel, sum_over};
use crate::model::device::pass::{At, Back, Gradient, Kept, Pass, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::layer::Layer;

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &Pass<'_>,
    input: Tensor,
    moments: [Tensor; 2],
    eps: f64,
) -> Result<Trace> {
    let (normal, inverse_std) = normalize(&by_pixel(&input, pass.rows)?, &moments, eps)?;
    let (weight, bias) = (param(layer, layer.weight, pass)?, param(layer, layer.bias, pass)?);
    let out = normal.broadcast_mul(&weight)?.broadcast_add(&bias)?.reshape(input.shape())?;
    Trace::new(prepared, input, &out, Kept::Normal { normal, inverse_std, moments })
}

/// With moments over `dims` of `[run, row, pixel, unit]`, and a weight and a bias that are the same over `shared` ones.
pub fn backward_on_device(at: At<'_>, back: &mut Back<'_>, dims: &[usize], shared: &[usize]) -> Result<Gradient> {
    let At { layer, trace, .. } = at;
    let Kept::Normal { normal, inverse_std, .. } = &trace.kept else { unreachable!("the forward pass has kept x̂") };
    let dy = by_pixel(&back.dz(at)?, back.pass.rows)?;
    back.keep(layer.weight, &sum_over(&(&dy * normal)?, shared)?)?;
    back.keep(layer.bias, &sum_over(&dy, shared)?)?;
    let g = dy.broadcast_mul(&param(layer, layer.weight, back.pass)?)?;
    Ok(Gradient::of_output(normalize_backward(&g, normal, inverse_std, dims)?.reshape(trace.input.shape())?))
}

/// A norm's weight or bias as `[run, 1, pixel or 1, unit]`.
fn param(layer: &Layer, index: Option<usize>, pass: &Pass<'_>) -> Result<Tensor> {
    pass.matrices(index, layer.output.units())?.unsqueeze(1)
}
