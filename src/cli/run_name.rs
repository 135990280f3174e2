//! The name of a run's directory: the config's, what was changed of it, and the seed.

use crate::cli::file_name;

/// Characters of the changes at most.
const LONGEST: usize = 60;
/// Keys that change no result, or that have their own place in the name.
const ELSEWHERE: [&str; 4] = ["seed", "name", "record", "stats"];

/// `deep_mlp-xavier-seed0` for a config called deep_mlp with `init.preset=xavier`.
pub fn run_name(name: &str, sets: &[String], seed: u64) -> String {
    let changes: Vec<String> = sets.iter().filter_map(|set| change(set)).collect();
    let changes: String = changes.join("-").chars().take(LONGEST).collect();
    let changes = if changes.is_empty() { String::new() } else { format!("-{changes}") };
    file_name(&format!("{name}{changes}-seed{seed}"))
}

/// A value that is a word says what it is; any other needs its key.
fn change(set: &str) -> Option<String> {
    let (path, value) = set.split_once('=')?;
    let path = path.trim();
    if ELSEWHERE.contains(&path.split('.').next().unwrap_or(path)) {
        return None;
    }
    let value = value.trim();
    let kind = value.split("kind").nth(1).filter(|_| value.starts_with('{')).and_then(|rest| {
        let quoted = rest.trim_start().strip_prefix('=')?.trim_start();
        quoted.split(['\'', '"']).nth(1)
    });
    let value = kind.unwrap_or(value).trim_matches(['\'', '"']);
    let last = path.rsplit('.').next().unwrap_or(path);
    let text = match value {
        "true" => last.to_owned(),
        "false" => format!("no_{last}"),
        word if word.starts_with(|c: char| c.is_alphabetic()) => word.to_owned(),
        value => format!("{last}{value}"),
    };
    let safe: String = text.chars().map(|c| if c.is_alphanumeric() || "_.-".contains(c) { c } else { '_' }).collect();
    Some(safe.trim_matches('_').to_owned()).filter(|safe| !safe.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_after_what_was_changed() {
        for (sets, want) in [
            (&[][..], "deep_mlp-seed3"),
            (&["init.preset=xavier"], "deep_mlp-xavier-seed3"),
            (&["init.preset='xavier'", "optimizer.lr=0.1"], "deep_mlp-xavier-lr0.1-seed3"),
            (&["optimizer={ kind = 'adam', lr = 1e-3 }"], "deep_mlp-adam-seed3"),
            (&["model.widths=[64, 32]"], "deep_mlp-widths_64__32-seed3"),
            (&["seed=3", "stats.every=5", "record.weights=false"], "deep_mlp-seed3"),
            (&["model.bias=false", "init.lsuv=true"], "deep_mlp-no_bias-lsuv-seed3"),
            (&["init.preset=../../x"], "deep_mlp-preset.._.._x-seed3"),
        ] {
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            assert_eq!(run_name("deep_mlp", &sets, 3), want, "{sets:?}");
        }
        let long = vec![format!("init.preset={}", "x".repeat(500))];
        assert!(run_name("net", &long, 0).len() < 100);
    }
}
