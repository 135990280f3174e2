//! A parsed config with the overrides of the command line, ready to be read.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::error::{ConfigError, shortened};
use crate::config::node::{Data, ESCAPES, Node, Place, complaint, has_escape, place_of_set, table_data, value_of_set};
use crate::config::overrides;
use crate::config::reader::Section;
use crate::config::source::Source;
use crate::config::value::Value;

/// Largest config that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A config's text, parsed, with the `--set` overrides applied. Parts of other documents may have been laid on it.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
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
        let source = Arc::new(Source { label: label.into(), text: text.into() });
        let table = DeTable::parse(text).map_err(|error| not_toml(&source, &error))?;
        let data = table_data(table.get_ref(), &|span| Place::Text(Arc::clone(&source), span));
        let mut root = Node { place: Place::Everywhere(source), data };
        for set in sets {
            overrides::apply(&mut root, set).map_err(|message| ConfigError::at(&place_of_set(set), message))?;
        }
        Ok(Self { root })
    }

    /// Gives the key at `path` the `value` that the option `option` of a command has, written as after `--set`; messages name the
    /// option. The keys `instead_of` are taken away.
    ///
    /// # Errors
    /// The path leads nowhere, or the value means nothing.
    pub fn set_by_option(
        &mut self,
        option: &str,
        path: &str,
        instead_of: &[&str],
        value: &str,
    ) -> Result<(), ConfigError> {
        let said = shortened(&format!("{option} {value}"), 60);
        let wrong = |message| ConfigError::at(&said, message);
        for path in instead_of {
            overrides::remove(&mut self.root, path).map_err(wrong)?;
        }
        let value = value_of_set(value, &Place::Call(said.as_str().into())).map_err(wrong)?;
        overrides::put(&mut self.root, path, value).map_err(wrong)
    }

    /// The table that `value` is, if it is one, as a document of its own; what is in it keeps its place.
    pub fn of_table(value: &Value<'_>) -> Option<Self> {
        let node = value.node();
        matches!(node.data, Data::Table(_)).then(|| Self { root: node.clone() })
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
fn not_toml(source: &Arc<Source>, error: &toml::de::Error) -> ConfigError {
    let message = format!("not valid TOML: {}", complaint(error));
    let span = error.span().unwrap_or(0..0);
    let is_toml = Path::new(&source.label).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let shown = ConfigError::in_text(source, span.clone(), message);
    if !is_toml {
        return shown.without_quote().with_note("its lines are not shown, because its name does not end in .toml");
    }
    if has_escape(line_around(&source.text, span)) { shown.with_note(ESCAPES) } else { shown }
}

fn line_around(text: &str, span: Range<usize>) -> &str {
    let at = (0..=span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
}
