//! Activations and initialisers as configs write them: a name, or a table with `kind` and parameters.

use crate::activation::{self, Activation, Range};
use crate::config::check::{non_negative, positive};
use crate::config::{ConfigError, Section, Value};
use crate::init::{Aim, BiasInit, FanMode, Gain, InitRule, PRESETS, Parameter, Slot, WeightInit, preset};

/// Reads the activation at `key`.
pub(crate) fn activation(section: &Section<'_>, key: &str) -> Result<Option<Activation>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    let names = Activation::NAMES.map(|name| (name, Activation::from_name(name).expect("every listed name is known")));
    by_name_or_table(&value, &names, |table, default| {
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
    .map(Some)
}

/// Reads the weight rule at `key`.
pub(crate) fn weight(section: &Section<'_>, key: &str) -> Result<Option<WeightInit>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    by_name_or_table(&value, &WeightInit::ALL.map(|rule| (rule.name(), rule)), |table, mut rule| {
        rule.parameters().try_for_each(|parameter| read_parameter(table, parameter))?;
        Ok(rule)
    })
    .map(Some)
}

/// Reads the bias rule at `key`.
pub(crate) fn bias(section: &Section<'_>, key: &str) -> Result<Option<BiasInit>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    by_name_or_table(&value, &BiasInit::ALL.map(|rule| (rule.name(), rule)), |table, mut rule| {
        rule.parameters().try_for_each(|parameter| read_parameter(table, parameter))?;
        Ok(rule)
    })
    .map(Some)
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
    weight_and_bias(section, section.choice("preset", &presets())?.unwrap_or(default))
}

/// Every preset of a single rule with its name.
pub(crate) fn presets() -> Vec<(&'static str, InitRule)> {
    PRESETS.iter().map(|&n| (n, preset(n).expect("every listed preset is known"))).collect()
}

/// Reads `weight` and `bias` of a section; what is absent comes from `base`.
pub(crate) fn weight_and_bias(section: &Section<'_>, base: InitRule) -> Result<InitRule, ConfigError> {
    Ok(InitRule {
        weight: weight(section, "weight")?.unwrap_or(base.weight),
        bias: bias(section, "bias")?.unwrap_or(base.bias),
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
            Aim::DepthAware { zeta } => (true, Aim::DepthAware { zeta: positive(table, "zeta")?.unwrap_or(zeta) }),
            Aim::Tat { eta } => (true, Aim::Tat { eta: positive(table, "eta")?.unwrap_or(eta) }),
            Aim::Critical { .. } => match non_negative(table, "variance_b")? {
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
