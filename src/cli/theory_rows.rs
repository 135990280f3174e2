//! The rows of `initlab theory`: one list that prints as a table and as JSON.

use serde_json::{Map, Value as Json};

use crate::numerals::six_decimals;

/// Widest line of the table, in characters.
const WIDTH: usize = 80;

/// Key to the abbreviations of the sources.
const SOURCES: &str = "Sources, with equation numbers: [K] He et al. 2015, [P] Poole et al. 2016, [S] Schoenholz et al. \
                       2017, [R] Roberts et al. 2022, DKS Martens et al. 2021, TAT Zhang et al. 2022, Pennington et al. 2018.";

/// A line of the table: a heading, a quantity with its JSON key and source, or lines for a config.
pub(crate) enum Row {
    Section(String),
    Quantity { key: &'static str, label: String, value: Value, source: &'static str },
    Toml { key: &'static str, title: String, text: String },
}

/// A number, a word, or why there is none.
pub(crate) enum Value {
    Number(f64),
    Word(&'static str),
    Missing { short: &'static str, reason: String },
}

impl Row {
    pub(crate) fn section(title: &str) -> Self {
        Self::Section(title.to_string())
    }

    pub(crate) fn new(key: &'static str, label: &str, value: Value, source: &'static str) -> Self {
        Self::Quantity { key, label: label.to_string(), value, source }
    }

    pub(crate) fn toml(key: &'static str, title: &str, text: &str) -> Self {
        Self::Toml { key, title: title.to_string(), text: text.to_string() }
    }
}

impl Value {
    /// `x`, if a reader can use it.
    pub(crate) fn number(x: f64) -> Self {
        if x.is_finite() { Self::Number(x) } else { Self::missing("too large", "beyond the range of numbers") }
    }

    /// `x`, or `short` in the table and `reason` below it and in JSON.
    pub(crate) fn or(x: Option<f64>, short: &'static str, reason: &str) -> Self {
        x.map_or_else(|| Self::missing(short, reason), Self::number)
    }

    pub(crate) fn missing(short: &'static str, reason: &str) -> Self {
        Self::Missing { short, reason: reason.to_string() }
    }
}

/// The object: `activation`, then a key per quantity; a missing one is null, with its reason in `KEY_reason`. Lines for a
/// config are a string.
pub(crate) fn json(activation: &str, rows: &[Row]) -> Json {
    let mut object = Map::new();
    object.insert("activation".to_string(), activation.into());
    for row in rows {
        match row {
            Row::Section(_) => {}
            Row::Toml { key, text, .. } => {
                object.insert((*key).to_string(), format!("{text}\n").into());
            }
            Row::Quantity { key, value: Value::Number(x), .. } => {
                object.insert((*key).to_string(), (*x).into());
            }
            Row::Quantity { key, value: Value::Word(word), .. } => {
                object.insert((*key).to_string(), (*word).into());
            }
            Row::Quantity { key, value: Value::Missing { reason, .. }, .. } => {
                object.insert((*key).to_string(), Json::Null);
                object.insert(format!("{key}_reason"), reason.as_str().into());
            }
        }
    }
    Json::Object(object)
}

/// The table: label, value and source, and each reason once, below the first line that it explains; lines for a config
/// begin at the margin, so that they can be copied.
pub(crate) fn table(activation: &str, rows: &[Row]) -> String {
    let mut text = format!("{}\n", wrapped(activation, ""));
    let mut told: Vec<&str> = Vec::new();
    for row in rows {
        match row {
            Row::Section(title) => {
                told.clear();
                text += &format!("\n{}\n", wrapped(title, ""));
            }
            Row::Toml { title, text: lines, .. } => {
                text += &format!("\n{}\n{lines}\n", wrapped(title, ""));
            }
            Row::Quantity { label, value, source, .. } => {
                let shown = match value {
                    Value::Number(x) => six_decimals(*x),
                    Value::Word(word) => (*word).to_string(),
                    Value::Missing { short, .. } => (*short).to_string(),
                };
                text += &format!("  {label:<33}{shown:>14}   {source}\n");
                if let Value::Missing { reason, .. } = value
                    && !told.contains(&reason.as_str())
                {
                    told.push(reason);
                    text += &format!("{}\n", wrapped(reason, "      "));
                }
            }
        }
    }
    text + &format!("\n{}\n", wrapped(SOURCES, ""))
}

/// `layers` in words.
pub(crate) fn layers(layers: usize) -> String {
    if layers == 1 { "1 layer".to_string() } else { format!("{layers} layers") }
}

/// `text` in lines of at most [`WIDTH`] characters, each after `indent`.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_string()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line to write on");
        let gap = usize::from(line.len() > indent.len());
        if gap == 1 && line.chars().count() + gap + word.chars().count() > WIDTH {
            lines.push(format!("{indent}{word}"));
        } else {
            line.push_str(if gap == 1 { " " } else { "" });
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_per_section_and_wrapped() {
        let long = "word ".repeat(40);
        let rows = [
            Row::section("s"),
            Row::new("a", "a", Value::missing("none", long.trim()), "x"),
            Row::new("b", "b", Value::missing("none", long.trim()), "x"),
        ];
        let text = table("relu", &rows);
        assert_eq!(text.matches("word").count(), 40);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert!(json("relu", &rows)["b"].is_null());
    }

    #[test]
    fn infinity_becomes_a_word_and_null() {
        let rows = [Row::new("a", "a", Value::number(f64::INFINITY), "x")];
        assert!(json("relu", &rows)["a"].is_null() && table("relu", &rows).contains("too large"));
    }
}
