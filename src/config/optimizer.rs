//! `[optimizer]`: the rule of the steps and its learning rate.

use serde::Serialize;

use crate::config::check::{fraction, non_negative, positive};
use crate::config::key::{Documented, Key, Part, Row, choice, number};
use crate::config::range::ABOVE_0;
use crate::config::value::BOOLEAN;
use crate::config::{ConfigError, Section};
use crate::optim::{self, KINDS, Optimizer, Range, Settings, Value, Wrong};

/// The optimiser with its peak learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OptimizerConfig {
    /// Learning rate, which the schedule multiplies.
    pub lr: f64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Optimizer,
}

const KIND: Key<optim::Kind> = choice(
    "kind",
    || KINDS.iter().map(|kind| (kind.name, *kind, kind.help)).collect(),
    "The rule that turns gradients into steps.",
)
.default(KINDS[0].name);
const LR: Key<f64> = number("lr", "Learning rate, which the schedule multiplies.")
    .within(&[ABOVE_0])
    .expects("the learning rate, such as 0.1");

impl OptimizerConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let kind = section.get(&KIND)?;
        let lr = section.get(&LR)?;
        let mut settings = Settings::default();
        for key in kind.keys {
            settings.push(key.name, setting(&section, key)?);
        }
        let wrong = |Wrong { key, message }| section.error(key, message);
        let rule = (kind.build)(&settings).map_err(wrong)?;
        // A rate of another kind hardly fits.
        let lr_of_kind = if kind.name == "sgd" { "0.1" } else { "0.001" };
        let note = owners(&section, kind);
        section.finish_with(note, &[(LR.name, lr_of_kind)])?;
        Ok(Self { lr, rule })
    }
}

/// Says which optimisers have the first key that `kind` has not, if there are any.
fn owners(section: &Section<'_>, kind: optim::Kind) -> Option<String> {
    let key = *section.unread_keys().first()?;
    let has_key = |other: &&optim::Kind| other.keys.iter().any(|own| own.name == key);
    let names: Vec<&str> = KINDS.iter().filter(has_key).map(|other| other.name).collect();
    let (last, others) = names.split_last()?;
    let names = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
    Some(format!("`{key}` is a key of {names}, not of {}", kind.name))
}

/// Reads `key` from `section`; where it is absent, its default holds.
fn setting(section: &Section<'_>, key: &optim::Key) -> Result<Value, ConfigError> {
    Ok(match key.default {
        Value::Flag(default) => Value::Flag(section.bool(key.name)?.unwrap_or(default)),
        Value::Number(default) => Value::Number(number_setting(section, key)?.unwrap_or(default)),
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

fn number_setting(section: &Section<'_>, key: &optim::Key) -> Result<Option<f64>, ConfigError> {
    match key.range {
        Range::Positive => positive(section, key.name),
        Range::NonNegative => non_negative(section, key.name),
        Range::Fraction => fraction(section, key.name),
        Range::Any => section.f64(key.name),
    }
}

/// The rows of `[optimizer]`.
pub(crate) fn parts() -> Vec<Part> {
    let part = |when: String, rows| Part { path: "optimizer", when, rows };
    let of_kind = |kind: &optim::Kind| part(format!("kind = \"{}\"", kind.name), kind.keys.iter().map(row).collect());
    let mut parts = vec![part(String::new(), vec![KIND.row(), LR.row()])];
    parts.extend(KINDS.iter().map(of_kind));
    parts
}

fn row(key: &optim::Key) -> Row {
    let (form, default) = match key.default {
        Value::Number(x) => ("a number", format!("{x:?}")),
        Value::Pair(pair) => ("two numbers", format!("{pair:?}")),
        Value::Flag(flag) => (BOOLEAN, flag.to_string()),
    };
    let form = match (key.default, key.range) {
        (Value::Number(_) | Value::Pair(_), Range::Positive | Range::NonNegative | Range::Fraction) => {
            format!("{form} {}", key.range.words())
        }
        (Value::Number(_) | Value::Pair(_), Range::Any) | (Value::Flag(_), _) => form.into(),
    };
    let absent = format!("default {default}");
    Row { name: key.name, form, absent, example: default, help: key.help, choices: Vec::new() }
}
