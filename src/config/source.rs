//! A text that was parsed, and its lines drawn with what is marked in them.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text with the name that messages give it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) label: String,
    pub(crate) text: String,
}

/// Bytes of a source that a message points at.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) source: Arc<Source>,
    /// Within one line.
    span: Range<usize>,
}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.span == other.span
    }
}

impl Mark {
    /// The bytes `span` of `source`, as far as their first line goes.
    pub(crate) fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let text = &source.text;
        let start = character_boundary(text, span.start);
        let end = character_boundary(text, span.end).max(start);
        let line = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = start + text[start..line].trim_end_matches('\r').len();
        Self { source: Arc::clone(source), span: start..end.min(line) }
    }

    /// Line and column, from 1; columns are characters, as editors count them.
    pub(crate) fn place(&self) -> (usize, usize) {
        let before = &self.source.text[..self.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (self.line(), before[line_start..].chars().count() + 1)
    }

    fn line(&self) -> usize {
        self.source.text[..self.span.start].matches('\n').count() + 1
    }

    /// The path of the key that its line sets, below the last heading of a table before it; of a heading its table. Absent within a
    /// value of several lines.
    pub(crate) fn key(&self) -> Option<String> {
        let heading = |line: &str| {
            let name = line.trim().strip_prefix('[')?.trim_start_matches('[').split(']').next()?.trim();
            Some(name.to_owned())
        };
        let lines = self.source.text.lines().take(self.line());
        let line = lines.clone().last()?;
        if let Some(table) = heading(line) {
            return Some(table);
        }
        let (key, _) = line.split_once('=')?;
        let table = lines.filter_map(heading).last();
        Some(table.map_or_else(String::new, |table| table + ".") + key.trim())
    }

    /// Its line with carets under it, for `columns` columns; another mark of the same text is shown with what is said of it.
    pub(crate) fn drawn(&self, other: Option<&(Self, String)>, columns: usize) -> String {
        let mut snippet =
            Snippet::source(&self.source.text).annotation(AnnotationKind::Primary.span(self.span.clone()));
        if let Some((mark, label)) = other {
            snippet = snippet.annotation(AnnotationKind::Context.span(mark.span.clone()).label(label));
        }
        let group = Group::with_level(Level::ERROR).element(snippet);
        Renderer::plain().term_width(columns).render(&[group])
    }

    /// Columns of the line numbers beside [`Mark::drawn`], the rule after them among them.
    pub(crate) fn gutter(&self, other: Option<&(Self, String)>) -> usize {
        let last = other.map_or(0, |(mark, _)| mark.line()).max(self.line());
        last.to_string().len() + 1
    }
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

    fn drawn(text: &str, marked: &str, other: Option<(&str, &str)>) -> String {
        let source = Arc::new(Source { label: "x.toml".into(), text: text.into() });
        let mark = |part: &str| {
            let at = text.find(part).unwrap();
            Mark::new(&source, at..at + part.len())
        };
        mark(marked).drawn(other.map(|(part, label)| (mark(part), label.to_owned())).as_ref(), 80)
    }

    #[test]
    fn carets_stand_under_what_is_meant_however_wide_its_line_is() {
        for (text, marked, expected) in [
            ("a = 1\nb = 2", "b", "  |\n2 | b = 2\n  | ^"),
            // Wide characters take two columns, marks that combine none.
            ("漢字 = 'x'", "'x'", "  |\n1 | 漢字 = 'x'\n  |        ^^^"),
            ("e\u{301} = 'x'", "'x'", "  |\n1 | e\u{301} = 'x'\n  |     ^^^"),
            ("\tb = 2", "b", "  |\n1 |     b = 2\n  |     ^"),
            ("b = [\n1,\n2]", "[\n1,\n2]", "  |\n1 | b = [\n  |     ^"),
            ("b = 2\r\nc = 3", "2\r\n", "  |\n1 | b = 2\n  |     ^"),
        ] {
            assert_eq!(drawn(text, marked, None), expected, "{text}");
        }
    }

    #[test]
    fn two_places_are_shown_in_their_order() {
        let text = "epochs = 1\na = 1\nb = 1\nc = 1\nd = 1\ne = 1\nsteps = 5";
        let expected = "  |\n1 | epochs = 1\n  | ---------- given here\n...\n7 | steps = 5\n  | ^^^^^^^^^";
        assert_eq!(drawn(text, "steps = 5", Some(("epochs = 1", "given here"))), expected);
        assert_eq!(
            drawn("a = 1, b = 2", "b = 2", Some(("a = 1", "here"))),
            "  |\n1 | a = 1, b = 2\n  | -----  ^^^^^\n  | |\n  | here"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        for text in [format!("{}HERE{}", "a".repeat(300), "b".repeat(300)), format!("{}HERE", "漢".repeat(300))] {
            let drawn = drawn(&text, "HERE", None);
            let lines: Vec<&str> = drawn.lines().collect();
            let column = lines[1].split("HERE").next().unwrap();
            let wide = column.chars().filter(|c| *c == '漢').count();
            assert!(lines[1].contains("HERE") && lines[1].chars().count() <= 80, "{drawn}");
            assert_eq!(lines[2].find('^').unwrap(), column.chars().count() + wide, "{drawn}");
        }
    }
}
