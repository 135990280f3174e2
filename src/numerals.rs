//! Numbers as people read them: in tables, on pages and in sentences. Files for programs have all digits and do not pass here.
//!
//! Where the same number is written in two ways, both functions stand here and say which is for what.

use std::ops::Range;

/// Four significant digits without zeros at the end, or a power of ten where zeros would have to be counted: on pages, where
/// numbers stand alone.
pub fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return if x.is_nan() { "NaN".into() } else { format!("{}∞", if x < 0.0 { "−" } else { "" }) };
    }
    if (1e-3..1e5).contains(&x.abs()) {
        return trimmed(&format!("{x:.*}", decimals(x, 4)));
    }
    let text = format!("{x:.2e}");
    let (mantissa, power) = text.split_once('e').expect("the format has an exponent");
    format!("{}e{power}", trimmed(mantissa))
}

/// Four significant digits in at most eight characters, zeros kept: in a terminal's columns, where numbers stand below each other.
pub fn four_digits(x: f64) -> String {
    significant(x, 4, 1)
}

/// Three significant digits, zeros kept: in sentences about measured numbers.
pub fn three_digits(x: f64) -> String {
    significant(x, 3, 2)
}

/// Six decimals: in tables of theory, whose numbers are exact. A difference of rounding errors is not worth fifteen digits of
/// attention.
pub fn six_decimals(x: f64) -> String {
    if x.abs() < 1e-15 { "0".into() } else { fixed(x, 6, 1e-4..1e7, 4) }
}

/// Four decimals in at most nine characters: in the table of layers.
pub fn four_decimals(x: f64) -> String {
    fixed(x, 4, 1e-3..1e4, 1)
}

/// Four decimals as torch prints them, for as long as they say anything: beside numbers that a notebook printed.
pub fn torch_decimals(x: f64) -> String {
    fixed(x, 4, 5e-5..1e5, 1)
}

/// Three decimals in seven characters, as [`four_digits`] beyond: in narrow columns of means and deviations.
pub fn three_decimals(x: f64) -> String {
    match x.abs() {
        size if (5e-4..1e4).contains(&size) => format!("{x:.3}"),
        size if size < 1e-12 => "0".into(),
        _ => four_digits(x),
    }
}

/// Two decimals in five characters: in narrow columns of factors and correlations.
pub fn two_decimals(x: f64) -> String {
    fixed(x, 2, 5e-3..100.0, 0)
}

/// A float of at most ten decimals, as a config writes it.
pub fn ten_decimals(x: f64) -> String {
    format!("{:?}", (x * 1e10).round() / 1e10)
}

/// A factor with two digits after the point, or with three in all; from 1000 on it is only large.
pub fn factor(x: f64) -> String {
    match x {
        x if x >= 1000.0 => "over 1000".into(),
        x if x >= 10.0 => format!("{x:.*}", decimals(x, 3)),
        x => format!("{x:.*}", decimals(x, 3).min(2)),
    }
}

/// A share as a percentage with two decimals: accuracies, which differ in the last images.
pub fn percent(x: f64) -> String {
    if x.is_nan() { "–".into() } else { format!("{:.2} %", 100.0 * x) }
}

/// A share as a whole percentage: in a terminal's narrow columns.
pub fn whole_percent(x: f64) -> String {
    if x.is_nan() { "NaN".into() } else { format!("{:.0} %", 100.0 * x) }
}

/// The text of a number, or a dash where there is none.
pub fn or_dash(x: Option<f64>, text: fn(f64) -> String) -> String {
    x.map_or_else(|| "–".into(), text)
}

/// `x` rounded to three significant digits, so that it can be read and typed.
pub fn rounded_to_three(x: f64) -> f64 {
    format!("{x:.2e}").parse().expect("a number was printed")
}

/// `x` without the digits that a multiplication by 100 leaves behind.
pub fn without_rounding(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// Without the zeros at the end of a decimal fraction.
pub fn trimmed(number: &str) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').into() } else { number.into() }
}

/// So many significant digits, at most five of them decimals; a power of ten with `mantissa` decimals where zeros would have to be
/// counted.
fn significant(x: f64, digits: i32, mantissa: usize) -> String {
    if x == 0.0 { "0".into() } else { fixed(x, decimals(x, digits).min(5), 1e-3..1e4, mantissa) }
}

