//! The name of a run's directory: the config's, what was changed of it, and the seed.

use crate::cli::file_name;
use crate::cli::shortcuts::KEYS;
use crate::config::reference;

/// Characters of the changes at most.
const LONGEST: usize = 60;
/// Keys that change no result, or that have their own place in the name.
const ELSEWHERE: [&str; 4] = ["seed", "name", "record", "stats"];

/// `deep_mlp-xavier-seed0` for a config called deep_mlp with `init.preset=xavier`. The order in which keys are changed does not matter,
/// and of two changes of a key the last one counts, as in the run.
pub fn run_name(name: &str, sets: &[String], seed: u64) -> String {
    let order = reference::paths();
    // What has a short option comes first.
    let short = |path: &str| KEYS.iter().position(|(_, key, _)| *key == path).unwrap_or(KEYS.len());
    let listed = |path: &str| order.iter().position(|key| key == path).unwrap_or(order.len());
    let mut last: Vec<(&str, &str)> = Vec::new();
    for set in sets {
        let Some((path, _)) = set.split_once('=') else { continue };
        last.retain(|(other, _)| *other != path.trim());
        last.push((path.trim(), set));
    }
    last.sort_by_key(|(path, _)| (short(path), listed(path), *path));
    let changes: Vec<String> = last.into_iter().filter_map(|(_, set)| change(set)).collect();
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
    // A sign between two parts is a word: `relu - 0.5` is relu_minus_0.5.
    let text = text.replace(" + ", "_plus_").replace(" - ", "_minus_");
    let kept = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let parts: Vec<&str> = text.split(|c| !kept(c)).filter(|part| !part.is_empty()).collect();
    Some(parts.join("_")).filter(|safe| !safe.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_named_after_what_was_changed() {
        for (sets, want) in [
            (&[][..], "deep_mlp-seed3"),
            (&["init.preset=xavier"], "deep_mlp-xavier-seed3"),
            (&["init.preset='xavier'", "optimizer.lr=0.1"], "deep_mlp-lr0.1-xavier-seed3"),
            (&["optimizer={ kind = 'adam', lr = 1e-3 }"], "deep_mlp-adam-seed3"),
            (&["model.widths=[64, 32]"], "deep_mlp-widths_64_32-seed3"),
            (&["model.activation=relu + 0.5"], "deep_mlp-relu_plus_0.5-seed3"),
            (&["model.activation=relu - 0.5"], "deep_mlp-relu_minus_0.5-seed3"),
            (&["model.activation=leaky_relu:leak=0.1"], "deep_mlp-leaky_relu_leak_0.1-seed3"),
            (&["train.steps=9", "init.preset=xavier", "model.depth=30"], "deep_mlp-steps9-xavier-depth30-seed3"),
            (&["model.depth=30", "init.preset=xavier", "train.steps=9"], "deep_mlp-steps9-xavier-depth30-seed3"),
            (&["train.batch_size=9", "optimizer.momentum=0.9"], "deep_mlp-momentum0.9-batch_size9-seed3"),
            (&["optimizer.momentum=0.9", "train.batch_size=9"], "deep_mlp-momentum0.9-batch_size9-seed3"),
            (&["optimizer.lr=1", "optimizer.lr=0.1"], "deep_mlp-lr0.1-seed3"),
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
