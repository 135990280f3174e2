//! A file for each kind of layer: its plan, its passes on the CPU, its passes on a device, in this order.
//!
//! These functions are the only ones that ask which kind a layer is and act on it. A residual block is structure: whoever walks
//! the layers does its body first and hands over the result, so no layer calls back into a walk.

mod activation;
mod avg_pool;
pub(super) mod batch_norm;
pub(super) mod conv2d;
mod dropout;
mod flatten;
mod global_avg_pool;
mod layer_norm;
mod linear;
mod max_pool;
mod norm;
mod residual;
mod scale;
mod shift;

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, LayerSpec, Op};

/// Fills in what `layer` computes, its output and its parameters; a residual block's `body` is planned already.
pub(super) fn plan(
    spec: &LayerSpec,
    layer: &mut Layer,
    body: Vec<Layer>,
    draft: &mut Draft,
) -> Result<(), NetworkError> {
    match spec {
        LayerSpec::Linear { out, bias } => linear::plan(layer, *out, *bias, draft)?,
        LayerSpec::Conv2d { out, kernel, stride, padding, bias } => {
            conv2d::plan(layer, *out, (*kernel, *stride, *padding), *bias, draft)?;
        }
        LayerSpec::Activation(activation) => activation::plan(layer, *activation, draft),
        LayerSpec::MaxPool { kernel, stride, padding } => max_pool::plan(layer, *kernel, *stride, *padding)?,
        LayerSpec::AvgPool { kernel, stride } => avg_pool::plan(layer, *kernel, *stride)?,
        LayerSpec::GlobalAvgPool { flatten } => global_avg_pool::plan(layer, *flatten)?,
        LayerSpec::Flatten => flatten::plan(layer),
        LayerSpec::BatchNorm { eps, momentum } => batch_norm::plan(layer, *eps, *momentum, draft)?,
        LayerSpec::LayerNorm { eps } => layer_norm::plan(layer, *eps, draft)?,
        LayerSpec::Dropout { p } => dropout::plan(layer, *p)?,
        LayerSpec::Residual(_) => residual::plan(layer, body)?,
        LayerSpec::Scale { start, lr_scale } => scale::plan(layer, *start, *lr_scale, draft)?,
        LayerSpec::Shift { lr_scale } => shift::plan(layer, *lr_scale, draft)?,
    }
    Ok(())
}

/// Values that `layer` itself keeps of a sample on the CPU, beside z and h.
pub(super) fn kept(layer: &Layer) -> u64 {
    match &layer.op {
        Op::Conv2d(shape) => conv2d::padded(shape),
        // Where each maximum was, in 32 bits.
        Op::MaxPool(_) => layer.output.len() as u64,
        // The mask.
        Op::Dropout { .. } => layer.output.len() as u64,
        Op::Linear
        | Op::Activation
        | Op::AvgPool(_)
        | Op::GlobalAvgPool
        | Op::Flatten
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::Residual(_)
        | Op::Scale
        | Op::Shift => 0,
    }
}

/// The forward pass of `layer` on the CPU: from `x` to `state`, which has room for the outputs.
pub(super) fn forward(layer: &Layer, pass: &mut Pass<'_>, scratch: &mut Scratch, state: &mut State, x: &[f32]) {
    match &layer.op {
        Op::Linear => linear::forward(layer, pass, scratch, state, x),
        Op::Conv2d(shape) => conv2d::forward(layer, shape, pass, scratch, state, x),
        Op::Activation => activation::forward(layer, pass, scratch, state, x),
        Op::MaxPool(shape) => max_pool::forward(shape, state, x),
        Op::AvgPool(shape) => avg_pool::forward(shape, state, x),
        Op::GlobalAvgPool => global_avg_pool::forward(layer, state, x),
        Op::Flatten => flatten::forward(layer, state, x),
        Op::BatchNorm { .. } => batch_norm::forward(layer, pass, scratch, state, x),
        Op::LayerNorm { eps } => layer_norm::forward(layer, *eps, pass, scratch, state, x),
        Op::Dropout { p } => dropout::forward(layer, *p, pass, state, x),
        Op::Residual(_) => residual::forward(layer, state, x),
        Op::Scale => scale::forward(layer, pass, state, x),
        Op::Shift => shift::forward(layer, pass, state, x),
    }
}

