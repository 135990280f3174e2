//! Checks of the shape that comes into a layer, and the windows that fit it.

use crate::cpu::conv::ConvShape;
use crate::model::draft::MAX_VALUES;
use crate::model::error::NetworkError;
use crate::model::layer::Layer;
use crate::model::shape::Shape;

/// Length of the vector that comes in.
pub(super) fn flat(layer: &Layer) -> Result<usize, NetworkError> {
    match layer.input {
        Shape::Flat(n) => Ok(n),
        found @ Shape::Image { .. } => Err(NetworkError::Kind {
            layer: layer.name.clone(),
            expected: "a vector",
            found,
            advice: "put a flatten or global pooling before it",
        }),
    }
}

/// Channels, height and width of the image that comes in.
pub(super) fn image(layer: &Layer) -> Result<(usize, usize, usize), NetworkError> {
    match layer.input {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        found @ Shape::Flat(_) => Err(NetworkError::Kind {
            layer: layer.name.clone(),
            expected: "an image",
            found,
            advice: "put it before the flatten",
        }),
    }
}

/// Refuses a size of 0.
pub(super) fn nonzero(layer: &Layer, what: &'static str, value: usize) -> Result<(), NetworkError> {
    if value == 0 { Err(NetworkError::Zero { layer: layer.name.clone(), what }) } else { Ok(()) }
}

fn window_error(layer: &Layer, kernel: [usize; 2], padding: usize) -> NetworkError {
    NetworkError::Window { layer: layer.name.clone(), kernel, input: layer.input, padding }
}

/// The windows of `layer` over the image that comes in, with `out_channels` channels going out.
pub(super) fn windows(
    layer: &Layer,
    out_channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
) -> Result<ConvShape, NetworkError> {
    let (in_channels, height, width) = image(layer)?;
    nonzero(layer, "stride", stride)?;
    nonzero(layer, "kernel", kernel[0].min(kernel[1]))?;
    let padded = |size: usize| padding.checked_mul(2).and_then(|around| around.checked_add(size));
    let values = padded(height).zip(padded(width)).and_then(|(h, w)| h.checked_mul(w)?.checked_mul(in_channels));
    // The kernel has no more values than this, if it fits.
    if values.is_none_or(|values| values > MAX_VALUES) {
        return Err(NetworkError::TooLarge { layer: layer.name.clone(), limit: MAX_VALUES });
    }
    let count = |size: usize, kernel: usize| padded(size)?.checked_sub(kernel).map(|room| room / stride + 1);
    match (count(height, kernel[0]), count(width, kernel[1])) {
        (Some(h), Some(w)) if h.saturating_mul(w) <= MAX_VALUES => {
            Ok(ConvShape { in_channels, out_channels, kernel, stride, padding, input: [height, width], output: [h, w] })
        }
        _ => Err(window_error(layer, kernel, padding)),
    }
}

/// The image that pooling makes.
pub(super) fn pooled(shape: &ConvShape) -> Shape {
    Shape::Image { channels: shape.in_channels, height: shape.output[0], width: shape.output[1] }
}
