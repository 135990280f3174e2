//! Errors of initialisation: a parameter that cannot be filled, and why.

/// Why a parameter has no starting values.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The shape has no fan_in and fan_out.
    #[error("shape {shape:?} has no fan_in and fan_out; expected [out, in] or [out, in, height, width], all above 0")]
    Fans {
        /// The shape that was given.
        shape: Vec<usize>,
    },
    /// The rule cannot fill this shape, or its own numbers are out of range.
    #[error("{rule} on shape {shape:?}: {reason}")]
    Rule {
        /// Name of the rule.
        rule: &'static str,
        /// The shape that was given.
        shape: Vec<usize>,
        /// Sentence with what was found and what was expected.
        reason: String,
    },
    /// One of the above, for the parameter that was to be filled.
    #[error("cannot initialise `{name}`: {cause}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// Cause of the failure.
        cause: Box<InitError>,
    },
}
