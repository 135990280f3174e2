//! A config as a tree: values in the types of TOML, each of which knows where it was written.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::config::error::{ConfigError, shortened};
use crate::config::source::Source;

/// Where something was written.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A text as a whole.
    Everywhere(Arc<Source>),
    /// Bytes of a text.
    Text(Arc<Source>, Range<usize>),
    /// An argument of the command, as messages name it: `--set optimizer.lr=1`.
    Call(Arc<str>),
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

/// A value, in the types of TOML.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    String(String),
    /// The number, if an `i128` holds it, and how it was written.
    Integer(Option<i128>, String),
    /// The number and how it was written.
    Float(f64, String),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    /// A table's entries, in the order of the text.
    Table(Vec<Entry>),
}

/// One `key = value` of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// A table that nobody wrote.
    pub(crate) fn empty_table() -> Self {
        Self { place: Place::Call("default".into()), data: Data::Table(Vec::new()) }
    }
}

impl Place {
    /// An error at this place.
    pub(crate) fn error(&self, message: String) -> ConfigError {
        match self {
            Self::Everywhere(source) => ConfigError::at(&source.label, message),
            Self::Text(source, span) => ConfigError::in_text(source, span.clone(), message),
            Self::Call(said) => ConfigError::at(said, message),
        }
    }

    /// The error with this as the other place that it is about, and what is `said` of it.
    pub(crate) fn added_to(&self, error: ConfigError, said: &str) -> ConfigError {
        match self {
            Self::Everywhere(_) => error,
            Self::Text(source, span) => error.also_in_text(source, span.clone(), said.into()),
            Self::Call(argument) => error.with_note(format!("{argument}: {said}")),
        }
    }
}

impl Data {
    /// The value as a config has it.
    pub(crate) fn written(&self) -> String {
        let entry = |entry: &Entry| format!("{} = {}", entry.key, entry.node.data.written());
        match self {
            Self::String(text) => format!("\"{text}\""),
            Self::Integer(_, text) | Self::Float(_, text) | Self::Datetime(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Array(items) => {
                format!("[{}]", items.iter().map(|item| item.data.written()).collect::<Vec<_>>().join(", "))
            }
            Self::Table(entries) if entries.is_empty() => "{}".into(),
            Self::Table(entries) => format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Describes the value, for "found …": its type, and the value itself where it is short enough to show.
    pub(crate) fn describe(&self) -> String {
        let entries = |n: usize| if n == 1 { "1 entry".into() } else { format!("{n} entries") };
        match self {
            Self::String(text) => format!("string \"{}\"", shortened(text, 40)),
            Self::Integer(_, text) => format!("integer {}", shortened(text, 40)),
            Self::Float(_, text) => format!("float {}", shortened(text, 40)),
            Self::Boolean(value) => format!("boolean {value}"),
            Self::Datetime(text) => format!("date {text}"),
            Self::Array(items) => format!("an array of {}", entries(items.len())),
            Self::Table(_) => "a table".into(),
        }
    }
}

/// The toml crate's sentence, without the part that says nothing.
pub(crate) fn complaint(error: &toml::de::Error) -> String {
    shortened(error.message().trim_end_matches(", expected nothing"), 200)
}

/// The tree below `value`, its places made from byte ranges by `place`.
pub(crate) fn node(value: &Spanned<DeValue<'_>>, place: &impl Fn(Range<usize>) -> Place) -> Node {
    let data = match value.get_ref() {
        DeValue::String(text) => Data::String(text.to_string()),
        DeValue::Integer(integer) => {
            let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
            Data::Integer(number, integer.to_string())
        }
        // TOML's syntax of floats is a part of Rust's, and what overflows parses to infinity.
        DeValue::Float(float) => Data::Float(float.as_str().parse().unwrap_or(f64::NAN), float.to_string()),
        DeValue::Boolean(value) => Data::Boolean(*value),
        DeValue::Datetime(date) => Data::Datetime(date.to_string()),
        DeValue::Array(items) => Data::Array(items.iter().map(|item| node(item, place)).collect()),
        DeValue::Table(table) => table_data(table, place),
    };
    Node { place: place(value.span()), data }
}

pub(crate) fn table_data(table: &DeTable<'_>, place: &impl Fn(Range<usize>) -> Place) -> Data {
    let entry = |key: &Spanned<DeString<'_>>, value| Entry {
        key: key.get_ref().to_string(),
        place: place(key.span()),
        node: node(value, place),
    };
    Data::Table(table.iter().map(|(key, value)| entry(key, value)).collect())
}

/// How messages name a `--set` argument.
pub(crate) fn place_of_set(set: &str) -> String {
    format!("--set {}", shortened(set, 60))
}

/// The value after `=`: TOML, or a plain word as a string.
pub(crate) fn value_of_set(text: &str, place: &Place) -> Result<Node, String> {
    let text = text.trim();
    match DeValue::parse(text) {
        Ok(value) => Ok(node(&value, &|_| place.clone())),
        Err(_) if is_word(text) || is_formula(text) => {
            Ok(Node { place: place.clone(), data: Data::String(text.into()) })
        }
        Err(_) if text.is_empty() => Err("no value after `=`; an empty string is written \"\"".into()),
        Err(error) if has_escape(text) => Err(format!("the value is not valid TOML: {}; {ESCAPES}", complaint(&error))),
        Err(error) => {
            Err(format!("the value is not valid TOML: {}; text that is no plain word needs quotes", complaint(&error)))
        }
    }
}

/// A word with a colon, a bracket or a sign behind it, as activations are written: `relu(x) - 0.5`, `leaky_relu:leak=0.1`.
fn is_formula(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest.trim_start().starts_with([':', '(', '-', '+'])
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "_ .,:=()+-".contains(c))
}

/// A name or a path that cannot be a mistyped number.
fn is_word(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphabetic() || "_/~\\".contains(c));
    (begins || text.starts_with("./") || text.starts_with("../"))
        && text.chars().all(|c| c.is_alphanumeric() || "_-./+:~\\".contains(c))
}

/// Advice for strings in which backslashes are taken for escapes.
pub(crate) const ESCAPES: &str = "in double quotes a backslash begins an escape: write a path with forward slashes, \"C:/data/mnist\", or in single quotes, \
     'C:\\data\\mnist'";

/// True if `line` has a backslash after a double quote, as a Windows path has it that someone took for plain text.
pub(crate) fn has_escape(line: &str) -> bool {
    line.split_once('"').is_some_and(|(_, rest)| rest.contains('\\'))
}
