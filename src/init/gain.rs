//! The gain that makes up for what an activation takes from the signal.

use serde::{Serialize, Serializer};

use crate::activation::Activation;
pub use crate::theory::gains::usual_gain as gain;

/// The factor on a rule's standard deviation. In records and configs: `"activation"` or the number.
///
/// ```
/// use initlab::{Activation, Gain};
///
/// assert_eq!(Gain::Activation.value(Activation::Relu), 2f64.sqrt());
/// assert_eq!(Gain::Given(1.5).value(Activation::Relu), 1.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gain {
    /// [`gain`] of the layer's own activation.
    Activation,
    /// This number.
    Given(f64),
}

impl Gain {
    /// The number, for a layer with this activation.
    pub fn value(self, activation: Activation) -> f64 {
        match self {
            Self::Activation => gain(activation),
            Self::Given(value) => value,
        }
    }
}

impl Serialize for Gain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Activation => serializer.serialize_str("activation"),
            Self::Given(value) => serializer.serialize_f64(*value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_written_as_a_word_or_a_number() {
        assert_eq!(serde_json::to_string(&[Gain::Activation, Gain::Given(1.5)]).unwrap(), "[\"activation\",1.5]");
    }
}
