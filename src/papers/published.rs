//! The numbers that papers print, as data with their places.

use toml::{Table, Value};

const TEXT: &str = include_str!("published.toml");

/// A printed number.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Name of the item that replays it.
    pub item: String,
    /// Name of the figure that it stands beside.
    pub figure: String,
    /// The number.
    pub value: f64,
    /// Where it stands.
    pub place: String,
}

/// Every printed number.
///
/// # Panics
/// If the built-in file is broken, which a test rules out.
pub fn published() -> Vec<Published> {
    let table: Table = TEXT.parse().expect("published.toml is valid TOML");
    let of = |number: &Value| {
        let text = |key: &str| number[key].as_str().expect("a text").to_owned();
        let value = number["value"].as_float().expect("a number");
        Published { item: text("item"), figure: text("figure"), value, place: text("place") }
    };
    table["number"].as_array().expect("`number` is a list").iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_says_where_it_stands() {
        let all = published();
        assert!(!all.is_empty());
        assert!(all.iter().all(|number| number.value.is_finite() && !number.place.is_empty()));
    }
}
