//! Mean over all pixels of each channel.

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
