//! Errors of starting a candle model, each with the parameter or pattern that it is about.

use crate::config::ConfigError;
use crate::init::{AimError, InitError};

/// Why the parameters of a candle model cannot start as they were asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A pattern is no glob.
    #[error("\"{pattern}\" is no glob: {reason}; write a parameter's full name, or * ? and [abc] for parts of it")]
    Pattern {
        /// The pattern as it was given.
        pattern: String,
        /// The glob's mistake, and its place.
        reason: String,
    },
    /// A pattern matches no parameter.
    #[error("{place} \"{pattern}\" matches none of the {parameters} parameters{hint}")]
    Unmatched {
        /// The method that took the pattern.
        place: &'static str,
        /// The pattern.
        pattern: String,
        /// Parameters of the model.
        parameters: usize,
        /// The parameter that may be meant.
        hint: String,
    },
    /// The first and the last layer have rules of their own, and nobody said which layers these are.
    #[error("{what} starts the {end} layer differently; name its parameters with .{end}(\"NAME.*\")")]
    End {
        /// The preset, aim or config that needs to know.
        what: String,
        /// `first` or `last`.
        end: &'static str,
    },
    /// An aim depends on the depth.
    #[error("{aim} depends on the number of hidden layers; give it with .depth(N)")]
    Depth {
        /// Name of the aim.
        aim: &'static str,
    },
    /// An aim cannot be reached.
    #[error(transparent)]
    Aim(#[from] AimError),
    /// A parameter cannot be filled.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A bias rule divides by a fan that is not known.
    #[error(
        "cannot initialise `{name}`: {rule} divides by its layer's fan_in, and the model has no `{weight}` to take it from; give \
         it a rule that needs none, such as .rule(\"{name}\", BiasInit::Zeros)"
    )]
    BiasWithoutFan {
        /// Name of the parameter.
        name: String,
        /// Name of the rule.
        rule: &'static str,
        /// Name of the weight that was looked for.
        weight: String,
    },
    /// A rule for weights names a parameter that is none, or the reverse.
    #[error("cannot initialise `{name}` of shape {shape:?} with {rule}: {reason}")]
    Misfit {
        /// Name of the parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Name of the rule.
        rule: &'static str,
        /// The reason, and what to do.
        reason: &'static str,
    },
    /// A number of groups does not divide the channels.
    #[error(
        "`{name}` of shape {shape:?} cannot be cut into {groups} groups: its first dimension is not a multiple; see .groups()"
    )]
    Groups {
        /// Name of the parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The number of groups.
        groups: usize,
    },
    /// A value is beyond the largest number of the parameter's type.
    #[error(
        "cannot initialise `{name}`: {value:e} is too large for {dtype}; take a smaller std or gain, or a wider type"
    )]
    Range {
        /// Name of the parameter.
        name: String,
        /// The value.
        value: f64,
        /// The type.
        dtype: &'static str,
    },
    /// The parameter stands in the VarMap with another shape.
    #[error(
        "`{name}` has shape {found:?} in the VarMap, and the model asks for {expected:?}; give the new model a VarMap of its own"
    )]
    Shape {
        /// Name of the parameter.
        name: String,
        /// The shape in the VarMap.
        found: Vec<usize>,
        /// The shape that was asked for.
        expected: Vec<usize>,
    },
    /// A config's `[init]` is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// candle refuses.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
