//! A residual block, x + body(x): the sum alone, the body is structure.

use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};

pub fn plan(layer: &mut Layer, body: Vec<Layer>) -> Result<(), NetworkError> {
    let output = body.last().map_or(layer.input, |last| last.output);
    if output != layer.input {
        return Err(NetworkError::Residual { layer: layer.name.clone(), input: layer.input, output });
    }
    layer.op = Op::Residual(body);
    Ok(())
}
