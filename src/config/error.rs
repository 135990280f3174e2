//! How a mistake in a config is shown: the place, one sentence, the quoted line, and notes.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::config::source::{Mark, Source};

/// The width that messages are folded to, where their words allow it.
const COLUMNS: usize = 80;

/// A mistake in a config file or in a `--set` argument; its `Display` is the whole message, of several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    place: String,
    message: String,
    mark: Option<Mark>,
    /// Another place that the message is about, in the same text, and what is said of it.
    other: Option<(Mark, String)>,
    notes: Vec<String>,
    /// Lines to copy, under the notes.
    example: Vec<String>,
    /// The key that is absent, if this is the mistake.
    lack: Option<Lack>,
}

/// A key that must be there and is not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lack {
    /// Its path from the root, as `--set` takes it.
    pub(crate) path: String,
    /// Description of a valid value, in words.
    pub(crate) expected: String,
    /// A value that would do, as after `--set`; empty if none is known.
    pub(crate) example: String,
    /// The key that is there instead, most likely misspelt.
    pub(crate) near: Option<String>,
}

impl ConfigError {
    /// An error at a place without a quoted line: a whole file or a `--set` argument.
    pub(crate) fn at(place: &str, message: String) -> Self {
        Self::new(escaped(place), message, None)
    }

    fn new(place: String, message: String, mark: Option<Mark>) -> Self {
        let (other, notes, example, lack) = (None, Vec::new(), Vec::new(), None);
        Self(Box::new(Parts { place, message, mark, other, notes, example, lack }))
    }

    /// An error at the bytes `span` of `source`.
    pub(crate) fn in_text(source: &Arc<Source>, span: Range<usize>, message: String) -> Self {
        let mark = Mark::new(source, span);
        let (line, column) = mark.place();
        Self::new(format!("{}:{line}:{column}", escaped(&source.label)), message, Some(mark))
    }

    /// Points at a second place, too, and says `said` of it. A place in another text becomes a note.
    #[must_use]
    pub(crate) fn also_in_text(mut self, source: &Arc<Source>, span: Range<usize>, said: String) -> Self {
        let other = Mark::new(source, span);
        if self.0.mark.as_ref().is_some_and(|mark| Arc::ptr_eq(&mark.source, source)) {
            self.0.other = Some((other, said));
            return self;
        }
        let (line, column) = other.place();
        self.with_note(format!("{}:{line}:{column}: {said}", escaped(&source.label)))
    }

    /// The sentence that says what is wrong, on one line, without place, quoted line and notes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The text that the error is about, by its file's name, the line in it from 1, and the path of the key on that line, as far as
    /// they are known: a change such as `--set` has no line, a whole file no key.
    pub fn place(&self) -> (&str, Option<usize>, Option<String>) {
        let Parts { place, mark, lack, .. } = &*self.0;
        let lacking = lack.as_ref().map(|lack| lack.path.clone());
        match mark {
            Some(mark) => (&mark.source.label, Some(mark.place().0), lacking.or_else(|| mark.key())),
            None => {
                let of_set = place.strip_prefix("--set ").and_then(|set| set.split_once('='));
                (place, None, lacking.or_else(|| of_set.map(|(path, _)| path.trim().into())))
            }
        }
    }

    /// Drops the line that the error quotes and points at.
    #[must_use]
    pub(crate) fn without_quote(mut self) -> Self {
        (self.0.mark, self.0.other) = (None, None);
        self
    }

    /// The key that is absent, if this is the mistake.
    pub(crate) fn lack(&self) -> Option<&Lack> {
        self.0.lack.as_ref()
    }

    /// Replaces the absent key that the error is about; `None` if it is about none.
    #[must_use]
    pub(crate) fn lacking(mut self, lack: Option<Lack>) -> Self {
        self.0.lack = lack;
        self
    }

    /// Sets the lines to copy that stand under the error's notes.
    #[must_use]
    pub(crate) fn with_example(mut self, lines: Vec<String>) -> Self {
        self.0.example = lines;
        self
    }

    /// Adds one more line of help under the error.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }
}

impl Error for ConfigError {}

impl ConfigError {
    /// The whole message behind `prefix`, for a page of 80 columns.
    pub fn told(&self, prefix: &str) -> String {
        let Parts { place, message, mark, other, notes, example, lack: _ } = &*self.0;
        let mut text = folded(&format!("{prefix}{place}: {message}"), 2);
        let gutter = mark.as_ref().map_or(2, |mark| mark.gutter(other.as_ref()));
        if let Some(mark) = mark {
            text += &format!("\n{}", mark.drawn(other.as_ref(), COLUMNS));
        }
        for note in notes {
            text += &format!("\n{}", folded(&format!("{:gutter$}= {note}", ""), gutter + 2));
        }
        for line in example {
            text += &format!("\n{}", format!("{:1$}{line}", "", gutter + 4).trim_end());
        }
        text
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(""))
    }
}

/// `text` with control and direction characters written as escapes, cut after `limit` characters.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).map(cell).collect();
    if text.chars().nth(limit).is_some() {
        short.push('…');
    }
    short
}

fn escaped(text: &str) -> String {
    shortened(text, 200)
}

/// One character as it is printed: tabs become a blank, invisible and direction characters an escape.
fn cell(c: char) -> String {
    match c {
        '\t' => " ".into(),
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            c.escape_unicode().to_string()
        }
        _ if c.is_control() => c.escape_default().to_string(),
        _ => c.into(),
    }
}

/// `text` folded between words at the page's width; the lines after the first are indented.
pub(crate) fn folded(text: &str, indent: usize) -> String {
    folded_at(text, indent, COLUMNS)
}

/// [`folded`] at another width.
pub(crate) fn folded_at(text: &str, indent: usize, columns: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (i, word) in text.split(' ').enumerate() {
        let width = word.chars().count();
        if i > 0 && column > indent && column + 1 + width > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}
