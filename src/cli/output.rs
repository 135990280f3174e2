//! Prints what a person sees: results on stdout, progress and errors on stderr.
//!
//! Names come from files and may hold anything; control characters, with which a text could rewrite the terminal, are shown by
//! their codes.

use std::borrow::Cow;
use std::io::Write;

use crate::config::error::folded;

/// Prints a result to stdout; unlike `println!` a closed pipe is an error, not a panic.
///
/// # Errors
/// Nobody reads, or the disk that stdout goes to is full.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(visible(text).as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Says a line on stderr. One that cannot be written is given up: nobody looks, and the work is not for this line.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text));
}

/// Folds each line by itself for a page of 80 columns; what does not fit goes on two columns to the right of where the line begins.
pub(crate) fn folded_lines(text: &str) -> String {
    let indent = |line: &str| line.chars().take_while(|&c| c == ' ').count();
    let lines: Vec<String> = text.split('\n').map(|line| folded(line, indent(line) + 2)).collect();
    lines.join("\n")
}

/// The text with control characters as their codes, but for ends of lines and tabs. `report::text::visible` hides more, in names
/// alone: of a whole text it would take the lines, and from JSON, which passes here too, letters that may stand in it.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(hidden) {
        return text.into();
    }
    let shown = |c: char| if hidden(c) { format!("\\x{:02x}", u32::from(c)) } else { c.into() };
    text.chars().map(shown).collect::<String>().into()
}

/// A word as a shell takes it.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// An error with its causes, each once: many messages already end with theirs.
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn control_characters_are_shown_and_lines_stay_lines() {
        assert_eq!(visible("a\tb\nü · ━"), "a\tb\nü · ━");
        assert_eq!(visible("\u{1b}[2J\r\u{7}\u{9b}"), "\\x1b[2J\\x0d\\x07\\x9b");
    }

    #[test]
    fn each_line_is_folded_by_itself_and_short_ones_stay() {
        let word = "abcdefg ".repeat(12);
        let text = folded_lines(&format!("error: {word}\n  short  line\n  {word}\n\n[possible values: a, b]\n"));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("abcdefg\n  abcdefg") && text.contains("abcdefg\n    abcdefg"), "{text}");
        assert!(text.contains("\n  short  line\n") && text.ends_with("\n\n[possible values: a, b]\n"), "{text}");
    }

    #[test]
    fn causes_are_told_once() {
        let error = || Err::<(), _>(std::io::Error::other("disk on fire"));
        let told = error().context("cannot write").unwrap_err();
        assert_eq!(with_causes(&told), "cannot write: disk on fire");
        let twice = error().context("cannot write: disk on fire; buy another").unwrap_err();
        assert_eq!(with_causes(&twice), "cannot write: disk on fire; buy another");
    }
}
