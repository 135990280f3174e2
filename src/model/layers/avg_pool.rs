//! Mean over windows.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::conv::ConvShape;
use crate::cpu::pool;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::error::NetworkError;
use crate::model::geometry::{pooled, windows};
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, kernel: usize, stride: usize) -> Result<(), NetworkError> {
    let shape = windows(layer, layer.input.units(), [kernel; 2], stride, 0)?;
    (layer.op, layer.output) = (Op::AvgPool(shape), pooled(&shape));
    Ok(())
}

pub fn forward(shape: &ConvShape, state: &mut State, x: &[f32]) {
    pool::average_forward(shape, x, &mut state.out);
}

pub fn backward(layer: &Layer, shape: &ConvShape, pass: &Pass<'_>, scratch: &mut Scratch, back: Back<'_>) -> Buffer {
    back.into_input(layer, pass, scratch, |dy, dx| pool::average_backward(shape, dy, dx))
}

pub fn forward_on_device(prepared: &Prepared, input: Tensor) -> candle_core::Result<Trace> {
    let out = prepared.windows().average(&input)?;
    Trace::new(prepared, input, &out, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    Ok(Gradient::of_output(at.prepared.windows().average_backward(&back.dz(at)?)?))
}
