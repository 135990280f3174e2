//! Mean over windows.

use crate::model::error::NetworkError;
use crate::model::geometry::{pooled, windows};
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, kernel: usize, stride: usize) -> Result<(), NetworkError> {
    let shape = windows(layer, layer.input.units(), [kernel; 2], stride, 0)?;
    (layer.op, layer.output) = (Op::AvgPool(shape), pooled(&shape));
    Ok(())
}
