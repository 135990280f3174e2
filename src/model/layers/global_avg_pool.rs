//! Mean over all pixels of each channel.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::pool;
use crate::gpu::reduce::{mean_of_pixels, mean_of_pixels_backward};
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::error::NetworkError;
use crate::model::geometry::image;
use crate::model::layer::{Layer, Op};
use crate::model::shape::Shape;

/// The output is an image of one pixel, or a vector with `flatten`.
pub fn plan(layer: &mut Layer, flatten: bool) -> Result<(), NetworkError> {
    let channels = image(layer)?.0;
    let pixel = Shape::Image { channels, height: 1, width: 1 };
    (layer.op, layer.output) = (Op::GlobalAvgPool, if flatten { Shape::Flat(channels) } else { pixel });
    Ok(())
}

pub fn forward(layer: &Layer, state: &mut State, x: &[f32]) {
    pool::global_average_forward(x, layer.input.pixels(), layer.output.units(), &mut state.out);
}

pub fn backward(layer: &Layer, pass: &Pass<'_>, scratch: &mut Scratch, back: Back<'_>) -> Buffer {
    let (pixels, units) = (layer.input.pixels(), layer.output.units());
    back.into_input(layer, pass, scratch, |dy, dx| pool::global_average_backward(dy, pixels, units, dx))
}

pub fn forward_on_device(layer: &Layer, prepared: &Prepared, input: Tensor) -> candle_core::Result<Trace> {
    let out = mean_of_pixels(&input, layer.input.pixels())?;
    Trace::new(prepared, input, &out, Kept::Nothing)
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    Ok(Gradient::of_output(mean_of_pixels_backward(&back.dz(at)?, at.layer.input.pixels())?))
}
