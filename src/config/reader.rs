//! Strict reading: a section remembers which keys were asked for, and every other key is an error.
//!
//! [`Section::get`] and [`Section::find`] read a [`Key`](crate::config::key::Key). The functions by type are for keys
//! whose form depends on others: they return `Ok(None)` for an absent key, their `required_…` forms an error. `finish`
//! comes last:
//!
//! ```
//! use initlab::config::Document;
//! let document = Document::parse("example.toml", "lr = 0.1\nmomentun = 0.9", &[])?;
//! let root = document.root();
//! let (lr, momentum) = (root.required_f64("lr")?, root.f64("momentum")?.unwrap_or(0.0));
//! assert_eq!((lr, momentum), (0.1, 0.0));
//! assert!(root.finish().unwrap_err().message().ends_with("did you mean `momentum`?"));
//! # Ok::<(), initlab::config::ConfigError>(())
//! ```

use std::cell::RefCell;

use crate::config::error::{ConfigError, Lack, shortened};
use crate::config::node::{Data, Entry, Node, Place};
use crate::config::value::{COUNT, NUMBER, STRING, TABLE, Value, place_name, quoted};
use crate::spelling::nearest;

/// A table that is being read.
#[derive(Debug)]
pub struct Section<'a> {
    node: &'a Node,
    /// Keys and array indices from the root, with dots between them; empty for the root.
    path: String,
    asked: RefCell<Vec<String>>,
}

pub(crate) const TABLES: &str = "an array of tables";

/// A value of the form that `words` say, as after `--set`; empty for a form that a key has of its own.
pub(crate) fn example_of(words: &str) -> &'static str {
    match words {
        COUNT => "1",
        NUMBER => "0.1",
        STRING => "\"name\"",
        TABLE => "{}",
        TABLES => "[{}]",
        _ => "",
    }
}

impl<'a> Value<'a> {
    /// The table, if it is one, to be read and finished.
    pub fn as_section(&self) -> Option<Section<'a>> {
        matches!(self.node().data, Data::Table(_)).then(|| Section::new(self.node(), self.path()))
    }

    /// The table that it must be.
    pub(crate) fn to_section(&self) -> Result<Section<'a>, ConfigError> {
        self.as_section().ok_or_else(|| self.wrong(TABLE))
    }

    /// [`Value::to_section`]; a word in its place is most likely meant for the table's key `key`.
    pub(crate) fn to_section_of(&self, key: &str) -> Result<Section<'a>, ConfigError> {
        self.to_section().map_err(|error| {
            let Some(word) = self.as_str().map(|word| shortened(word, 40)) else { return error };
            let meant = if self.argument().is_some() { format!("={word}") } else { format!(" = \"{word}\"") };
            error.with_note(format!("did you mean `{}.{key}{meant}`?", self.path()))
        })
    }

    /// The tables of the array that it must be.
    pub(crate) fn to_sections(&self) -> Result<Vec<Section<'a>>, ConfigError> {
        self.each(TABLES, Self::to_section)
    }
}

impl<'a> Section<'a> {
    pub(crate) fn new(node: &'a Node, path: String) -> Self {
        Self { node, path, asked: RefCell::new(Vec::new()) }
    }