/// So many decimals of 0 and within a range of sizes, a power of ten with `mantissa` decimals beyond.
fn fixed(x: f64, decimals: usize, within: Range<f64>, mantissa: usize) -> String {
    let text = format!("{x:.decimals$}");
    // Rounding may reach the end of the range.
    let reaches_end = text.parse().is_ok_and(|rounded: f64| rounded.abs() >= within.end);
    if x == 0.0 || (within.contains(&x.abs()) && !reaches_end) { text } else { format!("{x:.mantissa$e}") }
}

/// Decimals that show so many significant digits of a number that is not 0; none if it is not finite. Counted after rounding, which
/// may bring a digit more: 0.9996 is 1.00.
fn decimals(x: f64, digits: i32) -> usize {
    let rounded = format!("{x:.*e}", (digits - 1).max(0) as usize);
    let power: i32 = rounded.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(digits);
    (digits - 1 - power).max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_number_keeps_its_width_at_all_sizes() {
        type Text = fn(f64) -> String;
        #[rustfmt::skip]
        let cases: [(Text, [&str; 8]); 8] = [
            // Of these:      0,        0.98765,    1234.5678,   0.001,       1.5e-7,      3.4e38,     −0.25,       NaN
            (number,         ["0",      "0.9877",   "1235",      "0.001",     "1.5e-7",    "3.4e38",   "-0.25",     "NaN"]),
            (four_digits,    ["0",      "0.9877",   "1235",      "0.00100",   "1.5e-7",    "3.4e38",   "-0.2500",   "NaN"]),
            (three_digits,   ["0",      "0.988",    "1235",      "0.00100",   "1.50e-7",   "3.40e38",  "-0.250",    "NaN"]),
            (six_decimals,   ["0",      "0.987650", "1234.567800", "0.001000", "1.5000e-7", "3.4000e38", "-0.250000", "NaN"]),
            (four_decimals,  ["0.0000", "0.9877",   "1234.5678", "0.0010",    "1.5e-7",    "3.4e38",   "-0.2500",   "NaN"]),
            (torch_decimals, ["0.0000", "0.9877",   "1234.5678", "0.0010",    "1.5e-7",    "3.4e38",   "-0.2500",   "NaN"]),
            (three_decimals, ["0",      "0.988",    "1234.568",  "0.001",     "1.5e-7",    "3.4e38",   "-0.250",    "NaN"]),
            (two_decimals,   ["0.00",   "0.99",     "1e3",       "1e-3",      "1e-7",      "3e38",     "-0.25",     "NaN"]),
        ];
        for (text, want) in cases {
            let numbers = [0.0, 0.98765, 1234.5678, 0.001, 1.5e-7, 3.4e38, -0.25, f64::NAN];
            assert_eq!(numbers.map(text), want);
        }
        assert_eq!([2.1e8, 1e-5, -3e-17].map(six_decimals), ["2.1000e8", "1.0000e-5", "0"]);
        assert_eq!([12.0, f64::NEG_INFINITY].map(number), ["12", "−∞"]);
        // Rounding may bring a digit more.
        assert_eq!([0.9996, 99.97, 9999.6, 0.09996].map(three_digits), ["1.00", "100", "1.00e4", "0.100"]);
        assert_eq!([0.99996, 9.99996, 9999.96].map(four_digits), ["1.000", "10.00", "1.0e4"]);
        assert_eq!([99.999, 0.996].map(two_decimals), ["1e2", "1.00"]);
        assert_eq!([9999.99996, 0.99996].map(four_decimals), ["1.0e4", "1.0000"]);
        assert_eq!(
            [0.999, 9.996, 99.96, 999.6, 1000.0, 0.1249].map(factor),
            ["1.00", "10.0", "100", "1000", "over 1000", "0.12"]
        );
        assert_eq!([4e-4, 2e4].map(four_decimals), ["4.0e-4", "2.0e4"]);
        assert_eq!([4e-4, 2e4].map(torch_decimals), ["0.0004", "20000.0000"]);
    }
}
