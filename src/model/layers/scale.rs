//! x·α with one learned number α.

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, start: f64, lr_scale: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::Scale;
    layer.weight = Some(draft.scalar(layer, "scale", start, lr_scale)?);
    Ok(())
}
