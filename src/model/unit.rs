//! A hidden layer on its way from a config to the plan.

use crate::model::layer::LayerSpec;

/// A hidden layer before norm and activation are put around it.
pub(super) struct Unit {
    /// The linear layer or convolution.
    pub weight: LayerSpec,
    /// True if its output has its input's shape.
    pub keeps_shape: bool,
    /// Pooling after it.
    pub pool: Option<LayerSpec>,
}
