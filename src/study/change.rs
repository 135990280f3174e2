//! Changes that a study makes to a config: keys that are set and keys that are taken away.

use crate::config::{ConfigError, Document, Section, Value};

/// `set` and `unset` of a table.
pub(crate) struct Change<'a> {
    set: Option<Document>,
    unset: Vec<Value<'a>>,
}

impl<'a> Change<'a> {
    /// Reads both keys.
    pub(crate) fn read(section: &Section<'a>) -> Result<Self, ConfigError> {
        let table = |value: Value<'a>| Document::of_table(&value).ok_or_else(|| value.wrong("a table of changes"));
        let set = section.value("set").map(table).transpose()?;
        let list = |value: Value<'a>| value.as_array().ok_or_else(|| value.wrong("an array of paths"));
        Ok(Self { set, unset: section.value("unset").map(list).transpose()?.unwrap_or_default() })
    }

    /// Takes away first, so that what stands instead can be set.
    pub(crate) fn apply(&self, document: &mut Document) -> Result<(), ConfigError> {
        self.unset.iter().try_for_each(|path| document.unset(path))?;
        if let Some(set) = &self.set {
            document.overlay(set);
        }
        Ok(())
    }
}
