//! Activations and initialisers as configs write them: a name, or a table with `kind` and parameters.

use crate::activation::{self, Activation, ActivationParseError, Range};
use crate::config::check::{non_negative, positive};
use crate::config::key::{Keys, Optional, choice, form, number};
use crate::config::range::{ABOVE_0, AT_LEAST_0};
use crate::config::{ConfigError, Section, Value};
use crate::init::{Aim, BiasInit, FanMode, Gain, InitRule, Parameter, Preset, Slot, WeightInit};

/// The form of what has parameters.
pub(crate) const NAME_OR_TABLE: &str = "a name, or a table with its kind and parameters";

/// A start of a layer of its own.
pub(crate) const PRESET: Optional<InitRule> =
    choice("preset", || presets().map(|(name, rule)| (name, rule, "")).collect(), "Weights and biases together.")
        .or("they start as in the other layers");
/// The rule of the weights.
pub(crate) const WEIGHT: Optional<WeightInit> =
    form("weight", NAME_OR_TABLE, weight, "The rule of the weights.").example("orthogonal").or("it is the preset's");
/// The rule of the biases.
pub(crate) const BIAS: Optional<BiasInit> =
    form("bias", NAME_OR_TABLE, bias, "The rule of the biases.").example("zeros").or("it is the preset's");

const ZETA: Optional<f64> =
    number("zeta", "χ^L: what gradients grow by over the whole depth.").within(&[ABOVE_0]).or("it is 1.5");
const ETA: Optional<f64> =
    number("eta", "The correlation that unrelated inputs come to.").within(&[ABOVE_0]).or("it is 0.9");
const VARIANCE_B: Optional<f64> = number("variance_b", "σ_b², the variance of the biases.")
    .within(&[AT_LEAST_0])
    .or("it is what the activation needs");

/// The keys of `[init.aim]`, besides its kind.
pub(crate) const AIM_KEYS: &[Keys] = &[
    Keys { path: "init.aim", when: "kind = \"depth_aware\"", keys: &[&ZETA] },
    Keys { path: "init.aim", when: "kind = \"tat\"", keys: &[&ETA] },
    Keys { path: "init.aim", when: "kind = \"critical\"", keys: &[&VARIANCE_B] },
];

/// The forms of an activation.
pub(crate) const ACTIVATION: &str = "a name, a text such as \"relu - 0.5\" or \"leaky_relu:leak=0.1\", or a table with its kind and \
     parameters";

/// Reads an activation.
pub(crate) fn activation(value: &Value<'_>) -> Result<Activation, ConfigError> {
    if let Some(text) = value.as_str() {
        match Activation::parse(text) {
            Ok(activation) => return Ok(activation),
            // The names are told as those of any other choice.
            Err(ActivationParseError::UnknownName { .. }) => {}
            Err(error) => return Err(value.error(format!("cannot be read: {error}"))),
        }
    }
    let names = Activation::NAMES.map(|name| (name, Activation::from_name(name).expect("every listed name is known")));
    by_name_or_table(value, &names, |table, default| {
        let mut activation = default;
        for (activation::Parameter { name, range, .. }, _) in default.parameters() {
            let given = match range {
                Range::Finite => table.f64(name)?,
                Range::Positive => positive(table, name)?,
            };
            given.into_iter().for_each(|x| activation.set(name, x));
        }
        Ok(activation)
    })
}

/// Reads a weight rule.
pub(crate) fn weight(value: &Value<'_>) -> Result<WeightInit, ConfigError> {
    by_name_or_table(value, &WeightInit::ALL.map(|rule| (rule.name(), rule)), |table, mut rule| {
        rule.parameters().try_for_each(|parameter| read_parameter(table, parameter))?;
        Ok(rule)
    })
}

/// Reads a bias rule.
pub(crate) fn bias(value: &Value<'_>) -> Result<BiasInit, ConfigError> {
    by_name_or_table(value, &BiasInit::ALL.map(|rule| (rule.name(), rule)), |table, mut rule| {
        rule.parameters().try_for_each(|parameter| read_parameter(table, parameter))?;
        Ok(rule)
    })
}

