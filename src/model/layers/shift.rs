//! x + β with one learned number β, 0 at the start.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::gpu::reduce::unit_sums;
use crate::model::cpu::pass::{Back, Pass, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, lr_scale: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::Shift;
    layer.bias = Some(draft.scalar(layer, "bias", 0.0, lr_scale)?);
    Ok(())
}

pub fn forward(layer: &Layer, pass: &Pass<'_>, state: &mut State, x: &[f32]) {
    let shift = pass.param(layer.bias)[0];
    state.out.iter_mut().zip(x).for_each(|(o, &x)| *o = x + shift);
}

pub fn backward(layer: &Layer, pass: &Pass<'_>, Back { gradient, gradients, .. }: Back<'_>) -> Buffer {
    let dy = &gradient[..pass.rows * layer.output.len()];
    gradients[pass.range(layer.bias).start] = dy.iter().map(|&g| f64::from(g)).sum::<f64>() as f32;
    gradient
}

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let out = input.broadcast_add(&pass.matrices(layer.bias, 1)?)?;
    Trace::new(prepared, input, &out, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    let dy = back.dz(at)?;
    back.keep(at.layer.bias, &unit_sums(&dy, back.pass.rows)?.sum_keepdim(1)?)?;
    Ok(Gradient::of_output(dy))
}
