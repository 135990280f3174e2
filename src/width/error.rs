//! Coordinate checks that cannot be made.

use thiserror::Error;

use crate::config::parametrisation::NotWhole;
use crate::train::TrainError;

/// A coordinate check that cannot be made.
#[derive(Debug, Error)]
pub enum WidthError {
    /// The network has no hidden layer.
    #[error("the network has no hidden layer, and so no width to change; add one, as with model.widths = [64]")]
    NoHidden,
    /// One of the widths breaks a layer.
    #[error("width {width} {cause}; take other widths")]
    Width {
        /// The width.
        width: usize,
        /// Layer that it breaks.
        cause: NotWhole,
    },
    /// A network of one of the widths cannot be trained.
    #[error(transparent)]
    Network(#[from] TrainError),
}
