//! `init.parametrisation`: how start and learning rates change with the width of a network.

use serde::Serialize;
use thiserror::Error;

use crate::config::model::{Body, ModelConfig};

/// How start and learning rates follow the width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parametrisation {
    /// The rules of the start alone look at a layer's size, and all parameters share the learning rate.
    #[default]
    Standard,
    /// Maximal update (Yang et al. 2021, table 3): as the standard one at `init.base_width`; from there on every layer's change keeps
    /// its size, whatever the width.
    Mup,
}

impl Parametrisation {
    /// True if a config need not name it.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

/// A width that a network cannot be brought to.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "brings a layer of {layer} units to {scaled}, where the widest has {widest} and is to have {to}: all must be whole numbers of at least 1"
)]
pub struct NotWhole {
    /// Units of the layer.
    pub layer: usize,
    /// Units that it would have.
    pub scaled: f64,
    /// The widest layer now.
    pub widest: usize,
    /// Units that the widest is to have.
    pub to: usize,
}

impl ModelConfig {
    /// The widest hidden layer: units of a linear layer, channels of a convolution; 0 without any.
    pub fn widest(&self) -> usize {
        self.widths().copied().max().unwrap_or(0)
    }

    fn widths(&self) -> Box<dyn Iterator<Item = &usize> + '_> {
        match &self.body {
            Body::Mlp { widths } => Box::new(widths.iter()),
            Body::Cnn { stages, hidden, .. } => Box::new(stages.iter().map(|stage| &stage.channels).chain(hidden)),
        }
    }

    /// Scales all hidden widths in proportion, so that the widest is `to`.
    ///
    /// # Errors
    /// A width would not be whole.
    pub fn of_width(&self, to: usize) -> Result<Self, NotWhole> {
        let widest = self.widest();
        let scaled = |layer: usize| {
            let product = layer as u128 * to as u128;
            let whole = (product / widest.max(1) as u128) as usize;
            if whole == 0 || !product.is_multiple_of(widest as u128) {
                return Err(NotWhole { layer, scaled: product as f64 / widest.max(1) as f64, widest, to });
            }
            Ok(whole)
        };
        let mut model = self.clone();
        match &mut model.body {
            Body::Mlp { widths } => widths.iter_mut().try_for_each(|width| scaled(*width).map(|to| *width = to))?,
            Body::Cnn { stages, hidden, .. } => {
                let channels = stages.iter_mut().map(|stage| &mut stage.channels);
                channels.chain(hidden).try_for_each(|width| scaled(*width).map(|to| *width = to))?;
            }
        }
        Ok(model)
    }
}
