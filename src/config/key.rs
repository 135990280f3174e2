//! A key of a config, said once: its name, type, range, default and a line of help. The reader goes by it, and so does
//! the reference.
//!
//! ```
//! use initlab::config::Document;
//! use initlab::config::key::{Key, number};
//! use initlab::config::range::{ABOVE_0, FRACTION};
//!
//! const LR: Key<f64> = number("lr", "The step's size.").within(&[ABOVE_0]);
//! const MOMENTUM: Key<f64> = number("momentum", "Share of the last step.").within(&[FRACTION]).default("0.9");
//!
//! let document = Document::parse("example.toml", "lr = 0.1", &[])?;
//! let root = document.root();
//! assert_eq!((root.get(&LR)?, root.get(&MOMENTUM)?), (0.1, 0.9));
//! root.finish()?;
//! # Ok::<(), initlab::config::ConfigError>(())
//! ```

use crate::config::error::ConfigError;
use crate::config::node::{Node, Place, value_of_set};
use crate::config::range::Range;
use crate::config::reader::{Section, example_of};
use crate::config::value::{BOOLEAN, COUNT, NUMBER, STRING, TABLE, Value, quoted};

/// A key whose value is a `T`; it must be given, unless it has a default.
pub struct Key<T: 'static> {
    /// Name of the key in a config.
    pub name: &'static str,
    help: &'static str,
    reading: Reading<T>,
    ranges: &'static [Range<T>],
    show: Option<fn(&T) -> String>,
    absent: Absent,
    /// A value that would do, as after `--set`; empty for that of the form.
    example: &'static str,
}

/// A key that may be left out, and then has no value.
pub struct Optional<T: 'static>(Key<T>);

/// A name that a choice may have, its meaning, and a line of help.
pub type Named<T> = (&'static str, T, &'static str);

enum Reading<T: 'static> {
    /// The form in words, and how a value of this form is read.
    Form(&'static str, fn(&Value<'_>) -> Result<T, ConfigError>),
    /// One of these names.
    Choice(fn() -> Vec<Named<T>>),
}

#[derive(Clone, Copy)]
enum Absent {
    /// Then this is read, which is written as after `--set`.
    Default(&'static str),
    /// Then an error says that this is expected; empty for the form of the value.
    Error(&'static str),
    /// Then this holds.
    Means(&'static str),
}

/// The keys of a table, as the reference lists them.
pub struct Keys {
    /// Path of the table; empty for the top level.
    pub path: &'static str,
    /// The choice that makes these keys valid, such as `kind = "cnn"`; empty if they always are.
    pub when: &'static str,
    /// Keys of the table, in the order in which they are read.
    pub keys: &'static [&'static dyn Documented],
}

/// Rows of a table, made from [`Keys`] or from another list.
pub struct Part {
    /// Path of the table; empty for the top level.
    pub path: &'static str,
    /// The choice that makes these keys valid; empty if they always are.
    pub when: String,
    /// The keys.
    pub rows: Vec<Row>,
}

impl From<&Keys> for Part {
    fn from(keys: &Keys) -> Self {
        Self { path: keys.path, when: keys.when.into(), rows: keys.keys.iter().map(|key| key.row()).collect() }
    }
}

/// Row of the reference: all that it says about one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The key.
    pub name: &'static str,
    /// Type and range of its value.
    pub form: String,
    /// Effect of leaving the key out: "required", "default 512", "else nothing is clipped".
    pub absent: String,
    /// A value that would do, as a config has it: the default where there is one; empty if none is known.
    pub example: String,
    /// Meaning of the key.
    pub help: &'static str,
    /// The names that its value may be, each with a line of help.
    pub choices: Vec<(&'static str, &'static str)>,
}

/// A key of whatever type, as the reference sees it.
pub trait Documented {
    /// Returns the key's row of the reference.
    fn row(&self) -> Row;
}

/// A key whose value is a count or a size.
pub const fn count(name: &'static str, help: &'static str) -> Key<usize> {
    form(name, COUNT, |value| value.usize(), help)
}

/// A key whose value is a finite number.
pub const fn number(name: &'static str, help: &'static str) -> Key<f64> {
    form(name, NUMBER, |value| value.f64(), help)
}

/// A key whose value is true or false.
pub const fn flag(name: &'static str, help: &'static str) -> Key<bool> {
    form(name, BOOLEAN, |value| value.bool(), help)
}

/// A key whose value is a string.
pub const fn text(name: &'static str, help: &'static str) -> Key<String> {
    form(name, STRING, |value| value.string(), help)
}

/// A key whose value is one of `names`.
pub const fn choice<T>(name: &'static str, names: fn() -> Vec<Named<T>>, help: &'static str) -> Key<T> {
    Key { name, help, reading: Reading::Choice(names), ranges: &[], show: None, absent: Absent::Error(""), example: "" }
}

/// A key whose value is a table.
pub const fn table<T>(
    name: &'static str,
    read: fn(&Value<'_>) -> Result<T, ConfigError>,
    help: &'static str,
) -> Key<T> {
    form(name, TABLE, read, help)
}

/// A key whose value has the form that `words` say, which `read` reads.
pub const fn form<T>(
    name: &'static str,
    words: &'static str,
    read: fn(&Value<'_>) -> Result<T, ConfigError>,
    help: &'static str,
) -> Key<T> {
    let reading = Reading::Form(words, read);
    Key { name, help, reading, ranges: &[], show: None, absent: Absent::Error(""), example: "" }
}

impl<T> Key<T> {
    /// The key with a default, written as after `--set`: it is read when the key is absent.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.absent = Absent::Default(text);
        self
    }

    /// The key with what the error expects when it is absent, instead of the form of the value.
    #[must_use]
    pub const fn expects(mut self, what: &'static str) -> Self {
        self.absent = Absent::Error(what);
        self
    }

    /// The key with a value that would do, written as after `--set`: it is shown to whom the key is missing.
    #[must_use]
    pub const fn example(mut self, text: &'static str) -> Self {
        self.example = text;
        self
    }

    /// The key that may be left out; `meaning` says what holds then.
    pub const fn or(mut self, meaning: &'static str) -> Optional<T> {
        self.absent = Absent::Means(meaning);
        Optional(self)
    }

    /// A value that would do, as after `--set`; empty if none is known.
    pub(crate) fn an_example(&self) -> &'static str {
        match &self.reading {
            _ if !self.example.is_empty() => self.example,
            Reading::Form(words, _) => example_of(words),
            Reading::Choice(names) => names().first().map_or("", |(name, ..)| name),
        }
    }

    /// Describes a valid value, in words.
    fn words(&self) -> String {
        match &self.reading {
            Reading::Form(words, _) => (*words).into(),
            Reading::Choice(names) => format!("one of {}", quoted(names().into_iter().map(|(name, ..)| name))),
        }
    }
}

impl<T: ToString> Key<T> {
    /// The key with ranges that its value must be in.
    #[must_use]
    pub const fn within(mut self, ranges: &'static [Range<T>]) -> Self {
        self.ranges = ranges;
        self.show = Some(T::to_string);
        self
    }
}

impl<T: Clone> Key<T> {
    fn read_default(&self, text: &str) -> Result<T, ConfigError> {
        self.read(&Value::new(&default(text), String::new(), self.name.into()))
    }

