//! Names for runs that stand side by side: what differs in their configs.

use crate::config::Experiment;
use crate::init::Preset;
use crate::record::hyperparameters::settings;
use crate::record::read::RunRecords;
use crate::report::text::shorten;

/// The longest name.
const LONGEST: usize = 48;

/// A name for each run by few settings that tell them apart, words before numbers; what settings cannot tell apart has its directory's
/// name besides.
pub fn by_difference(runs: &[RunRecords]) -> Vec<String> {
    let all: Vec<Vec<(String, String)>> = runs.iter().map(of_run).collect();
    let mut keys = keys_of(&all);
    let value = |run: usize, key: &str| all[run].iter().find(|(name, _)| name == key).map_or("", |(_, value)| value);
    let kinds = |keys: &[&String]| {
        let mut found: Vec<Vec<&str>> =
            (0..runs.len()).map(|i| keys.iter().map(|key| value(i, key)).collect()).collect();
        found.sort_unstable();
        found.dedup();
        found.len()
    };
    // A word says more than a number: `batch` than its eps.
    let said = |key: &str| (0..runs.len()).map(|i| value(i, key)).filter(|value| !value.is_empty()).all(is_word);
    keys.sort_by_key(|key| !said(key));
    let mut chosen: Vec<&String> = Vec::new();
    for key in keys {
        chosen.push(key);
        if kinds(&chosen) == kinds(&chosen[..chosen.len() - 1]) {
            chosen.pop();
        }
    }
    let told_apart = kinds(&chosen) == runs.len();
    let name = |i: usize| {
        let mut parts: Vec<String> =
            chosen.iter().map(|key| words(key, value(i, key))).filter(|part| !part.is_empty()).collect();
        if !told_apart || parts.is_empty() {
            parts.push(directory(&runs[i]));
        }
        shorten(&parts.join(", "), LONGEST)
    };
    (0..runs.len()).map(name).collect()
}

/// The keys of all runs, each once, in the order in which they come first.
fn keys_of(all: &[Vec<(String, String)>]) -> Vec<&String> {
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in all.iter().flatten() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The settings of a run's config with its seed, which comes last.
fn of_run(run: &RunRecords) -> Vec<(String, String)> {
    let mut all = settings(&run.config);
    // What is recorded of a run does not change it.
    all.retain(|(key, _)| !key.starts_with("stats.") && !key.starts_with("record."));
    if let Some(preset) = preset_of(&run.config) {
        let is_rule = |key: &str| key.starts_with("init.weight") || key.starts_with("init.bias");
        let place = all.iter().position(|(key, _)| is_rule(key)).unwrap_or(all.len());
        all.retain(|(key, _)| !is_rule(key));
        all.insert(place, ("init.preset".into(), preset.into()));
    }
    all.extend(run.summary.as_ref().map(|summary| ("seed".to_owned(), summary.seed.to_string())));
    all
}

/// The preset whose rules a config's weights and biases have: it says more than the kind of its weights, which several share.
fn preset_of(config: &str) -> Option<&'static str> {
    let rule = Experiment::parse("config.toml", config, &[]).ok()?.init.rule;
    Preset::ALL.into_iter().find(|preset| preset.rule() == rule).map(Preset::name)
}

/// Differences between the configs in words: each key with its values in the order of the runs.
pub(super) fn differences(runs: &[RunRecords]) -> String {
    const TOLD: usize = 4;
    let all: Vec<Vec<(String, String)>> = runs.iter().map(of_run).collect();
    let keys = keys_of(&all);
    let told = |key: &&String| {
        let mut values: Vec<&str> = Vec::new();
        for settings in &all {
            let value = settings.iter().find(|(name, _)| name == *key).map_or("none", |(_, value)| value);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        (values.len() > 1).then(|| shorten(&format!("{key} ({})", values.join(", ")), LONGEST))
    };
    let mut told: Vec<String> = keys.iter().filter_map(told).collect();
    if told.len() > TOLD {
        let more = told.split_off(TOLD).len();
        told.push(format!("{more} more"));
    }
    match &told[..] {
        [] => "Their configs are the same".into(),
        [one] => format!("They differ in {one}"),
        [first @ .., last] => format!("They differ in {} and {last}", first.join(", ")),
    }
}

/// A word says what it is; a number needs the name of its key.
fn words(key: &str, value: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    match (last, value) {
        (_, "") => String::new(),
        ("dataset", path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        ("widths", list) => widths(list),
        _ if is_word(value) => value.to_owned(),
        (last, value) => format!("{} {value}", last.replace('_', " ")),
    }
}

fn is_word(value: &str) -> bool {
    value.starts_with(|c: char| c.is_alphabetic()) && !["true", "false"].contains(&value)
}

/// `[64, 64, 64]` as `3 × 64`.
fn widths(list: &str) -> String {
    let all: Vec<&str> = list.trim_matches(['[', ']']).split(',').map(str::trim).collect();
    let first = all[0];
    if all.iter().all(|width| *width == first) {
        format!("{} × {first}", all.len())
    } else {
        format!("widths {}", all.join(" "))
    }
}

/// The name of a run's directory.
pub(super) fn directory(run: &RunRecords) -> String {
    run.path.file_name().map_or_else(|| run.name(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::read::Columns;

    fn run(dir: &str, config: &str) -> RunRecords {
        let (steps, epochs) = (Columns::default(), Columns::default());
        RunRecords {
            path: dir.into(),
            summary: None,
            config: config.into(),
            steps,
            epochs,
            layers: vec![],
            noise: vec![],
            sharpness: Columns::default(),
            histograms: None,
        }
    }

    #[test]
    fn runs_are_named_by_the_fewest_settings_that_tell_them_apart() {
        // Both presets draw uniformly, and a config as it is written out names their rules alone.
        let start = |preset: &str| {
            let config = format!(
                "model = {{ kind = 'mlp', widths = [9] }}\ninit.preset = '{preset}'\noptimizer.lr = 0.1\ntrain.steps = 1"
            );
            Experiment::parse("net", &config, &[])
                .unwrap()
                .to_toml()
                .replace("name = \"net\"\n", "")
                .replace("seed = 0\n", "")
        };
        let net = |more: &str| format!("name = 'net'\nseed = 1\n{more}");
        for (configs, want) in [
            (
                [
                    "[model]\nwidths = [64, 64]\n[init.weight]\nkind = 'xavier_normal'\ngain = 1.0",
                    "[model]\nwidths = [64, 64]\n[init.weight]\nkind = 'kaiming_normal'\ngain = 1.4",
                ],
                ["xavier_normal", "kaiming_normal"],
            ),
            (["[optimizer]\nlr = 0.1", "[optimizer]\nlr = 0.3"], ["lr 0.1", "lr 0.3"]),
            (["[model]\nwidths = [5, 5, 5]", "[model]\nwidths = [9, 5]"], ["3 × 5", "widths 9 5"]),
            (["[record]\nweights = true", "[record]\nweights = false"], ["a", "b"]),
            (["", "[model]\ndropout = 0.2"], ["a", "dropout 0.2"]),
            ([&*start("torch"), &*start("xavier")], ["torch", "xavier"]),
            (["", "[model.norm]\neps = 1e-5\nkind = 'batch'"], ["a", "batch"]),
        ] {
            let runs = [run("runs/a", &net(configs[0])), run("runs/b", &net(configs[1]))];
            assert_eq!(by_difference(&runs), want);
        }
    }
}
