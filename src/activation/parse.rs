//! Activations written as text: `relu`, `leaky_relu:leak=0.1`, `general_relu:leak=0.1,shift=0.4,max=6`, and a ReLU that is moved as
//! formulas have it, `relu(x) - 0.5`.

use std::fmt;
use std::str::FromStr;

use crate::activation::error::ActivationParseError;
use crate::activation::{Activation, Parameter};
use crate::spelling::nearest;

impl Activation {
    /// Reads an activation from `name` or `name:key=value,key=value`; parameters left out keep the defaults of
    /// [`Activation::from_name`]. The name may be that of a function, `name(x)`, and a number after it, `- 0.5`, is taken off a ReLU.
    ///
    /// Every value must lie in the parameter's [`Range`](crate::activation::Range).
    pub fn parse(text: &str) -> Result<Self, ActivationParseError> {
        let (text, shift) = moved(text);
        let activation = Self::parse_unmoved(text)?;
        match shift {
            None => Ok(activation),
            Some(shift) => activation.moved_down(shift),
        }
    }

    fn parse_unmoved(text: &str) -> Result<Self, ActivationParseError> {
        let (name, parameters) = match text.split_once(':') {
            Some((name, parameters)) => (without_argument(name), Some(parameters)),
            None => (without_argument(text), None),
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

    /// φ − `shift`, which the ReLU family has a name for.
    fn moved_down(self, shift: f64) -> Result<Self, ActivationParseError> {
        let activation = self.name();
        let form = self.relu_form().ok_or(ActivationParseError::NotMoved { activation })?;
        // A ceiling moves with the rest.
        let (leak, shift, max) = (form.leak, form.shift + shift, Some(form.max - shift).filter(|max| max.is_finite()));
        let is_plain = leak == 0.0 && max.is_none();
        Ok(if is_plain { Self::ShiftedRelu { shift } } else { Self::GeneralRelu { leak, shift, max } })
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

/// A text and the number after it that is taken off: `relu`, 0.5 of `relu - 0.5`.
fn moved(text: &str) -> (&str, Option<f64>) {
    let signs = text.match_indices(['-', '+']).filter(|(at, _)| {
        // The sign of a parameter's value, `leak=-0.1`, and that of an exponent, `1e-3`, take nothing off.
        let before = text[..*at].trim_end();
        let exponent = text[..*at]
            .strip_suffix(['e', 'E'])
            .is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit() || c == '.'));
        !exponent && !before.is_empty() && !before.ends_with(['=', ',', ':'])
    });
    for (at, sign) in signs {
        let number: Option<f64> = text[at + 1..].trim().parse().ok().filter(|x: &f64| x.is_finite());
        if let Some(x) = number {
            return (&text[..at], Some(if sign == "-" { x } else { -x }));
        }
    }
    (text, None)
}

/// The name of `name(x)`, whatever its variable is called.
fn without_argument(text: &str) -> &str {
    let text = text.trim();
    let function = text.strip_suffix(')').and_then(|text| text.split_once('('));
    match function {
        Some((name, variable)) if ["x", "z", "h", ""].contains(&variable.trim()) => name.trim_end(),
        Some(_) | None => text,
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
    fn a_relu_is_moved_as_a_formula_has_it() {
        let general = |leak, shift, max| Activation::GeneralRelu { leak, shift, max };
        for (text, expected) in [
            ("relu - 0.5", Activation::ShiftedRelu { shift: 0.5 }),
            ("relu-0.5", Activation::ShiftedRelu { shift: 0.5 }),
            ("relu(x) - 0.5", Activation::ShiftedRelu { shift: 0.5 }),
            (" relu ( z )-.5 ", Activation::ShiftedRelu { shift: 0.5 }),
            ("relu(x)", Activation::Relu),
            ("tanh(x)", Activation::Tanh),
            ("relu + 1e-2", Activation::ShiftedRelu { shift: -0.01 }),
            ("relu - 1e-2", Activation::ShiftedRelu { shift: 0.01 }),
            ("shifted_relu:shift=0.3", Activation::ShiftedRelu { shift: 0.3 }),
            ("shifted_relu:shift=-3e-1", Activation::ShiftedRelu { shift: -0.3 }),
            ("shifted_relu - 0.25", Activation::ShiftedRelu { shift: 0.75 }),
            ("leaky_relu - 0.4", general(0.01, 0.4, None)),
            ("leaky_relu:leak=0.1 - 0.4", general(0.1, 0.4, None)),
            ("leaky_relu(x):leak=-0.1-0.4", general(-0.1, 0.4, None)),
            ("general_relu:leak=0.5,shift=0.25,max=6 - 0.5", general(0.5, 0.75, Some(5.5))),
        ] {
            let found = Activation::parse(text).unwrap();
            assert_eq!(found, expected, "{text}");
            assert_eq!(found.to_string().parse(), Ok(found));
        }
        // What it says of values is what the formula gives.
        let cut = Activation::GeneralRelu { leak: 0.2, shift: 0.25, max: Some(1.5) };
        let moved: Activation = "general_relu:leak=0.2,shift=0.25,max=1.5 - 0.5".parse().unwrap();
        for z in [-3.0, -0.1, 0.0, 0.7, 9.0] {
            assert!((moved.value(z) - (cut.value(z) - 0.5)).abs() < 1e-15, "{z}");
        }
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
            (
                "tanh - 0.5",
                "`tanh` takes no shift: relu, leaky_relu, general_relu and shifted_relu do, as in `relu - 0.5`",
            ),
            ("rleu - 0.5", "unknown activation `rleu`, did you mean `relu`?"),
            ("relu(y) - 0.5", "unknown activation `relu(y)`, did you mean `relu`?"),
            ("leaky-relu", "did you mean `leaky_relu`?"),
            ("relu - x", "unknown activation `relu - x`, did you mean `relu`?"),
            ("elu:alpha=0", "parameter `alpha` of `elu` is `0`, expected a finite number above 0"),
        ];
        for (text, expected) in cases {
            let message = Activation::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
