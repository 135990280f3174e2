//! Maximum over windows; the first of equal ones gets the gradient.

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

pub fn plan(layer: &mut Layer, kernel: usize, stride: usize, padding: usize) -> Result<(), NetworkError> {
    if padding > kernel / 2 {
        return Err(NetworkError::PoolPadding { layer: layer.name.clone(), kernel, padding });
    }
    let shape = windows(layer, layer.input.units(), [kernel; 2], stride, padding)?;
    (layer.op, layer.output) = (Op::MaxPool(shape), pooled(&shape));
    Ok(())
}

pub fn forward(shape: &ConvShape, state: &mut State, x: &[f32]) {
    state.chosen.resize(state.out.len(), 0);
    pool::max_forward(shape, x, &mut state.out, &mut state.chosen);
}

pub fn backward(
    layer: &Layer,
    shape: &ConvShape,
    pass: &Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    back: Back<'_>,
) -> Buffer {
    back.into_input(layer, pass, scratch, |dy, dx| pool::max_backward(shape, dy, &state.chosen, dx))
}

pub fn forward_on_device(prepared: &Prepared, input: Tensor) -> candle_core::Result<Trace> {
    let (out, chosen) = prepared.windows().max(&input)?;
    Trace::new(prepared, input, &out, Kept::Chosen(chosen))
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    let Kept::Chosen(chosen) = &at.trace.kept else { unreachable!("the forward pass has kept the places") };
    Ok(Gradient::of_output(at.prepared.windows().max_backward(chosen, &back.dz(at)?)?))
}