    /// Reads `value`, whatever its key is called.
    pub(crate) fn read(&self, value: &Value<'_>) -> Result<T, ConfigError> {
        let found = match &self.reading {
            Reading::Form(_, read) => read(value)?,
            Reading::Choice(names) => {
                let names: Vec<_> = names().into_iter().map(|(name, meaning, _)| (name, meaning)).collect();
                value.choice(&names)?
            }
        };
        let outside = self.ranges.iter().find(|range| !(range.holds)(&found));
        if let (Some(range), Some(show)) = (outside, self.show) {
            return Err(value.error(format!("must be {}, found {}", range.words, show(&found))));
        }
        Ok(found)
    }
}

impl<T> Optional<T> {
    /// Name of the key in a config.
    pub const fn name(&self) -> &'static str {
        self.0.name
    }
}

impl Section<'_> {
    /// The value of `key`, or its default.
    ///
    /// # Errors
    /// The value has the wrong form or is out of range, or the key is absent and has no default.
    pub fn get<T: Clone>(&self, key: &Key<T>) -> Result<T, ConfigError> {
        match (self.value(key.name), key.absent) {
            (Some(value), _) => key.read(&value),
            (None, Absent::Default(text)) => key.read_default(text),
            (None, Absent::Error("") | Absent::Means(_)) => Err(self.missing(key.name, &key.words(), key.an_example())),
            (None, Absent::Error(expected)) => Err(self.missing(key.name, expected, key.an_example())),
        }
    }

    /// The error that `key`, which some other key makes a required one, is absent; `expected` says what it would be.
    pub(crate) fn missing_key<T>(&self, key: &Optional<T>, expected: &str) -> ConfigError {
        self.missing(key.name(), expected, key.0.an_example())
    }

    /// The value of `key`, if it is there.
    ///
    /// # Errors
    /// The value has the wrong form or is out of range.
    pub fn find<T: Clone>(&self, key: &Optional<T>) -> Result<Option<T>, ConfigError> {
        self.value(key.name()).map(|value| key.0.read(&value)).transpose()
    }
}

/// The value of `key` in a table that may have been left out as a whole.
pub(crate) fn get_or_default<T: Clone>(table: Option<&Section<'_>>, key: &Key<T>) -> Result<T, ConfigError> {
    match (table, key.absent) {
        (Some(table), _) => table.get(key),
        (None, Absent::Default(text)) => key.read_default(text),
        (None, Absent::Error(_) | Absent::Means(_)) => unreachable!("`{}` has no default", key.name),
    }
}

impl<T: Clone> Documented for Key<T> {
    fn row(&self) -> Row {
        let absent = match self.absent {
            Absent::Default(text) => format!("default {}", default(text).data.written()),
            Absent::Error(_) => "required".into(),
            Absent::Means(meaning) => format!("else {meaning}"),
        };
        let (words, choices) = match &self.reading {
            Reading::Form(COUNT, _) if !self.ranges.is_empty() => ("an integer", Vec::new()),
            Reading::Form(words, _) => (*words, Vec::new()),
            Reading::Choice(names) => ("a name", names().into_iter().map(|(name, _, help)| (name, help)).collect()),
        };
        let ranges = self.ranges.iter().map(|range| range.words);
        let form = [words].into_iter().chain(ranges).collect::<Vec<_>>().join(", ");
        let example = match self.absent {
            Absent::Default(text) => text,
            Absent::Error(_) | Absent::Means(_) => self.an_example(),
        };
        let example = if example.is_empty() { String::new() } else { default(example).data.written() };
        Row { name: self.name, form, absent, example, help: self.help, choices }
    }
}

impl<T: Clone> Documented for Optional<T> {
    fn row(&self) -> Row {
        self.0.row()
    }
}

fn default(text: &str) -> Node {
    value_of_set(text, &Place::Call("default".into())).expect("a default is a value")
}
