//! x·α with one learned number α.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::update;
use crate::gpu::reduce::unit_sums;
use crate::model::cpu::pass::{Back, Pass, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, start: f64, lr_scale: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::Scale;
    layer.weight = Some(draft.scalar(layer, "scale", start, lr_scale)?);
    Ok(())
}

pub fn forward(layer: &Layer, pass: &Pass<'_>, state: &mut State, x: &[f32]) {
    let scale = pass.param(layer.weight)[0];
    state.out.iter_mut().zip(x).for_each(|(o, &x)| *o = x * scale);
}

pub fn backward(layer: &Layer, pass: &Pass<'_>, Back { x, mut gradient, gradients, .. }: Back<'_>) -> Buffer {
    let dy = &mut gradient[..pass.rows * layer.output.len()];
    let sum: f64 = dy.iter().zip(x).map(|(&g, &x)| f64::from(g) * f64::from(x)).sum();
    gradients[pass.range(layer.weight).start] = sum as f32;
    update::scale(dy, pass.param(layer.weight)[0]);
    gradient
}

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let out = input.broadcast_mul(&pass.matrices(layer.weight, 1)?)?;
    Trace::new(prepared, input, &out, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    let (layer, dy) = (at.layer, back.dz(at)?);
    back.keep(layer.weight, &unit_sums(&(&dy * &at.trace.input)?, back.pass.rows)?.sum_keepdim(1)?)?;
    Ok(Gradient::of_output(dy.broadcast_mul(&back.pass.matrices(layer.weight, 1)?)?))
}
