//! The errors of an activation written as text say what is wrong and what would be right.

use thiserror::Error;

/// Why a text names no activation.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ActivationParseError {
    /// No activation has this name.
    #[error("unknown activation `{found}`{}; known are {}", suggestion(.nearest), .known.join(", "))]
    UnknownName {
        /// The name as written.
        found: String,
        /// The known name that is most like it, if any is.
        nearest: Option<&'static str>,
        /// Every name.
        known: &'static [&'static str],
    },
    /// The activation has no such parameter.
    #[error("`{activation}` has no parameter `{found}`{}; {}", suggestion(.nearest), listing(.known))]
    UnknownParameter {
        /// The activation's name.
        activation: &'static str,
        /// The parameter as written.
        found: String,
        /// The parameter that is most like it, if any is.
        nearest: Option<&'static str>,
        /// The parameters that it has.
        known: Vec<&'static str>,
    },
    /// A parameter is not `key=value`.
    #[error(
        "`{found}` after `{activation}:` is not a parameter: write it as key=value, several with commas between them"
    )]
    NotAPair {
        /// The activation's name.
        activation: &'static str,
        /// The text between the commas.
        found: String,
    },
    /// A parameter is given twice.
    #[error("parameter `{parameter}` of `{activation}` is given twice: keep one")]
    Twice {
        /// The activation's name.
        activation: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
    /// A number is taken off an activation that has no shift.
    #[error("`{activation}` takes no shift: relu, leaky_relu, general_relu and shifted_relu do, as in `relu - 0.5`")]
    NotMoved {
        /// The activation's name.
        activation: &'static str,
    },
    /// A parameter's value is no finite number, or outside its range.
    #[error("parameter `{parameter}` of `{activation}` is `{found}`, expected {expected}")]
    Value {
        /// The activation's name.
        activation: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// The value as written.
        found: String,
        /// The values that it may have.
        expected: &'static str,
    },
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

fn listing(known: &[&str]) -> String {
    if known.is_empty() { "it takes none".to_string() } else { format!("it takes {}", known.join(", ")) }
}
