//! A residual block, x + body(x): the sum alone, the body is structure.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::update::accumulate;
use crate::model::cpu::pass::{Back, Pass, Scratch, State, latest};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, body: Vec<Layer>) -> Result<(), NetworkError> {
    let output = body.last().map_or(layer.input, |last| last.output);
    if output != layer.input {
        return Err(NetworkError::Residual { layer: layer.name.clone(), input: layer.input, output });
    }
    layer.op = Op::Residual(body);
    Ok(())
}

/// The body has run: its states are in `state`.
pub fn forward(layer: &Layer, state: &mut State, x: &[f32]) {
    let State { out, body, .. } = state;
    let branch = latest(layer.body(), body, x);
    out.iter_mut().zip(branch).zip(x).for_each(|((o, &b), &x)| *o = x + b);
}

pub fn backward(
    layer: &Layer,
    pass: &Pass<'_>,
    scratch: &mut Scratch,
    Back { gradient, branch, .. }: Back<'_>,
) -> Buffer {
    let len = pass.rows * layer.output.len();
    let mut dx = branch.expect("the walk has gone back through the body");
    accumulate(&mut dx[..len], &gradient[..len]);
    scratch.give_back(gradient);
    dx
}

/// The body has run and left `body`.
pub fn forward_on_device(prepared: &Prepared, input: Tensor, body: Vec<Trace>) -> candle_core::Result<Trace> {
    let out = (&input + body.last().map_or(&input, Trace::out))?;
    Trace::new(prepared, input, &out, Kept::Body(body))
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    let branch = back.branch.take().expect("a body passes its gradient on");
    Ok(Gradient::of_output((back.dz(at)? + branch)?))
}
