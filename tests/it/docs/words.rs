//! Words of the documentation: each term of ours is linked to the glossary where a page first uses it.

use super::page::{Page, anchor, page};

/// Pages for whoever has seen the lesson and nothing else.
const PAGES: [&str; 12] = [
    "README.md",
    "docs/cluster.md",
    "docs/commands.md",
    "docs/configs.md",
    "docs/cuda.md",
    "docs/depth.md",
    "docs/faq.md",
    "docs/method.md",
    "docs/records.md",
    "docs/results.md",
    "docs/studies.md",
    "docs/tutorial.md",
];

/// Words that the lesson does not explain, with their entries in the glossary.
const TERMS: [(&str, &str); 34] = [
    ("E[z²]", "length"),
    ("Kaiming", "kaiming"),
    ("LSUV", "lsuv"),
    ("Xavier", "xavier"),
    ("aim", "aim"),
    ("arm", "arm"),
    ("arms", "arm"),
    ("band", "band"),
    ("bands", "band"),
    ("baseline", "baseline"),
    ("ceiling", "ceiling"),
    ("centred", "centred"),
    ("checkpoint", "checkpoint"),
    ("cohort", "cohort"),
    ("cohorts", "cohort"),
    ("correlation", "correlation"),
    ("dead units", "dead-unit"),
    ("depth-aware", "depth-aware"),
    ("fan_in", "fan_in"),
    ("interval", "interval"),
    ("kurtosis", "kurtosis"),
    ("leak", "leak"),
    ("mean field theory", "mean-field-theory"),
    ("moment-matched", "moment-matched"),
    ("near zero", "near-zero"),
    ("orthogonal", "orthogonal"),
    ("pre-activations", "pre-activation"),
    ("seed", "seed"),
    ("seeds", "seed"),
    ("shards", "shard"),
    ("verdict", "verdict"),
    ("ξ", "correlation-length"),
    ("σ_w²", "weight-variance"),
    ("χ", "backward-factor"),
];

/// The prose without headings and without the targets of its links, in the same places.
fn words(page: &Page) -> String {
    let prose = page.prose();
    let mut words = String::with_capacity(prose.len());
    let mut target = false;
    for line in prose.split_inclusive('\n') {
        let heading = line.starts_with('#');
        let mut before = ' ';
        for c in line.chars() {
            target |= before == ']' && c == '(';
            let hidden = c != '\n' && (heading || target);
            target &= c != ')';
            if hidden {
                words.extend(std::iter::repeat_n(' ', c.len_utf8()))
            } else {
                words.push(c)
            }
            before = c;
        }
    }
    words
}

/// Place of the first use of a term as a whole word.
fn first_use(words: &str, term: &str) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric() || "_-²".contains(c);
    let found = words
        .match_indices(term)
        .find(|(at, _)| !words[..*at].ends_with(inside) && !words[at + term.len()..].starts_with(inside));
    found.map(|(at, _)| at)
}

#[test]
fn terms_are_linked_to_the_glossary_where_a_page_first_uses_them() {
    let mut wrong = Vec::new();
    for name in PAGES {
        let page = page(name);
        let (words, links) = (words(&page), page.links());
        for (term, entry) in TERMS {
            let Some(used) = first_use(&words, term) else { continue };
            let explained =
                links.iter().any(|link| link.at <= used && link.target.ends_with(&format!("glossary.md#{entry}")));
            if !explained {
                let line = page.text[..used].lines().count();
                wrong.push(format!("{name}:{line}: {term} is not linked to glossary.md#{entry}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_glossary_is_in_the_order_of_the_alphabet_and_explains_each_word() {
    let glossary = page("docs/glossary.md");
    let entries: Vec<(&str, &str)> = glossary
        .text
        .split("\n### ")
        .skip(1)
        .map(|entry| entry.split_once('\n').unwrap_or_else(|| panic!("{entry} has no meaning")))
        .collect();
    assert!(entries.len() > 80, "{} entries", entries.len());
    let small: Vec<String> = entries.iter().map(|(word, _)| word.to_lowercase()).collect();
    for pair in small.windows(2) {
        assert!(pair[0] < pair[1], "{} stands before {}", pair[0], pair[1]);
    }
    for (word, meaning) in &entries {
        assert!(meaning.trim().len() > 20, "{word}: {meaning}");
    }
    for (_, entry) in TERMS {
        assert!(entries.iter().any(|(word, _)| anchor(word) == entry), "the glossary lacks {entry}");
    }
}

#[test]
fn readme_is_one_page_and_what_a_terminal_shows_has_80_columns() {
    let readme = page("README.md");
    let lines = readme.text.lines().count();
    assert!((80..=110).contains(&lines), "README has {lines} lines");
    for name in ["README.md", "docs/tutorial.md", "docs/studies.md"] {
        for line in page(name).blocks().iter().flat_map(|block| block.lines.clone()) {
            let columns = line.chars().count();
            assert!(columns <= 80 || !line.contains("  "), "{name}: {columns} columns: {line}");
        }
    }
}

#[test]
fn the_first_use_of_a_term_is_found() {
    let page = |text: &str| Page { name: "a.md".into(), text: text.into() };
    for (text, term, found) in [
        ("# An arm\nan arm, armed", "arm", Some(12)),
        ("`arm` [b](c#arm) alarm arms", "arm", None),
        ("σ_w² and w", "w", Some(11)),
        ("[E[z²]](g#length)", "E[z²]", Some(1)),
    ] {
        assert_eq!(first_use(&words(&page(text)), term), found, "{text}");
    }
}
