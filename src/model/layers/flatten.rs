//! Image to vector, in PyTorch's order (channel, row, column). Where both orders are one, the walk looks through this layer.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::pool::transpose_images;
use crate::gpu::swap;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::layer::{Layer, Op};
use crate::model::shape::Shape;

pub fn plan(layer: &mut Layer) {
    (layer.op, layer.output) = (Op::Flatten, Shape::Flat(layer.input.len()));
}

pub fn forward(layer: &Layer, state: &mut State, x: &[f32]) {
    transpose_images(x, layer.input.pixels(), layer.input.units(), &mut state.out);
}

pub fn backward(layer: &Layer, pass: &Pass<'_>, scratch: &mut Scratch, back: Back<'_>) -> Buffer {
    let (pixels, units) = (layer.input.pixels(), layer.input.units());
    back.into_input(layer, pass, scratch, |dy, dx| transpose_images(dy, units, pixels, dx))
}

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let (runs, rows) = (pass.runs()?, pass.rows);
    let torch = swap(&input, [runs * rows, layer.input.pixels(), layer.input.units()])?;
    let out = torch.reshape((runs, rows, layer.output.units()))?;
    Trace::new(prepared, input, &out, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    let (images, input) = (back.pass.runs()? * back.pass.rows, at.layer.input);
    let dx = swap(&back.dz(at)?, [images, input.units(), input.pixels()])?;
    Ok(Gradient::of_output(dx.reshape(at.trace.input.shape())?))
}
