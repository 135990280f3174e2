//! "Did you mean": the known name that a misspelt one stands for, and names as a sentence lists them.

/// Longest name that is compared letter by letter for a suggestion.
const LONGEST_NAME: usize = 64;

/// The name of `names` that `name` most likely means, if any is near.
pub(crate) fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |s: &str| s.to_lowercase().replace('-', "_");
    let wanted = plain(name);
    if wanted.chars().count() > LONGEST_NAME {
        return None;
    }
    let distance = |candidate: &str| {
        let candidate = plain(candidate);
        let shorter = wanted.chars().count().min(candidate.chars().count());
        let typing = strsim::damerau_levenshtein(&wanted, &candidate);
        let begins = candidate.starts_with(&wanted) || wanted.starts_with(&candidate);
        // A third of the letters may be wrong; a beginning such as `kaiming` counts as one mistake.
        let allowed = if shorter > 2 { (shorter / 3).max(1) } else { 0 };
        if begins && shorter > 2 { Some(typing.min(1)) } else { (typing <= allowed).then_some(typing) }
    };
    let near = names.into_iter().filter_map(|candidate| Some((distance(candidate)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Names as a sentence lists them, of which one is to be taken: "relu, tanh or gelu".
pub(crate) fn any_of(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_near_or_absent() {
        let names = ["kaiming_normal", "kaiming_uniform", "xavier_normal", "lr", "relu", "leaky_relu"];
        let cases = [
            ("kaiming-normal", Some("kaiming_normal")),
            ("kaiming_unifrom", Some("kaiming_uniform")),
            ("xavier", Some("xavier_normal")),
            ("RELU", Some("relu")),
            ("rleu", Some("relu")),
            ("leakyrelu", Some("leaky_relu")),
            ("ls", None),
            ("momentum", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }

    #[test]
    fn a_list_ends_with_or_where_there_is_a_choice() {
        let names = ["relu", "tanh", "gelu"];
        assert_eq!([1, 2, 3].map(|n| any_of(&names[..n])), ["relu", "relu or tanh", "relu, tanh or gelu"]);
    }
}
