//! A rule for the parameters that a pattern covers.

use crate::init::{BiasInit, InitRule, WeightInit};

/// A rule as [`Start::rule`](crate::start::Start::rule) takes it: for weights, for biases or for both.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LayerRule {
    /// A rule for weights. One that needs no fans, as zeros or a normal of a given std, is also for the biases that its pattern covers.
    Weight(WeightInit),
    /// A rule for biases.
    Bias(BiasInit),
    /// A rule for weights and one for biases.
    Both(InitRule),
    /// The module's own hint.
    Keep,
}

impl From<WeightInit> for LayerRule {
    fn from(rule: WeightInit) -> Self {
        Self::Weight(rule)
    }
}

impl From<BiasInit> for LayerRule {
    fn from(rule: BiasInit) -> Self {
        Self::Bias(rule)
    }
}

impl From<InitRule> for LayerRule {
    fn from(rule: InitRule) -> Self {
        Self::Both(rule)
    }
}
