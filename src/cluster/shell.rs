//! Words as a shell takes them.

/// A word that a shell reads as it is.
pub fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A command of these words.
pub fn command(words: &[String]) -> String {
    words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        let words = ["a", "b c", "seeds=[1, 2]", "it's", "", "%A_$x"].map(String::from);
        assert_eq!(command(&words), r"a 'b c' 'seeds=[1, 2]' 'it'\''s' '' '%A_$x'");
    }
}
