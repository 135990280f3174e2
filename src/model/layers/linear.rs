//! A linear layer: φ(Wx + b).

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::geometry::{flat, nonzero};
use crate::model::layer::{Layer, Op};
use crate::model::param::Layout;
use crate::model::shape::Shape;

pub fn plan(layer: &mut Layer, out: usize, bias: bool, draft: &mut Draft) -> Result<(), NetworkError> {
    let inputs = flat(layer)?;
    nonzero(layer, "outputs", out)?;
    (layer.op, layer.output) = (Op::Linear, Shape::Flat(out));
    draft.weight_and_bias(layer, vec![out, inputs], Layout::Same, bias)
}
