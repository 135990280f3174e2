//! φ in a layer of its own, element by element.

use crate::activation::Activation;
use crate::model::draft::Draft;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, activation: Activation, draft: &mut Draft) {
    (layer.op, layer.activation) = (Op::Activation, activation);
    draft.observe(layer);
}
