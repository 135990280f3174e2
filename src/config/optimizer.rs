//! `[optimizer]`: the rule of the steps and its learning rate.

use serde::Serialize;

use crate::config::check::{fraction, non_negative, positive};
use crate::config::{ConfigError, Section};
use crate::optim::{KINDS, Key, Optimizer, Range, Settings, Value, Wrong};

/// The optimiser with its peak learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OptimizerConfig {
    /// Learning rate, which the schedule multiplies.
    pub lr: f64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Optimizer,
}

impl OptimizerConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let kind = section.choice("kind", &KINDS.map(|kind| (kind.name, kind)))?.unwrap_or(KINDS[0]);
        let lr = positive(&section, "lr")?.ok_or_else(|| section.missing("lr", "the learning rate, such as 0.1"))?;
        let mut settings = Settings::default();
        for key in kind.keys {
            settings.push(key.name, value(&section, key)?);
        }
        let wrong = |Wrong { key, message }| section.error(key, message);
        let rule = (kind.build)(&settings).map_err(wrong)?;
        section.finish()?;
        Ok(Self { lr, rule })
    }
}

/// What `section` has under `key`, or the key's default.
fn value(section: &Section<'_>, key: &Key) -> Result<Value, ConfigError> {
    Ok(match key.default {
        Value::Flag(default) => Value::Flag(section.bool(key.name)?.unwrap_or(default)),
        Value::Number(default) => Value::Number(number(section, key)?.unwrap_or(default)),
        Value::Pair(default) => match section.f64_list(key.name)? {
            None => Value::Pair(default),
            Some(list) => <[f64; 2]>::try_from(list)
                .ok()
                .filter(|pair| pair.iter().all(|&x| key.range.contains(x)))
                .map(Value::Pair)
                .ok_or_else(|| section.error(key.name, format!("must be two numbers {}", key.range.words())))?,
        },
    })
}

fn number(section: &Section<'_>, key: &Key) -> Result<Option<f64>, ConfigError> {
    match key.range {
        Range::Positive => positive(section, key.name),
        Range::NonNegative => non_negative(section, key.name),
        Range::Fraction => fraction(section, key.name),
        Range::Any => section.f64(key.name),
    }
}
