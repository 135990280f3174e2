//! Text and coordinates as markup takes them: nothing that comes from a file can become an element.

/// `text` for markup and attribute values: the five special characters as references, and characters that cannot be seen, most of
/// which XML does not allow either, as [`visible`] shows them. Ends of lines and tabs are kept.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_hidden(c) => out.push_str(&code(c)),
            c => out.push(c),
        }
    }
    out
}

/// `text` for a terminal: what would move its cursor, change its colours or hide text is shown by its code, such as
/// `\x1b` and `\n`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { out.push_str(&code(c)) } else { out.push(c) }
    }
    out
}

fn code(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        c if u32::from(c) < 0x100 => format!("\\x{:02x}", u32::from(c)),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

/// Control characters, other ends of lines, and those that turn the direction of text (Unicode's Bidi_Control).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `limit` characters of `text` on one line, with an ellipsis where more was.
pub fn shorten(text: &str, limit: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    let kept: String = line.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A coordinate with two decimals at most.
pub fn coordinate(to: &mut String, x: f64) {
    use std::fmt::Write;
    let hundredths = (x * 100.0).round() as i64;
    let (whole, part) = (hundredths / 100, (hundredths % 100).abs());
    if hundredths < 0 && whole == 0 {
        to.push('-');
    }
    let written = match part {
        0 => write!(to, "{whole}"),
        part if part % 10 == 0 => write!(to, "{whole}.{}", part / 10),
        part => write!(to, "{whole}.{part:02}"),
    };
    written.expect("strings take everything");
}

/// A name for a file: small letters, digits and hyphens.
pub fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    name.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_becomes_text() {
        assert_eq!(
            escape("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        );
        assert_eq!(escape("a\nb\u{0}\u{1b}🦀"), "a\nb\\x00\\x1b🦀");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        for (text, want) in [
            ("plain – ±1 🦀", "plain – ±1 🦀"),
            ("\u{1b}[31mred\u{7}", "\\x1b[31mred\\x07"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}2J\u{202e}gpj", "\\x9b2J\\u{202e}gpj"),
        ] {
            assert_eq!(visible(text), want);
        }
    }

    #[test]
    fn long_names_and_lines_are_cut_between_characters() {
        assert_eq!(shorten("one\ntwo   three", 20), "one two three");
        assert_eq!(shorten("🦀🦀🦀🦀", 3), "🦀🦀…");
    }

    #[test]
    fn coordinates_have_two_decimals_at_most() {
        for (x, want) in
            [(1.0, "1"), (1.25, "1.25"), (1.5, "1.5"), (-0.04, "-0.04"), (-0.001, "0"), (99.999, "100"), (0.05, "0.05")]
        {
            let mut text = String::new();
            coordinate(&mut text, x);
            assert_eq!(text, want);
        }
    }

    #[test]
    fn a_slug_is_a_plain_file_name() {
        assert_eq!(slug("Mean of h: first ten/steps"), "mean-of-h-first-ten-steps");
    }
}
