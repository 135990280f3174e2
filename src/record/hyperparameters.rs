//! Configs as lists of settings: for names of runs, and as hyperparameters for TensorBoard's HPARAMS tab.
//!
//! Messages and field numbers are those of tensorboard/plugins/hparams/plugin_data.proto and api.proto.

use sha2::{Digest, Sha256};

use crate::record::protobuf::Message;

/// The curves whose last values are compared, and the data that they are of (`DatasetType`).
const METRICS: [(&str, u64); 4] =
    [("test/accuracy", 2), ("test/loss", 2), ("train/mean_accuracy", 1), ("train/mean_loss", 1)];

/// A hyperparameter's value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Bool(bool),
    Text(String),
}

impl Value {
    /// The value as a `google.protobuf.Value`.
    fn message(&self) -> Message {
        let mut message = Message::default();
        match self {
            Self::Number(x) => message.double(2, *x),
            Self::Bool(b) => message.varint(4, u64::from(*b)),
            Self::Text(text) => message.bytes(3, text),
        };
        message
    }

    /// Its `DataType`.
    fn kind(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Bool(_) => 2,
            Self::Number(_) => 3,
        }
    }
}

/// `SessionStartInfo` of a run with this config. Its group is named after the config and what all its values but the seed
/// hash to, so that TensorBoard takes the mean over seeds.
pub fn session_start(config: &str, wall_s: f64) -> Message {
    let values = values(config);
    let (mut start, mut sum) = (Message::default(), Sha256::new());
    for (name, value) in &values {
        let mut entry = Message::default();
        entry.bytes(1, name).bytes(2, value.message());
        sum.update(entry.as_ref());
        start.bytes(1, entry);
    }
    let digits: String = sum.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = values.iter().find(|(name, _)| name == "name");
    let group = match name {
        Some((_, Value::Text(name))) => format!("{name} {digits}"),
        _ => digits,
    };
    start.bytes(4, group).double(5, wall_s);
    start
}

/// `Experiment` of runs with these configs.
pub fn experiment(configs: &[String]) -> Message {
    let runs: Vec<Vec<(String, Value)>> = configs.iter().map(|config| values(config)).collect();
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in runs.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut experiment = Message::default();
    for name in names {
        let found: Vec<&Value> = runs.iter().flatten().filter(|(other, _)| other == name).map(|(_, v)| v).collect();
        experiment.bytes(4, info(name, &found, found.len() < runs.len()));
    }
    for (tag, data) in METRICS {
        let (mut metric, mut name) = (Message::default(), Message::default());
        name.bytes(2, tag);
        metric.bytes(1, name).bytes(3, tag).varint(5, data);
        experiment.bytes(5, metric);
    }
    experiment
}

/// `HParamInfo` of a hyperparameter with the values of all runs, some of which may not have it.
fn info(name: &str, values: &[&Value], absent: bool) -> Message {
    const TEXT: u64 = 1;
    let mut distinct: Vec<&Value> = Vec::new();
    for value in values {
        if !distinct.contains(value) {
            distinct.push(value);
        }
    }
    let mut kinds: Vec<u64> = distinct.iter().map(|value| value.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut info = Message::default();
    info.bytes(1, name).varint(4, if kinds.len() == 1 { kinds[0] } else { TEXT });
    let numbers: Vec<f64> =
        distinct.iter().filter_map(|v| if let Value::Number(x) = v { Some(*x) } else { None }).collect();
    if numbers.len() == distinct.len() {
        let mut interval = Message::default();
        let [low, high] = numbers.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], x| [a.min(*x), b.max(*x)]);
        interval.double(1, low).double(2, high);
        info.bytes(6, interval);
    } else if kinds.len() == 1 {
        let mut list = Message::default();
        distinct.iter().for_each(|value| {
            list.bytes(1, value.message());
        });
        info.bytes(5, list);
    }
    info.varint(7, u64::from(absent || distinct.len() > 1));
    info
}

/// A config's values as text, by dotted path in the config's order; the seed is left out.
pub fn settings(config: &str) -> Vec<(String, String)> {
    let text = |value| match value {
        Value::Number(x) => x.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => text,
    };
    values(config).into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// A config's values by dotted path; the seed is left out.
fn values(config: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    if let Ok(table) = config.parse::<toml::Table>() {
        flatten("", &toml::Value::Table(table), &mut found);
    }
    found.retain(|(name, _)| name != "seed");
    found
}

fn flatten(path: &str, value: &toml::Value, to: &mut Vec<(String, Value)>) {
    let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    let value = match value {
        toml::Value::Table(table) => return table.iter().for_each(|(key, value)| flatten(&below(key), value, to)),
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            return list.iter().enumerate().for_each(|(i, value)| flatten(&below(&i.to_string()), value, to));
        }
        toml::Value::Integer(n) => Value::Number(*n as f64),
        toml::Value::Float(x) => Value::Number(*x),
        toml::Value::Boolean(b) => Value::Bool(*b),
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Array(_) | toml::Value::Datetime(_) => Value::Text(value.to_string()),
    };
    to.push((path.into(), value));
}
