//! A file for each kind of layer: its plan, its passes on the CPU, its passes on a device, in this order.
//!
//! These functions are the only ones that ask which kind a layer is and act on it. A residual block is structure: whoever walks
//! the layers does its body first and hands over the result, so no layer calls back into a walk.

mod activation;
mod avg_pool;
mod batch_norm;
mod conv2d;
mod flatten;
mod global_avg_pool;
mod layer_norm;
mod linear;
mod max_pool;
mod residual;
mod scale;
mod shift;

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, LayerSpec};

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
        LayerSpec::Residual(_) => residual::plan(layer, body)?,
        LayerSpec::Scale { start, lr_scale } => scale::plan(layer, *start, *lr_scale, draft)?,
        LayerSpec::Shift { lr_scale } => shift::plan(layer, *lr_scale, draft)?,
    }
    Ok(())
}
