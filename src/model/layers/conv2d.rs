//! A convolution (cross-correlation, as everywhere in the field) with its activation.

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::geometry::{nonzero, windows};
use crate::model::layer::{Layer, Op};
use crate::model::param::Layout;
use crate::model::shape::Shape;

/// The windows are `(kernel, stride, padding)`.
pub fn plan(
    layer: &mut Layer,
    out: usize,
    (kernel, stride, padding): ([usize; 2], usize, usize),
    bias: bool,
    draft: &mut Draft,
) -> Result<(), NetworkError> {
    nonzero(layer, "output channels", out)?;
    let shape = windows(layer, out, kernel, stride, padding)?;
    let [height, width] = shape.output;
    layer.output = Shape::Image { channels: out, height, width };
    layer.op = Op::Conv2d(shape);
    let channels = shape.in_channels;
    let dims = vec![out, channels, kernel[0], kernel[1]];
    let layout = Layout::ChannelsLast { channels, pixels: kernel[0] * kernel[1] };
    draft.weight_and_bias(layer, dims, layout, bias)
}
