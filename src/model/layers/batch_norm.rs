//! Batch normalisation of each channel (Ioffe & Szegedy 2015).

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::model::param::Layout;

pub fn plan(layer: &mut Layer, eps: f64, momentum: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    let (start, units) = (draft.running.last().map_or(0, |(_, range)| range.end), layer.input.units());
    draft.running.push((format!("{}.running_mean", layer.key), start..start + units));
    draft.running.push((format!("{}.running_var", layer.key), start + units..start + 2 * units));
    layer.op = Op::BatchNorm { eps, momentum, running: start };
    draft.norm_params(layer, vec![units], Layout::Same)
}
