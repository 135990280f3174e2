//! Activations and initialisers as configs write them: a name, or a table with `kind` and parameters.

use crate::activation::{Activation, Parameter, Range};
use crate::config::check::{non_negative, positive};
use crate::config::{ConfigError, Section, Value};
use crate::init::{Aim, BiasInit, FanMode, Gain, InitRule, PRESETS, WeightInit, preset};

/// Reads the activation at `key`.
pub(crate) fn activation(section: &Section<'_>, key: &str) -> Result<Option<Activation>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    let names = Activation::NAMES.map(|name| (name, Activation::from_name(name).expect("every listed name is known")));
    by_name_or_table(&value, &names, |table, default| {
        let mut activation = default;
        for (Parameter { name, range, .. }, _) in default.parameters() {
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
    let names: Vec<_> =
        WeightInit::NAMES.iter().map(|&n| (n, WeightInit::from_name(n).expect("every listed name is known"))).collect();
    by_name_or_table(&value, &names, |table, start| {
        Ok(match start {
            WeightInit::Constant { value } => WeightInit::Constant { value: table.f64("value")?.unwrap_or(value) },
            WeightInit::Normal { std } => WeightInit::Normal { std: non_negative(table, "std")?.unwrap_or(std) },
            WeightInit::Uniform { bound } => {
                WeightInit::Uniform { bound: non_negative(table, "bound")?.unwrap_or(bound) }
            }
            WeightInit::TruncatedNormal { std } => {
                WeightInit::TruncatedNormal { std: non_negative(table, "std")?.unwrap_or(std) }
            }
            WeightInit::XavierNormal { gain } => WeightInit::XavierNormal { gain: read_gain(table, gain)? },
            WeightInit::XavierUniform { gain } => WeightInit::XavierUniform { gain: read_gain(table, gain)? },
            WeightInit::KaimingNormal { mode, gain } => {
                WeightInit::KaimingNormal { mode: read_mode(table, mode)?, gain: read_gain(table, gain)? }
            }
            WeightInit::KaimingUniform { mode, gain } => {
                WeightInit::KaimingUniform { mode: read_mode(table, mode)?, gain: read_gain(table, gain)? }
            }
            WeightInit::Orthogonal { gain } => WeightInit::Orthogonal { gain: read_gain(table, gain)? },
            WeightInit::DeltaOrthogonal { gain } => WeightInit::DeltaOrthogonal { gain: read_gain(table, gain)? },
            WeightInit::Identity { gain } => WeightInit::Identity { gain: read_gain(table, gain)? },
            WeightInit::Sparse { sparsity, std } => WeightInit::Sparse {
                sparsity: match table.f64("sparsity")? {
                    Some(s) if !(0.0..=1.0).contains(&s) => {
                        return Err(table.error("sparsity", format!("must be from 0 to 1, found {s}")));
                    }
                    given => given.unwrap_or(sparsity),
                },
                std: non_negative(table, "std")?.unwrap_or(std),
            },
            plain => plain,
        })
    })
    .map(Some)
}

fn read_mode(table: &Section<'_>, default: FanMode) -> Result<FanMode, ConfigError> {
    let modes = [("fan_in", FanMode::FanIn), ("fan_out", FanMode::FanOut), ("fan_avg", FanMode::FanAvg)];
    Ok(table.choice("mode", &modes)?.unwrap_or(default))
}

fn read_gain(table: &Section<'_>, default: Gain) -> Result<Gain, ConfigError> {
    let Some(value) = table.value("gain") else { return Ok(default) };
    if value.as_str().is_some() {
        return value.choice(&[("activation", Gain::Activation)]);
    }
    match value.as_f64() {
        Some(gain) if gain >= 0.0 => Ok(Gain::Given(gain)),
        _ => Err(value.wrong("a number of at least 0 or \"activation\"")),
    }
}

/// Reads the bias rule at `key`.
pub(crate) fn bias(section: &Section<'_>, key: &str) -> Result<Option<BiasInit>, ConfigError> {
    let Some(value) = section.value(key) else { return Ok(None) };
    let names: Vec<_> =
        BiasInit::NAMES.iter().map(|&n| (n, BiasInit::from_name(n).expect("every listed name is known"))).collect();
    by_name_or_table(&value, &names, |table, start| {
        Ok(match start {
            BiasInit::Constant { value } => BiasInit::Constant { value: table.f64("value")?.unwrap_or(value) },
            BiasInit::Normal { std } => BiasInit::Normal { std: non_negative(table, "std")?.unwrap_or(std) },
            plain => plain,
        })
    })
    .map(Some)
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
