//! x + β with one learned number β, 0 at the start.

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, lr_scale: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::Shift;
    layer.bias = Some(draft.scalar(layer, "bias", 0.0, lr_scale)?);
    Ok(())
}
