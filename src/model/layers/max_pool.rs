//! Maximum over windows; the first of equal ones gets the gradient.

use crate::model::error::NetworkError;
use crate::model::geometry::{pooled, windows};
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, kernel: usize, stride: usize, padding: usize) -> Result<(), NetworkError> {
    if padding > kernel / 2 {
        return Err(NetworkError::PoolPadding { layer: layer.name.clone(), kernel, padding });
    }
    let shape = windows(layer, layer.input.units(), [kernel; 2], stride, padding)?;
    (layer.op, layer.output) = (Op::MaxPool(shape), pooled(&shape));
    Ok(())
}
