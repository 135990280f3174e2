//! Python's values as TOML has them, so that one reader understands both, with the same words for what is wrong.

use initlab::config::init::{activation as read_activation, bias_rule, weight_rule};
use initlab::config::{ConfigError, Document, Value};
use initlab::{Activation, BiasInit, WeightInit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use toml::Value as Toml;

use crate::errors::Failure;

/// Deepest nesting of a dict.
const DEEPEST: usize = 20;

/// The value at `path` of a dict as TOML.
///
/// # Errors
/// TOML has nothing like it; names the path.
pub fn toml(value: &Bound<'_, PyAny>, path: &str) -> Result<Toml, Failure> {
    nested(value, path, 0)
}

fn nested(value: &Bound<'_, PyAny>, path: &str, depth: usize) -> Result<Toml, Failure> {
    let wrong = |found: String| {
        Failure::usage(format!("{path}: {found}; expected a number, a text, True or False, or a list or dict of them"))
    };
    if depth > DEEPEST {
        return Err(wrong(format!("is nested more than {DEEPEST} times")));
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(Toml::Boolean(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        let number = value.extract().map_err(|_| wrong(format!("{value} is beyond 64 bits")))?;
        return Ok(Toml::Integer(number));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Toml::Float(value.extract()?));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Toml::String(value.extract()?));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let mut table = toml::Table::new();
        for item in mapping.items()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let key: String = key.extract().map_err(|_| wrong(format!("has the key {key}, which is no text")))?;
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            table.insert(key, nested(&value, &path, depth + 1)?);
        }
        return Ok(Toml::Table(table));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value.try_iter()?.enumerate();
        let item = |(i, item): (usize, PyResult<Bound<'_, PyAny>>)| nested(&item?, &format!("{path}.{i}"), depth + 1);
        return Ok(Toml::Array(items.map(item).collect::<Result<_, _>>()?));
    }
    // NumPy's numbers and arrays, and paths.
    for method in ["tolist", "__fspath__"] {
        if value.hasattr(method)? {
            return nested(&value.call_method0(method)?, path, depth + 1);
        }
    }
    let class = value.get_type().name()?;
    Err(wrong(format!("found a value of type {class}")))
}

/// A value on one line, as after `--set PATH=`.
pub fn inline(value: &Toml) -> String {
    let key = |key: &String| Toml::String(key.clone()).to_string();
    match value {
        Toml::Table(table) => {
            let entries: Vec<String> = table.iter().map(|(k, v)| format!("{} = {}", key(k), inline(v))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Toml::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Toml::String(_) | Toml::Integer(_) | Toml::Float(_) | Toml::Boolean(_) | Toml::Datetime(_) => value.to_string(),
    }
}

/// Reads a value, given as Python has it, with a reader of configs.
fn read<T>(
    value: &Bound<'_, PyAny>,
    name: &str,
    reader: impl FnOnce(&Value<'_>) -> Result<T, ConfigError>,
) -> Result<T, Failure> {
    let text = inline(&toml(value, name)?);
    let document = Document::parse(name, &format!("{name} = {text}\n"), &[])?;
    let root = document.root();
    let value = root.value(name).ok_or_else(|| Failure::usage(format!("{name}: nothing was given")))?;
    Ok(reader(&value)?)
}

/// An activation: a name, a text such as `relu - 0.5`, or a dict.
///
/// # Errors
/// There is none such.
pub fn activation(value: &Bound<'_, PyAny>) -> Result<Activation, Failure> {
    read(value, "activation", read_activation)
}

/// A rule for weights: a name or a dict.
///
/// # Errors
/// There is none such.
pub fn weight(value: &Bound<'_, PyAny>) -> Result<WeightInit, Failure> {
    read(value, "rule", weight_rule)
}

/// A rule for biases: a name or a dict.
///
/// # Errors
/// There is none such.
pub fn bias(value: &Bound<'_, PyAny>) -> Result<BiasInit, Failure> {
    read(value, "rule", bias_rule)
}

/// The name of a rule, given by its name or as a dict.
pub fn kind(value: &Bound<'_, PyAny>) -> Option<String> {
    let kind = match value.cast::<PyDict>() {
        Ok(table) => table.get_item("kind").ok().flatten()?,
        Err(_) => value.clone(),
    };
    kind.extract().ok()
}