/// The backward pass of `layer` on the CPU: writes its parameters' gradients, returns its input's in a buffer that may be
/// longer.
pub(super) fn backward(
    layer: &Layer,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    back: Back<'_>,
) -> Buffer {
    match &layer.op {
        Op::Linear => linear::backward(layer, pass, scratch, state, back),
        Op::Conv2d(shape) => conv2d::backward(layer, shape, pass, scratch, state, back),
        Op::Activation => activation::backward(layer, pass, scratch, state, back),
        Op::MaxPool(shape) => max_pool::backward(layer, shape, pass, scratch, state, back),
        Op::AvgPool(shape) => avg_pool::backward(layer, shape, pass, scratch, back),
        Op::GlobalAvgPool => global_avg_pool::backward(layer, pass, scratch, back),
        Op::Flatten => flatten::backward(layer, pass, scratch, back),
        Op::BatchNorm { .. } => batch_norm::backward(layer, pass, scratch, state, back),
        Op::LayerNorm { eps } => layer_norm::backward(layer, *eps, pass, back),
        Op::Dropout { .. } => dropout::backward(layer, pass, state, back),
        Op::Residual(_) => residual::backward(layer, pass, scratch, back),
        Op::Scale => scale::backward(layer, pass, back),
        Op::Shift => shift::backward(layer, pass, back),
    }
}

/// The forward pass of `layer` on a device; a residual block's `body` has run already.
pub(super) fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
    body: Vec<Trace>,
) -> candle_core::Result<Trace> {
    match &layer.op {
        Op::Linear => linear::forward_on_device(layer, prepared, pass, input),
        Op::Conv2d(_) => conv2d::forward_on_device(layer, prepared, pass, input),
        Op::Activation => activation::forward_on_device(prepared, input),
        Op::MaxPool(_) => max_pool::forward_on_device(prepared, input),
        Op::AvgPool(_) => avg_pool::forward_on_device(prepared, input),
        Op::GlobalAvgPool => global_avg_pool::forward_on_device(layer, prepared, input),
        Op::Flatten => flatten::forward_on_device(layer, prepared, pass, input),
        Op::BatchNorm { .. } => batch_norm::forward_on_device(layer, prepared, pass, input),
        Op::LayerNorm { eps } => layer_norm::forward_on_device(layer, *eps, prepared, pass, input),
        Op::Dropout { p } => dropout::forward_on_device(layer, *p, prepared, pass, input),
        Op::Residual(_) => residual::forward_on_device(prepared, input, body),
        Op::Scale => scale::forward_on_device(layer, prepared, pass, input),
        Op::Shift => shift::forward_on_device(layer, prepared, pass, input),
    }
}

/// The backward pass of a layer on a device: keeps its parameters' gradients, returns its input's.
pub(super) fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    match &at.layer.op {
        Op::Linear => linear::backward_on_device(at, back),
        Op::Conv2d(_) => conv2d::backward_on_device(at, back),
        Op::Activation => activation::backward_on_device(at, back),
        Op::MaxPool(_) => max_pool::backward_on_device(at, back),
        Op::AvgPool(_) => avg_pool::backward_on_device(at, back),
        Op::GlobalAvgPool => global_avg_pool::backward_on_device(at, back),
        Op::Flatten => flatten::backward_on_device(at, back),
        Op::BatchNorm { .. } => batch_norm::backward_on_device(at, back),
        Op::LayerNorm { .. } => layer_norm::backward_on_device(at, back),
        Op::Dropout { .. } => dropout::backward_on_device(at, back),
        Op::Residual(_) => residual::backward_on_device(at, back),
        Op::Scale => scale::backward_on_device(at, back),
        Op::Shift => shift::backward_on_device(at, back),
    }
}
