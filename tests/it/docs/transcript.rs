//! A transcript of the documentation, and how closely what is printed must agree with it.

use snapbox::Assert;
use snapbox::report::Palette;

use super::page::Page;

/// A call with what it printed, as a page shows it.
pub struct Transcript {
    /// The line behind the prompt.
    pub call: String,
    /// The lines below it, without a last `…`.
    pub printed: String,
    /// Set if a last `…` stands for the rest.
    pub cut: bool,
}

/// Agreement that is asked of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers {
    /// Every character.
    Same,
    /// Within this share of the larger one or this far, percentages within a tenth of all: other processors round otherwise, and training
    /// makes more of it.
    Near {
        /// Share of the larger number.
        share: f64,
        /// Distance that is always allowed.
        distance: f64,
    },
}

/// Transcripts of a page: blocks of code whose first line has a prompt.
pub fn transcripts(page: &Page) -> Vec<Transcript> {
    let mut found: Vec<Transcript> = Vec::new();
    for block in page.blocks() {
        if !block.lines.first().is_some_and(|line| line.starts_with("$ ")) {
            continue;
        }
        for line in block.lines {
            match line.strip_prefix("$ ") {
                Some(call) => found.push(Transcript { call: call.into(), printed: String::new(), cut: false }),
                None if line == "…" => found.last_mut().unwrap().cut = true,
                None => found.last_mut().unwrap().printed += &format!("{line}\n"),
            }
        }
    }
    found
}

impl Transcript {
    /// Holds the transcript to what the call printed.
    ///
    /// # Errors
    /// The first difference, or the numbers that are too far apart.
    pub fn check(&self, printed: &str, numbers: Numbers) -> Result<(), String> {
        let (found, wanted) = match numbers {
            Numbers::Same => (printed.to_owned(), self.printed.clone()),
            Numbers::Near { .. } => (form(printed), form(&self.printed)),
        };
        let found = if self.cut { found.chars().take(wanted.chars().count()).collect() } else { found };
        let name: Option<&dyn std::fmt::Display> = Some(&self.call);
        Assert::new()
            .palette(Palette::plain())
            .try_eq(name, found.into(), wanted.into())
            .map_err(|error| error.to_string())?;
        let Numbers::Near { share, distance } = numbers else { return Ok(()) };
        let (found, wanted) = (values(printed), values(&self.printed));
        let far: Vec<String> = wanted
            .iter()
            .zip(&found)
            .filter(|((a, percent), (b, _))| {
                let allowed = if *percent { 10.0 } else { distance.max(share * a.abs().max(b.abs())) };
                (a - b).abs() > allowed
            })
            .map(|((a, _), (b, _))| format!("{b} where the page has {a}"))
            .collect();
        if far.is_empty() { Ok(()) } else { Err(format!("{}: {}", self.call, far.join(", "))) }
    }
}

/// Lines without those that tell how fast the machine is.
fn timeless(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.contains(" images/s"))
}

/// The text with `#` for every number, `~` for every piece of a drawing, and single spaces, so that it has no columns.
fn form(text: &str) -> String {
    let drawing = |c: char| "▁▂▃▄▅▆▇█─│●○".contains(c);
    let mut words = Vec::new();
    for word in timeless(text).flat_map(str::split_whitespace) {
        let drawn = word.chars().all(drawing);
        if !(drawn && words.last().is_some_and(|last| last == "~")) {
            words.push(if drawn {
                "~".to_owned()
            } else {
                pieces(word).into_iter().map(|piece| piece.map_or_else(|text| text, |_| "#".into())).collect()
            });
        }
    }
    words.join(" ")
}

/// Numbers of the text in order, each with whether a percent sign follows.
fn values(text: &str) -> Vec<(f64, bool)> {
    let mut values: Vec<(f64, bool)> = Vec::new();
    for word in timeless(text).flat_map(str::split_whitespace) {
        if word.starts_with('%')
            && let Some(last) = values.last_mut()
        {
            last.1 = true;
        }
        values.extend(pieces(word).into_iter().filter_map(Result::ok).map(|value| (value, false)));
    }
    values
}

/// A word cut into numbers and what stands between them. Digits behind a letter belong to a name.
fn pieces(word: &str) -> Vec<Result<f64, String>> {
    let chars: Vec<char> = word.chars().collect();
    let (mut pieces, mut text, mut at) = (Vec::new(), String::new(), 0);
    while at < chars.len() {
        let behind_name = text.ends_with(|c: char| c.is_alphanumeric() || "_^.".contains(c));
        let end = if behind_name { at } else { number(&chars, at) };
        if end == at {
            text.push(chars[at]);
            at += 1;
            continue;
        }
        if !text.is_empty() {
            pieces.push(Err(std::mem::take(&mut text)));
        }
        pieces.push(Ok(chars[at..end].iter().collect::<String>().parse().unwrap()));
        at = end;
    }
    if !text.is_empty() {
        pieces.push(Err(text));
    }
    pieces
}

/// End of the number that begins at `at`, or `at`.
fn number(chars: &[char], at: usize) -> usize {
    let digits = |mut i: usize| {
        while chars.get(i).is_some_and(char::is_ascii_digit) {
            i += 1;
        }
        i
    };
    let start = if at == 0 && chars[0] == '-' { 1 } else { at };
    let mut end = digits(start);
    if end == start {
        return at;
    }
    if chars.get(end) == Some(&'.') && chars.get(end + 1).is_some_and(char::is_ascii_digit) {
        end = digits(end + 1);
    }
    if chars.get(end) == Some(&'e') {
        let exponent = if chars.get(end + 1) == Some(&'-') { end + 2 } else { end + 1 };
        if chars.get(exponent).is_some_and(char::is_ascii_digit) {
            end = digits(exponent);
        }
    }
    end
}

#[test]
fn numbers_and_drawings_have_their_form() {
    let text = "linear1 -0.34  9.3e-4 → 12 % ▂▄▅\n 5 images/s\nE[z^2] is 2.12, 6/7; 1.5…2.5 ──●─ │ ─";
    assert_eq!(form(text), "linear1 # # → # % ~ E[z^2] is #, #/#; #…# ~");
    let wanted = [
        (-0.34, false),
        (9.3e-4, false),
        (12.0, true),
        (2.12, false),
        (6.0, false),
        (7.0, false),
        (1.5, false),
        (2.5, false),
    ];
    assert_eq!(values(text), wanted);
}

#[test]
fn a_transcript_is_held_to_what_is_printed() {
    let transcript = Transcript { call: "x".into(), printed: "std 0.50 at 90 %\n".into(), cut: true };
    let near = Numbers::Near { share: 0.1, distance: 0.01 };
    for (printed, numbers, right) in [
        ("std 0.50 at 90 %\nmore\n", Numbers::Same, true),
        ("std 0.51 at 90 %\n", Numbers::Same, false),
        ("std   0.51 at 88 % and more", near, true),
        ("std 0.61 at 90 %\n", near, false),
        ("std 0.50 at 79 %\n", near, false),
        ("mean 0.50 at 90 %\n", near, false),
    ] {
        assert_eq!(transcript.check(printed, numbers).is_ok(), right, "{printed}");
    }
    let whole = Transcript { cut: false, ..transcript };
    assert!(whole.check("std 0.50 at 90 % and more", near).is_err());
}