    /// The path of this table from the root, as `--set` takes it: `model.stages.0`; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of `key`, of whatever type.
    pub fn value(&self, key: &str) -> Option<Value<'a>> {
        if !self.asked.borrow().iter().any(|asked| asked == key) {
            self.asked.borrow_mut().push(key.into());
        }
        self.peek(key)
    }

    /// A count or a size; an integer from 0 to the largest `usize`.
    ///
    /// # Errors
    /// Another type, a negative or a too large number, at the value; so for all reading functions.
    pub fn usize(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        self.read(key, Value::usize)
    }

    /// An integer from 0 to 2⁶⁴ − 1, such as a seed.
    ///
    /// # Errors
    /// Another type, a negative or a too large number.
    pub fn u64(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        self.read(key, Value::u64)
    }

    /// A finite number; an integer is taken for a float.
    ///
    /// # Errors
    /// Another type, an infinity or NaN.
    pub fn f64(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.read(key, Value::f64)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Another type.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.read(key, Value::bool)
    }

    /// A string.
    ///
    /// # Errors
    /// Another type.
    pub fn string(&self, key: &str) -> Result<Option<String>, ConfigError> {
        self.read(key, Value::string)
    }

    /// The meaning of a name that must be one of `names`.
    ///
    /// # Errors
    /// A name that is not in the list (suggests the nearest and lists all), or another type.
    pub fn choice<T: Copy>(&self, key: &str, names: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        self.read(key, |value| value.choice(names))
    }

    /// A table below this one.
    ///
    /// # Errors
    /// Another type.
    pub fn section(&self, key: &str) -> Result<Option<Self>, ConfigError> {
        self.read(key, Value::to_section)
    }

    /// An array of tables, written `[[key]]` or inline.
    ///
    /// # Errors
    /// Another type, or an entry of another type.
    pub fn sections(&self, key: &str) -> Result<Option<Vec<Self>>, ConfigError> {
        self.read(key, Value::to_sections)
    }

    /// An array of counts or sizes.
    ///
    /// # Errors
    /// Another type, or an entry that [`Section::usize`] would refuse.
    pub fn usize_list(&self, key: &str) -> Result<Option<Vec<usize>>, ConfigError> {
        self.read(key, Value::counts)
    }

    /// An array of finite numbers.
    ///
    /// # Errors
    /// Another type, or an entry that [`Section::f64`] would refuse.
    pub fn f64_list(&self, key: &str) -> Result<Option<Vec<f64>>, ConfigError> {
        self.read(key, Value::numbers)
    }

    /// [`Section::usize`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key; so for all `required_…` functions.
    pub fn required_usize(&self, key: &str) -> Result<usize, ConfigError> {
        self.usize(key)?.ok_or_else(|| self.missing(key, COUNT, example_of(COUNT)))
    }

    /// [`Section::f64`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key.
    pub fn required_f64(&self, key: &str) -> Result<f64, ConfigError> {
        self.f64(key)?.ok_or_else(|| self.missing(key, NUMBER, example_of(NUMBER)))
    }

    /// [`Section::string`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key.
    pub fn required_string(&self, key: &str) -> Result<String, ConfigError> {
        self.string(key)?.ok_or_else(|| self.missing(key, STRING, example_of(STRING)))
    }

    /// [`Section::choice`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key.
    pub fn required_choice<T: Copy>(&self, key: &str, names: &[(&str, T)]) -> Result<T, ConfigError> {
        self.choice(key, names)?.ok_or_else(|| {
            let expected = format!("one of {}", quoted(names.iter().map(|(name, _)| *name)));
            self.missing(key, &expected, names.first().map_or("", |(name, _)| name))
        })
    }

    /// [`Section::section`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key.
    pub fn required_section(&self, key: &str) -> Result<Self, ConfigError> {
        self.section(key)?.ok_or_else(|| self.missing(key, TABLE, example_of(TABLE)))
    }

    /// [`Section::sections`] of a key that must be there.
    ///
    /// # Errors
    /// As there, and an absent key.
    pub fn required_sections(&self, key: &str) -> Result<Vec<Self>, ConfigError> {
        self.sections(key)?.ok_or_else(|| self.missing(key, TABLES, example_of(TABLES)))
    }

    /// The error that `key` is absent though it must be there; `expected` says what it would be, `example` is a value
    /// that would do, as after `--set`, or empty.
    pub fn missing(&self, key: &str, expected: &str, example: &str) -> ConfigError {
        let message = format!("missing key `{key}` {}; expected {expected}", place_name(&self.path));
        let error = self.node.place.error(message);
        let unread = self.unread().map(|entry| entry.key.as_str());
        let near = nearest(key, unread).map(|near| shortened(near, 40));
        let path = if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) };
        let lack = Lack { path, expected: expected.into(), example: example.into(), near: near.clone() };
        let error = error.lacking(Some(lack));
        match near {
            Some(near) => error.with_note(format!("`{near}` is there; did you mean `{key}`?")),
            None => error,
        }
    }

    /// The table with everything in it and below.
    pub(crate) fn node(&self) -> &'a Node {
        self.node
    }

    /// An error about `key`: `message` goes on after its name, "must be positive". It points at the value,
    /// or at the section's header if the key is absent.
    pub fn error(&self, key: &str, message: impl AsRef<str>) -> ConfigError {
        match self.peek(key) {
            Some(value) => value.error(message),
            None => {
                let message = format!("`{key}` {} {}", place_name(&self.path), message.as_ref());
                self.node.place.error(message)
            }
        }
    }

    /// An error about `key` that comes of `other`, which is given, too: shows both places.
    pub fn conflict(&self, key: &str, other: &str, message: impl AsRef<str>) -> ConfigError {
        let error = self.error(key, message);
        match self.entries().iter().find(|entry| entry.key == other) {
            Some(entry) => entry.place.added_to(error, &format!("`{other}` is given here")),
            None => error,
        }
    }

    /// True if the value of `key` comes of the command line and not of a text.
    pub(crate) fn is_changed(&self, key: &str) -> bool {
        self.peek(key).is_some_and(|value| value.argument().is_some())
    }

    /// The keys that nobody has asked for.
    pub(crate) fn unread_keys(&self) -> Vec<&'a str> {
        self.unread().map(|entry| entry.key.as_str()).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Keys that nobody asked for: points at the first, suggests the nearest name that was asked for, lists all.
    pub fn finish(self) -> Result<(), ConfigError> {
        self.finish_with(None, &[])
    }

    /// Ends the reading; an error has the note, too. Where the command line has changed `kind` alone, and keys of the old one are left,
    /// the whole table that is suggested has the values `instead` of those that are there.
    ///
    /// # Errors
    /// As [`Section::finish`].
    pub(crate) fn finish_with(self, note: Option<String>, instead: &[(&str, &str)]) -> Result<(), ConfigError> {
        let mut unread = self.unread();
        let Some(first) = unread.next() else { return Ok(()) };
        let asked = self.asked.borrow();
        let near = nearest(&first.key, asked.iter().map(String::as_str));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let message = format!("unknown key `{}` {}{hint}", shortened(&first.key, 40), place_name(&self.path));
        let valid = match asked.as_slice() {
            [] => "no keys are valid here".into(),
            names => format!("valid keys here: {}", names.join(", ")),
        };
        let error = first.place.error(message).with_note(valid);
        let others: Vec<String> = unread.take(10).map(|entry| format!("`{}`", shortened(&entry.key, 40))).collect();
        let others = (!others.is_empty()).then(|| format!("also unknown: {}", others.join(", ")));
        let error = others.into_iter().chain(note).fold(error, ConfigError::with_note);
        Err(match self.whole_table(instead) {
            Some(table) if matches!(first.place, Place::Text(..)) => error
                .with_note("a change of `kind` keeps the table's other keys; this changes the whole table:")
                .with_example(vec![format!("--set '{table}'")]),
            Some(_) | None => error,
        })
    }

    /// The table as `--set` takes it, with the keys that were asked for, if the command line has changed its kind.
    fn whole_table(&self, instead: &[(&str, &str)]) -> Option<String> {
        if !self.is_changed("kind") {
            return None;
        }
        let asked = self.asked.borrow();
        let value = |entry: &Entry| {
            // What the command line has set, too, is meant.
            let is_old = matches!(entry.node.place, Place::Text(..));
            let other = instead.iter().find(|(key, _)| is_old && *key == entry.key);
            other.map_or_else(|| entry.node.data.written(), |(_, value)| (*value).to_owned())
        };
        let entries = self.entries().iter().filter(|entry| asked.contains(&entry.key));
        let mut pairs: Vec<(&str, String)> = entries.map(|entry| (entry.key.as_str(), value(entry))).collect();
        pairs.sort_by_key(|(key, _)| *key != "kind");
        let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        Some(format!("{}={{ {} }}", self.path, pairs.join(", ")))
    }

    fn entries(&self) -> &'a [Entry] {
        if let Data::Table(entries) = &self.node.data { entries } else { &[] }
    }

    fn unread(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries().iter().filter(|entry| !self.asked.borrow().contains(&entry.key))
    }

    fn peek(&self, key: &str) -> Option<Value<'a>> {
        let entry = self.entries().iter().find(|entry| entry.key == key)?;
        Some(Value::new(&entry.node, self.path.clone(), key.into()))
    }

    fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value<'a>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.value(key).as_ref().map(read).transpose()
    }
}
