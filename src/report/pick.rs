//! Which pictures are wanted, by words of their titles or the names of what they show.

use crate::record::statistics::CHARTS;

/// Words for what titles say in full.
const SHORT: [(&str, &str); 6] = [
    ("std", "standard deviation"),
    ("lr", "learning rate"),
    ("near_zero", "near zero"),
    ("grad", "gradient"),
    ("hist", "activations of"),
    ("update", "update in relation"),
];

/// True if one of `words` is in the title, is short for a part of it, or names its statistic; without words all are wanted.
pub fn is_wanted(title: &str, words: &[String]) -> bool {
    let title = title.to_lowercase();
    let fits = |word: &String| {
        let word = word.to_lowercase();
        let short = SHORT.iter().any(|(short, long)| *short == word && title.contains(long));
        let is_of = |chart: &str| {
            let rest = title.strip_prefix(&chart.to_lowercase());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(',') || rest.starts_with(" by layer"))
        };
        let statistic = CHARTS.iter().any(|chart| chart.of == word && is_of(chart.title));
        short || statistic || title.contains(&word)
    };
    words.is_empty() || words.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_words_of_its_title_and_by_the_names_of_columns() {
        for (title, words, wanted) in [
            ("Training loss", &["loss"][..], true),
            ("Training loss", &["std", "accuracy"], false),
            ("Standard deviation of the activations, first ten steps", &["std"], true),
            ("Standard deviation of the activations' gradients", &["act_std"], false),
            ("Standard deviation of the activations, all layers", &["act_std"], true),
            ("Activations of conv1", &["hist"], true),
            ("Learning rate", &["lr"], true),
            ("Learning rate", &[], true),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(is_wanted(title, &words), wanted, "{title}: {words:?}");
        }
    }
}
