//! One value of a config, read as the type that is wanted or refused with what was found.

use crate::config::error::{ConfigError, shortened};
use crate::config::node::{Data, Node, Place};
use crate::spelling::nearest;

/// A value whose form decides how it is read, such as "a string or a table".
#[derive(Clone, Debug)]
pub struct Value<'a> {
    node: &'a Node,
    /// The section that the value is in, and its key there, with indices: `channels.2`.
    section: String,
    key: String,
}

pub(crate) const COUNT: &str = "a non-negative integer";
pub(crate) const NUMBER: &str = "a number";
pub(crate) const BOOLEAN: &str = "true or false";
pub(crate) const STRING: &str = "a string";
pub(crate) const TABLE: &str = "a table";

impl<'a> Value<'a> {
    pub(crate) fn new(node: &'a Node, section: String, key: String) -> Self {
        Self { node, section, key }
    }

    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// Keys and array indices from the root, with dots between them, as `--set` takes them.
    pub(crate) fn path(&self) -> String {
        let dot = if self.section.is_empty() { "" } else { "." };
        format!("{}{dot}{}", self.section, self.key)
    }

    /// The argument of the command line that gives the value, as messages name it: `--set optimizer.lr=1`; of a text none.
    pub(crate) fn argument(&self) -> Option<&'a str> {
        match &self.node.place {
            Place::Call(said) => Some(said),
            Place::Text(..) | Place::Everywhere(_) => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&'a str> {
        if let Data::String(text) = &self.node.data { Some(text) } else { None }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Boolean(value) = self.node.data { Some(value) } else { None }
    }

    /// The integer, if it is one that a `usize` holds.
    pub fn as_usize(&self) -> Option<usize> {
        self.integer()
    }

    /// The number, if it is a finite float or an integer.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.node.data {
            Data::Integer(number, _) => number.map(|number| number as f64),
            Data::Float(number, _) => number.is_finite().then_some(*number),
            Data::String(_) | Data::Boolean(_) | Data::Datetime(_) | Data::Array(_) | Data::Table(_) => None,
        }
    }

    /// The entries of the array, if it is one.
    pub fn as_array(&self) -> Option<Vec<Self>> {
        let Data::Array(items) = &self.node.data else { return None };
        let key = |index| format!("{}.{index}", self.key);
        Some(items.iter().enumerate().map(|(i, node)| Value { node, key: key(i), ..self.clone() }).collect())
    }

    /// A number, a string, a boolean, or an array of these, as short text: for names of grid points.
    pub fn label(&self) -> Option<String> {
        match &self.node.data {
            Data::String(text) | Data::Integer(_, text) | Data::Float(_, text) => Some(text.clone()),
            Data::Boolean(value) => Some(value.to_string()),
            Data::Array(_) => {
                let labels: Option<Vec<_>> = self.as_array()?.iter().map(Self::label).collect();
                Some(labels?.join("-"))
            }
            Data::Datetime(_) | Data::Table(_) => None,
        }
    }

    /// The meaning of the name that this string is; for forms like "a name or a table".
    ///
    /// # Errors
    /// Not a string, or none of `names`.
    pub fn choice<T: Clone>(&self, names: &[(&str, T)]) -> Result<T, ConfigError> {
        let wrong = || self.wrong(&format!("one of {}", quoted(names.iter().map(|(known, _)| *known))));
        let name = self.as_str().ok_or_else(wrong)?;
        if let Some((_, meaning)) = names.iter().find(|(known, _)| *known == name) {
            return Ok(meaning.clone());
        }
        let near = nearest(name, names.iter().map(|(known, _)| *known));
        let hint = near.map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        let error = self.error(format!("has the unknown name \"{}\"{hint}", shortened(name, 40)));
        let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
        Err(error.with_note(format!("valid names: {}", known.join(", "))))
    }

    /// An error at this value; `message` goes on after its key's name, "must be positive".
    pub fn error(&self, message: impl AsRef<str>) -> ConfigError {
        let message = format!("`{}` {} {}", self.key, place_name(&self.section), message.as_ref());
        self.node.place.error(message)
    }

    /// The error that this value has the wrong form: `expected` says what it would be, such as "a string or a table".
    pub fn wrong(&self, expected: &str) -> ConfigError {
        self.error(format!("must be {expected}, found {}", self.node.data.describe()))
    }

    pub(crate) fn usize(&self) -> Result<usize, ConfigError> {
        self.integer().ok_or_else(|| self.wrong(&bounded_count(&self.node.data, usize::MAX as u64)))
    }

    pub(crate) fn u64(&self) -> Result<u64, ConfigError> {
        self.integer().ok_or_else(|| self.wrong(&bounded_count(&self.node.data, u64::MAX)))
    }

    pub(crate) fn f64(&self) -> Result<f64, ConfigError> {
        let float = matches!(self.node.data, Data::Float(..) | Data::Integer(..));
        self.as_f64().ok_or_else(|| self.wrong(if float { "a finite number" } else { NUMBER }))
    }

    pub(crate) fn bool(&self) -> Result<bool, ConfigError> {
        self.as_bool().ok_or_else(|| self.wrong(BOOLEAN))
    }

    pub(crate) fn string(&self) -> Result<String, ConfigError> {
        self.as_str().map(str::to_owned).ok_or_else(|| self.wrong(STRING))
    }

    fn integer<T: TryFrom<i128>>(&self) -> Option<T> {
        if let Data::Integer(Some(number), _) = self.node.data { T::try_from(number).ok() } else { None }
    }

    /// An array of counts or sizes.
    pub(crate) fn counts(&self) -> Result<Vec<usize>, ConfigError> {
        self.each("an array of non-negative integers", Value::usize)
    }

    /// An array of finite numbers.
    pub(crate) fn numbers(&self) -> Result<Vec<f64>, ConfigError> {
        self.each("an array of numbers", Value::f64)
    }

    pub(crate) fn each<T>(
        &self,
        expected: &str,
        read: impl Fn(&Value<'a>) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        self.as_array().ok_or_else(|| self.wrong(expected))?.iter().map(read).collect()
    }
}

/// Describes a valid count; names the bound only where the number found may be above it.
fn bounded_count(found: &Data, most: u64) -> String {
    let too_large = matches!(found, Data::Integer(number, _) if number.is_none_or(|number| number > 0));
    if too_large { format!("an integer from 0 to {most}") } else { COUNT.into() }
}

/// Names a section in a sentence.
pub(crate) fn place_name(path: &str) -> String {
    if path.is_empty() { "at the top level".into() } else { format!("in [{}]", shortened(path, 60)) }
}

/// The names of a choice, for a sentence.
pub(crate) fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
