//! Errors of the theory: questions that have no answer.

use thiserror::Error;

/// A question without an answer, and why.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TheoryError {
    /// σ_w² must be a positive number.
    #[error("weight variance {found} is not a positive finite number: give fan_in times Var(w), such as 2 for Kaiming")]
    WeightVariance {
        /// Variance that was given.
        found: f64,
    },
    /// σ_b² must be a number that is not negative.
    #[error("bias variance {found} is negative or not finite: give 0 for zero biases")]
    BiasVariance {
        /// Variance that was given.
        found: f64,
    },
    /// No centred leaky ReLU has this slope of the whole network at this depth.
    #[error(
        "no leak in [0, 1] gives chi = {zeta}^(1/{depth}): a centred leaky ReLU reaches 1 < chi <= 1.466942; \
         take a deeper network or a target closer to 1"
    )]
    DepthAware {
        /// Layers.
        depth: usize,
        /// Product of χ over all layers.
        zeta: f64,
    },
    /// Even the plain ReLU does not bring correlations to the target within the depth.
    #[error(
        "no leak sends correlation 0 to {target} at depth {depth}: the plain ReLU reaches only {reached:.4}; \
         take a deeper network or a smaller target"
    )]
    Tailored {
        /// Layers.
        depth: usize,
        /// Correlation asked for.
        target: f64,
        /// Correlation after `depth` layers of plain ReLU.
        reached: f64,
    },
    /// No weight variance makes χ = 1 at a fixed point of the length for this bias variance.
    #[error(
        "{activation} has no critical weight variance at bias variance {variance_b}: no fixed point q* has chi = 1; \
         {advice}"
    )]
    NotCritical {
        /// The activation, with its parameters.
        activation: String,
        /// Bias variance asked for.
        variance_b: f64,
        /// Advice on what to take instead.
        advice: &'static str,
    },
    /// χ = 1 only at lengths that a network leaves.
    #[error(
        "{activation} at bias variance {variance_b} has chi = 1 at length {q:.5} (weight variance {variance_w:.5}), \
         and lengths near it move away; {advice}"
    )]
    CriticalRepels {
        /// The activation, with its parameters.
        activation: String,
        /// Bias variance asked for.
        variance_b: f64,
        /// Weight variance of the point.
        variance_w: f64,
        /// Length of the point.
        q: f64,
        /// Advice on what to take instead.
        advice: String,
    },
    /// No gain and shift give mean 0 and std 1.
    #[error(
        "no gain and shift give {activation} mean 0 and std 1: it is constant, or its ceiling is too low; \
         take a ceiling above 1, or none"
    )]
    NotMatched {
        /// The activation, with its parameters.
        activation: String,
    },
    /// A shift is given where one is to be found.
    #[error("{activation} has a shift of its own, but the shift is what is to be found; leave it out")]
    ShiftGiven {
        /// The activation, with its parameters.
        activation: String,
    },
}
