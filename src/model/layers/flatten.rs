//! Image to vector, in PyTorch's order (channel, row, column). Where both orders are one, the walk looks through this layer.

use crate::model::layer::{Layer, Op};
use crate::model::shape::Shape;

pub fn plan(layer: &mut Layer) {
    (layer.op, layer.output) = (Op::Flatten, Shape::Flat(layer.input.len()));
}
