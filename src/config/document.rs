//! A parsed config: TOML as a tree in which every key and value knows where it was written.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::config::error::{ConfigError, shortened};
use crate::config::overrides;
use crate::config::reader::Section;

/// Largest config that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A config's text, parsed, with the `--set` overrides applied. Parts of other documents may have been laid on it.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
}

/// A text that was parsed, with the name that messages give it.
#[derive(Debug)]
pub(crate) struct Source {
    label: String,
    text: String,
}

/// Where something was written.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A text as a whole.
    Everywhere(Arc<Source>),
    /// Bytes of a text.
    Text(Arc<Source>, Range<usize>),
    /// A `--set` argument.
    Set(Arc<str>),
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
    /// In the order of the text.
    Table(Vec<Entry>),
}

/// One `key = value` of a table.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Document {
    /// Parses `text`, which messages call `label` (its path), then applies each `PATH=VALUE` of `sets` in order.
    ///
    /// A path is keys and array indices (from 0) with dots between them, `model.stages.0.channels`; tables that are
    /// absent are made. A value is a TOML value; a plain word stands for a string.
    ///
    /// # Errors
    /// A text of more than [`MAX_BYTES`], text that is not TOML, and an override whose path or value means nothing.
    pub fn parse(label: &str, text: &str, sets: &[String]) -> Result<Self, ConfigError> {
        if text.len() > MAX_BYTES {
            let message = format!("the config has {} bytes; expected at most {MAX_BYTES}", text.len());
            return Err(ConfigError::at(label, message));
        }
        let table = DeTable::parse(text).map_err(|error| not_toml(label, text, &error))?;
        let source = Arc::new(Source { label: label.into(), text: text.into() });
        let data = table_data(table.get_ref(), &|span| Place::Text(Arc::clone(&source), span));
        let mut root = Node { place: Place::Everywhere(source), data };
        for set in sets {
            overrides::apply(&mut root, set).map_err(|message| ConfigError::at(&place_of_set(set), message))?;
        }
        Ok(Self { root })
    }

    pub(crate) fn new(root: Node) -> Self {
        Self { root }
    }

    pub(crate) fn root_node(&self) -> &Node {
        &self.root
    }

    pub(crate) fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    /// The top-level table, to be read.
    pub fn root(&self) -> Section<'_> {
        Section::new(&self.root, String::new())
    }
}

impl Place {
    /// An error at this place.
    pub(crate) fn error(&self, message: String) -> ConfigError {
        match self {
            Self::Everywhere(source) => ConfigError::at(&source.label, message),
            Self::Text(source, span) => ConfigError::in_text(&source.label, &source.text, span.clone(), message),
            Self::Set(set) => ConfigError::at(&place_of_set(set), message),
        }
    }
}

impl Data {
    /// What it is, for "found …": the type, and the value where it is short enough to show.
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

/// The text of the file at `path`, of at most [`MAX_BYTES`].
///
/// # Errors
/// The system's, a larger file, and one that is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // What is named may have no end, as a device has none.
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("more than {MAX_BYTES} bytes, the most that a config may have");
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "its bytes are no UTF-8"))
}

/// The error that `text` cannot be parsed. Its line is shown only if the file's name says that it is TOML: whoever names another
/// file by mistake, or by a `base` of someone else's, does not see what is in it.
fn not_toml(label: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let message = format!("not valid TOML: {}", complaint(error));
    let span = error.span().unwrap_or(0..0);
    let is_toml = Path::new(label).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let shown = ConfigError::in_text(label, text, span.clone(), message);
    if !is_toml {
        return shown.without_quote().with_note("its lines are not shown, because its name does not end in .toml");
    }
    if overrides::has_escape(line_around(text, span)) { shown.with_note(ESCAPES) } else { shown }
}

/// What to do about backslashes.
pub(crate) const ESCAPES: &str = "in double quotes a backslash begins an escape: write a path with forward slashes, \"C:/data/mnist\", or in single quotes, \
     'C:\\data\\mnist'";

fn line_around(text: &str, span: Range<usize>) -> &str {
    let at = (0..=span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
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

fn table_data(table: &DeTable<'_>, place: &impl Fn(Range<usize>) -> Place) -> Data {
    let entry = |key: &Spanned<DeString<'_>>, value| Entry {
        key: key.get_ref().to_string(),
        place: place(key.span()),
        node: node(value, place),
    };
    Data::Table(table.iter().map(|(key, value)| entry(key, value)).collect())
}

fn place_of_set(set: &str) -> String {
    format!("--set {}", shortened(set, 60))
}
