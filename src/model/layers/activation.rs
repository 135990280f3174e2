//! φ in a layer of its own, element by element.

use candle_core::Tensor;

use crate::activation::Activation;
use crate::cpu::activation;
use crate::cpu::buffer::Buffer;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, activation: Activation, draft: &mut Draft) {
    (layer.op, layer.activation) = (Op::Activation, activation);
    draft.observe(layer);
}

pub fn forward(layer: &Layer, pass: &mut Pass<'_>, scratch: &mut Scratch, state: &mut State, x: &[f32]) {
    state.pre_activation(layer).copy_from_slice(x);
    apply(layer, None, pass, scratch, state);
}

pub fn backward(
    layer: &Layer,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    Back { mut gradient, .. }: Back<'_>,
) -> Buffer {
    let len = pass.rows * layer.output.len();
    apply_backward(layer, &mut gradient[..len], None, pass, scratch, state);
    gradient
}

/// Bias, φ and statistics of any layer's pre-activations, in one walk over them.
pub fn apply(
    layer: &Layer,
    bias: Option<&[f32]>,
    pass: &mut Pass<'_>,
    Scratch { activation: scratch, .. }: &mut Scratch,
    state: &mut State,
) {
    let observation = pass.observation(layer);
    if bias.is_none() && observation.is_none() && layer.activation == Activation::Identity {
        return;
    }
    let State { out, z, .. } = state;
    let (z, h) = if layer.activation.slope_from_output() { (out, None) } else { (z, Some(&mut **out)) };
    activation::forward(layer.activation, z, h, layer.output.units(), bias, observation, scratch);
}

/// From the gradient of h to that of z, in place; `bias` gets the sums of its gradient.
pub fn apply_backward(
    layer: &Layer,
    gradient: &mut [f32],
    bias: Option<&mut [f32]>,
    pass: &mut Pass<'_>,
    Scratch { activation: scratch, .. }: &mut Scratch,
    state: &State,
) {
    let saved = if layer.activation.slope_from_output() { &state.out } else { &state.z };
    let observation = pass.observation(layer);
    activation::backward(layer.activation, gradient, saved, layer.output.units(), bias, observation, scratch);
}

pub fn forward_on_device(prepared: &Prepared, input: Tensor) -> candle_core::Result<Trace> {
    let z = input.clone();
    Trace::new(prepared, input, &z, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    Ok(Gradient::of_output(back.dz(at)?))
}