/// Puts the value that `table` has for a parameter in the place of its default.
fn read_parameter(table: &Section<'_>, Parameter { name, value, .. }: Parameter<'_>) -> Result<(), ConfigError> {
    match value {
        Slot::Number(x) => *x = table.f64(name)?.unwrap_or(*x),
        Slot::Size(x) => *x = non_negative(table, name)?.unwrap_or(*x),
        Slot::Fraction(x) => match table.f64(name)? {
            Some(given) if !(0.0..=1.0).contains(&given) => {
                return Err(table.error(name, format!("must be from 0 to 1, found {given}")));
            }
            given => *x = given.unwrap_or(*x),
        },
        Slot::Gain(gain) => *gain = read_gain(table, name)?.unwrap_or(*gain),
        Slot::Fan(mode) => *mode = table.choice(name, &FanMode::NAMES)?.unwrap_or(*mode),
    }
    Ok(())
}

fn read_gain(table: &Section<'_>, key: &str) -> Result<Option<Gain>, ConfigError> {
    let Some(value) = table.value(key) else { return Ok(None) };
    if value.as_str().is_some() {
        return value.choice(&[("activation", Gain::Activation)]).map(Some);
    }
    match value.as_f64() {
        Some(gain) if gain >= 0.0 => Ok(Some(Gain::Given(gain))),
        Some(_) | None => Err(value.wrong("a number of at least 0 or \"activation\"")),
    }
}

/// Reads `preset`, `weight` and `bias` of a section; what is absent comes from the preset, then from `default`.
pub(crate) fn rule(section: &Section<'_>, default: InitRule) -> Result<InitRule, ConfigError> {
    weight_and_bias(section, section.find(&PRESET)?.unwrap_or(default))
}

/// Every preset of a single rule with its name.
pub(crate) fn presets() -> impl Iterator<Item = (&'static str, InitRule)> {
    Preset::ALL.into_iter().map(|preset| (preset.name(), preset.rule()))
}

/// Reads `weight` and `bias` of a section; what is absent comes from `base`.
pub(crate) fn weight_and_bias(section: &Section<'_>, base: InitRule) -> Result<InitRule, ConfigError> {
    Ok(InitRule {
        weight: section.find(&WEIGHT)?.unwrap_or(base.weight),
        bias: section.find(&BIAS)?.unwrap_or(base.bias),
    })
}

/// Reads the aim at `key`; what it leaves open is chosen for `activation`.
pub(crate) fn aim(section: &Section<'_>, key: &str, activation: Activation) -> Result<Option<Aim>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    // Whether all parameters are given, and the aim.
    let names = Aim::ALL.map(|aim| (aim.name(), (false, aim)));
    let (complete, aim) = by_name_or_table(&value, &names, |table, (_, start)| {
        Ok(match start {
            Aim::MomentMatched {} => (true, start),
            Aim::DepthAware { zeta } => (true, Aim::DepthAware { zeta: table.find(&ZETA)?.unwrap_or(zeta) }),
            Aim::Tat { eta } => (true, Aim::Tat { eta: table.find(&ETA)?.unwrap_or(eta) }),
            Aim::Critical { .. } => match table.find(&VARIANCE_B)? {
                Some(variance_b) => (true, Aim::Critical { variance_b }),
                None => (false, start),
            },
        })
    })?;
    Ok(Some(if complete { aim } else { aim.usual_for(activation) }))
}

/// A choice written as `"name"`, or as a table with `kind = "name"` and parameters.
fn by_name_or_table<T: Copy>(
    value: &Value<'_>,
    names: &[(&str, T)],
    read: impl Fn(&Section<'_>, T) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let Some(table) = value.as_section() else { return value.choice(names) };
    let start = table.required_choice("kind", names)?;
    let choice = read(&table, start)?;
    table.finish()?;
    Ok(choice)
}
