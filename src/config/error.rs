//! How a mistake in a config is shown: the place, one sentence, the quoted line, and notes.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// The width that messages are folded to, where their words allow it.
const COLUMNS: usize = 80;

/// A mistake in a config file or in a `--set` argument; its `Display` is the whole message, of several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError(Box<Parts>);

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    place: String,
    message: String,
    quote: Option<Quote>,
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
    /// What its value would be, in words.
    pub(crate) expected: String,
    /// A value that would do, as after `--set`; empty if none is known.
    pub(crate) example: String,
    /// The key that is there instead, most likely misspelt.
    pub(crate) near: Option<String>,
}

/// A line of the config, ready to print, with the columns to underline.
#[derive(Clone, Debug, PartialEq)]
struct Quote {
    line: usize,
    text: String,
    underline: Range<usize>,
}

impl ConfigError {
    /// An error at a place without a quoted line: a whole file or a `--set` argument.
    pub(crate) fn at(place: &str, message: String) -> Self {
        Self::new(escaped(place), message, None)
    }

    fn new(place: String, message: String, quote: Option<Quote>) -> Self {
        Self(Box::new(Parts { place, message, quote, notes: Vec::new(), example: Vec::new(), lack: None }))
    }

    /// An error at the bytes `span` of `text`, the content of the file `label`.
    pub(crate) fn in_text(label: &str, text: &str, span: Range<usize>, message: String) -> Self {
        let start = character_boundary(text, span.start);
        let end = character_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line_text = text[line_start..line_end].trim_end_matches('\r');
        let line = text[..line_start].matches('\n').count() + 1;
        let column = text[line_start..start].chars().count();
        let marked = text[start..end.min(line_start + line_text.len()).max(start)].chars().count();
        let room = COLUMNS.saturating_sub(digits(line) + 3);
        let (text, underline) = excerpt(line_text, column..column + marked, room);
        let place = format!("{}:{line}:{}", escaped(label), column + 1);
        Self::new(place, message, Some(Quote { line, text, underline }))
    }

    /// The sentence that says what is wrong, on one line, without place, quoted line and notes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The same error without the line that it points at.
    #[must_use]
    pub(crate) fn without_quote(mut self) -> Self {
        self.0.quote = None;
        self
    }

    /// The key that is absent, if this is the mistake.
    pub(crate) fn lack(&self) -> Option<&Lack> {
        self.0.lack.as_ref()
    }

    /// The same error, which says that a key is absent.
    #[must_use]
    pub(crate) fn lacking(mut self, lack: Option<Lack>) -> Self {
        self.0.lack = lack;
        self
    }

    /// The same error with lines to copy under its notes.
    #[must_use]
    pub(crate) fn with_example(mut self, lines: Vec<String>) -> Self {
        self.0.example = lines;
        self
    }

    /// The same error with one more line of help under it.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.0.notes.push(note.into());
        self
    }
}

impl Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { place, message, quote, notes, example, lack: _ } = &*self.0;
        f.write_str(&folded(&format!("{place}: {message}"), 2))?;
        let gutter = quote.as_ref().map_or(2, |quote| digits(quote.line) + 1);
        if let Some(Quote { line, text, underline }) = quote {
            let (before, carets) = (" ".repeat(underline.start), "^".repeat(underline.len().max(1)));
            write!(f, "\n{:gutter$}|\n{line} | {text}", "")?;
            write!(f, "\n{:gutter$}| {before}{carets}", "")?;
        }
        for note in notes {
            write!(f, "\n{}", folded(&format!("{:gutter$}= {note}", ""), gutter + 2))?;
        }
        for line in example {
            write!(f, "\n{}", format!("{:1$}{line}", "", gutter + 4).trim_end())?;
        }
        Ok(())
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

/// The part of a line around the characters `marked` that fits in `room` columns, and where they are in it.
fn excerpt(line: &str, marked: Range<usize>, room: usize) -> (String, Range<usize>) {
    let cells: Vec<String> = line.chars().map(cell).collect();
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).sum::<usize>();
    let from = marked.start.min(cells.len());
    let (mut start, mut end) = (0, cells.len());
    if width(&cells) > room {
        start = from;
        let mut left = 0;
        while start > 0 && left + width(&cells[start - 1..start]) <= room * 2 / 3 {
            start -= 1;
            left += width(&cells[start..=start]);
        }
        end = from;
        // Two columns stay free for the marks of what is left out.
        while end < cells.len() && left + width(&cells[end..=end]) <= room.saturating_sub(2) {
            left += width(&cells[end..=end]);
            end += 1;
        }
    }
    let mut text = String::from(if start > 0 { "…" } else { "" });
    let before = text.chars().count() + width(&cells[start..from]);
    let underline = before..before + width(&cells[from..marked.end.clamp(from, end.max(from))]);
    text.extend(cells[start..end].iter().map(String::as_str));
    text.push_str(if end < cells.len() { "…" } else { "" });
    (text, underline)
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

fn digits(line: usize) -> usize {
    line.to_string().len()
}

fn character_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_on_both_sides_of_the_mark() {
        let line = format!("{}HERE{}", "a".repeat(300), "b".repeat(300));
        let (text, underline) = excerpt(&line, 300..304, 60);
        assert_eq!(text.chars().skip(underline.start).take(underline.len()).collect::<String>(), "HERE");
        assert!(text.chars().count() <= 60 && text.starts_with("…a") && text.ends_with("b…"), "{text}");
    }

    #[test]
    fn a_line_of_wide_escapes_still_shows_the_mark() {
        let line = format!("{}HERE", "\u{202e}".repeat(300));
        let (text, underline) = excerpt(&line, 300..304, 60);
        assert_eq!(text.chars().skip(underline.start).collect::<String>(), "HERE");
        assert!(text.chars().count() <= 60, "{text}");
    }
}
