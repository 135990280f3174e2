//! The hidden units of a fully connected network.

use crate::model::layer::LayerSpec;
use crate::model::unit::Unit;

/// A linear unit for each width; `inputs` is the length of the first one's input.
pub(super) fn units(widths: &[usize], inputs: usize, bias: bool) -> Vec<Unit> {
    let before = std::iter::once(&inputs).chain(widths);
    let unit = |(&from, &out): (&usize, &usize)| Unit {
        weight: LayerSpec::Linear { out, bias },
        keeps_shape: from == out,
        pool: None,
    };
    before.zip(widths).map(unit).collect()
}
