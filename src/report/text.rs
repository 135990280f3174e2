//! Text and numbers as markup takes them: nothing that comes from a file can become an element.

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

/// A number for people: four significant digits, powers of ten where zeros would have to be counted.
pub fn number(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return if x.is_nan() { "NaN".into() } else { format!("{}∞", if x < 0.0 { "−" } else { "" }) };
    }
    if (1e-3..1e5).contains(&size) {
        let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
        return trimmed(&format!("{x:.decimals$}"));
    }
    let text = format!("{x:.2e}");
    let (mantissa, power) = text.split_once('e').expect("the format has an exponent");
    format!("{}e{power}", trimmed(mantissa))
}

/// A share as a percentage.
pub fn percent(x: f64) -> String {
    if x.is_nan() { "–".into() } else { format!("{:.2} %", 100.0 * x) }
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

/// Without the zeros at the end of a decimal fraction.
pub fn trimmed(number: &str) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').into() } else { number.into() }
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
    fn numbers_keep_four_digits() {
        for (x, want) in [
            (0.0, "0"),
            (0.98765, "0.9877"),
            (12.0, "12"),
            (1234.5678, "1235"),
            (0.001, "0.001"),
            (1.5e-7, "1.5e-7"),
            (3.4e38, "3.4e38"),
            (-0.25, "-0.25"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(number(x), want);
        }
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
