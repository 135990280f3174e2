//! Layer normalisation over the whole sample (Ba et al. 2016).

use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::model::param::Layout;

pub fn plan(layer: &mut Layer, eps: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    layer.op = Op::LayerNorm { eps };
    let layout = Layout::ChannelsLast { channels: layer.input.units(), pixels: layer.input.pixels() };
    draft.norm_params(layer, layer.input.dims(), layout)
}
