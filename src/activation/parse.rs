//! Activations written as text: `relu`, `leaky_relu:leak=0.1`, `general_relu:leak=0.1,shift=0.4,max=6`.

use std::fmt;
use std::str::FromStr;

use crate::activation::error::ActivationParseError;
use crate::activation::{Activation, Parameter};
use crate::spelling::nearest;

impl Activation {
    /// Reads `name` or `name:key=value,key=value`; parameters left out keep the defaults of [`Activation::from_name`].
    ///
    /// Every value must lie in the parameter's [`Range`](crate::activation::Range).
    pub fn parse(text: &str) -> Result<Self, ActivationParseError> {
        let (name, parameters) = match text.split_once(':') {
            Some((name, parameters)) => (name.trim(), Some(parameters)),
            None => (text.trim(), None),
        };
        let Some(mut activation) = Self::from_name(name) else {
            return Err(ActivationParseError::UnknownName {
                found: name.to_string(),
                nearest: nearest(name, Self::NAMES),
                known: &Self::NAMES,
            });
        };
        let mut given: Vec<&str> = Vec::new();
        for pair in parameters.into_iter().flat_map(|list| list.split(',')) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(ActivationParseError::NotAPair { activation: activation.name(), found: pair.to_string() });
            };
            let parameter = activation.read(key.trim(), value.trim())?;
            if given.contains(&parameter) {
                return Err(ActivationParseError::Twice { activation: activation.name(), parameter });
            }
            given.push(parameter);
        }
        Ok(activation)
    }

    /// Sets the parameter `key` and gives its name back.
    fn read(&mut self, key: &str, value: &str) -> Result<&'static str, ActivationParseError> {
        let activation = self.name();
        let known: Vec<Parameter> = self.parameters().map(|(parameter, _)| parameter).collect();
        let Some(&Parameter { name: parameter, range, .. }) = known.iter().find(|parameter| parameter.name == key)
        else {
            let known: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            let (found, nearest) = (key.to_string(), nearest(key, known.iter().copied()));
            return Err(ActivationParseError::UnknownParameter { activation, found, nearest, known });
        };
        let Some(number) = value.parse().ok().filter(|&x| range.holds(x)) else {
            let (found, expected) = (value.to_string(), range.expected());
            return Err(ActivationParseError::Value { activation, parameter, found, expected });
        };
        self.set(parameter, number);
        Ok(parameter)
    }
}

impl FromStr for Activation {
    type Err = ActivationParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The form that [`Activation::parse`] reads.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let given = self.parameters().filter_map(|(parameter, value)| Some((parameter.name, value?)));
        for (i, (name, value)) in given.enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let texts = [
            "relu",
            "leaky_relu:leak=0.1",
            "general_relu:leak=0.1,shift=0.4,max=6",
            "shifted_relu:shift=-0.25",
            "selu",
        ];
        for text in texts {
            assert_eq!(Activation::parse(text).unwrap().to_string(), text);
        }
        for name in Activation::NAMES {
            let phi = Activation::from_name(name).unwrap();
            assert_eq!(phi.to_string().parse(), Ok(phi));
        }
    }

    #[test]
    fn parameters_left_out_keep_their_defaults_and_spaces_do_not_matter() {
        assert_eq!(Activation::parse("shifted_relu"), Ok(Activation::ShiftedRelu { shift: 0.5 }));
        let general = Activation::GeneralRelu { leak: 0.0, shift: 0.4, max: None };
        assert_eq!(Activation::parse(" general_relu : shift = 0.4 "), Ok(general));
    }

    #[test]
    fn each_mistake_is_named_with_the_way_out() {
        let cases = [
            ("rellu", "unknown activation `rellu`, did you mean `relu`?; known are identity, relu,"),
            ("LeakyReLU", "did you mean `leaky_relu`?"),
            ("", "unknown activation ``; known are"),
            ("relu:leak=0.1", "`relu` has no parameter `leak`; it takes none"),
            ("general_relu:ceil=6,shfit=1", "`general_relu` has no parameter `ceil`; it takes leak, shift, max"),
            ("general_relu:shfit=1", "no parameter `shfit`, did you mean `shift`?"),
            ("leaky_relu:0.1", "`0.1` after `leaky_relu:` is not a parameter: write it as key=value"),
            ("leaky_relu:", "`` after `leaky_relu:` is not a parameter"),
            ("leaky_relu:leak=0.1,leak=0.2", "parameter `leak` of `leaky_relu` is given twice"),
            ("leaky_relu:leak=nan", "parameter `leak` of `leaky_relu` is `nan`, expected a finite number"),
            ("general_relu:max=inf", "parameter `max` of `general_relu` is `inf`, expected a finite number"),
            ("leaky_relu:leak=", "is ``, expected a finite number"),
            ("elu:alpha=0", "parameter `alpha` of `elu` is `0`, expected a finite number above 0"),
        ];
        for (text, expected) in cases {
            let message = Activation::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
