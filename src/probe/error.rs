//! Why a network cannot be probed.

use thiserror::Error;

use crate::train::TrainError;

/// A probe that cannot be done.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// The network or its start is impossible.
    #[error(transparent)]
    Network(#[from] TrainError),
    /// Nothing can be compared.
    #[error(
        "a probe compares images in pairs and needs at least 2 training images, but {dataset} has {found}; \
         give a larger data set, such as --dataset digits"
    )]
    Images {
        /// Name of the data set.
        dataset: String,
        /// Training images there are.
        found: usize,
    },
}
