//! Layer normalisation over the whole sample (Ba et al. 2016).

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::norm::{layer_backward, layer_forward};
use crate::gpu::norm::moments;
use crate::gpu::reduce::by_pixel;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::model::layers::{activation, norm};
use crate::model::param::Layout;

pub fn plan(layer: &mut Layer, eps: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::LayerNorm { eps };
    let layout = Layout::ChannelsLast { channels: layer.input.units(), pixels: layer.input.pixels() };
    draft.norm_params(layer, layer.input.dims(), layout)
}

pub fn forward(layer: &Layer, eps: f64, pass: &mut Pass<'_>, scratch: &mut Scratch, state: &mut State, x: &[f32]) {
    layer_forward(x, pass.param(layer.weight), pass.param(layer.bias), eps, &mut state.out);
    activation::apply(layer, None, pass, scratch, state);
}

pub fn backward(
    layer: &Layer,
    eps: f64,
    pass: &mut Pass<'_>,
    Back { x, mut gradient, gradients, .. }: Back<'_>,
) -> Buffer {
    let dy = &mut gradient[..pass.rows * layer.output.len()];
    pass.observe_gradient(layer, dy);
    let (weight, [dw, db]) = (pass.param(layer.weight), pass.norm_gradients(layer, gradients));
    layer_backward(x, weight, eps, dy, dw, db);
    gradient
}

/// The dimensions of `[run, row, pixel, unit]` over which the moments are taken, the innermost first.
const DIMS: &[usize] = &[3, 2];

pub fn forward_on_device(
    layer: &Layer,
    eps: f64,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let moments = moments(&by_pixel(&input, pass.rows)?, DIMS)?;
    norm::forward_on_device(layer, prepared, pass, input, moments, eps)
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    norm::backward_on_device(at, back, DIMS, &[1])
}
