//! Completion of values in a shell: presets, activations, data sets, devices, the keys of `--set` and their values, config files.

use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use crate::activation::Activation;
use crate::cli::device::DeviceChoice;
use crate::config::key::{Part, Row};
use crate::config::reference::{self, Chapter};
use crate::data::Choice;
use crate::study::keys;

/// TOML files, and directories on the way to them.
pub(crate) fn toml_file() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let is_toml = |path: &std::path::Path| path.extension().is_some_and(|ending| ending == "toml");
        PathCompleter::file().filter(is_toml).complete(current)
    })
}

/// Data sets by their names, and directories.
pub(crate) fn dataset() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut found = beginning(current, Choice::names().map(|name| (name.to_owned(), "")));
        found.extend(PathCompleter::dir().complete(current));
        found
    })
}

/// Where a command may compute.
pub(crate) fn device() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let all = DeviceChoice::NAMES.into_iter();
        beginning(current, all.map(|(name, help)| (name.to_owned(), help)))
    })
}

/// Activations by their names.
pub(crate) fn activation() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let all = Activation::ALL.into_iter();
        beginning(current, all.map(|phi| (phi.name().to_owned(), phi.help())))
    })
}

/// Presets of `[init]`.
pub(crate) fn preset() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| beginning(current, values(&reference::chapters(), "init.preset")))
}

/// A key of a config with `=`, and after it the names that its value may be.
pub(crate) fn set() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| sets(current, &reference::chapters(), ""))
}

/// Completes a study's `--set`: keys of the study, and after `set.` and `base.` those of a config.
pub(crate) fn study_set() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let text = current.to_string_lossy();
        match ["set.", "base."].into_iter().find(|prefix| text.starts_with(prefix)) {
            Some(prefix) => sets(OsStr::new(&text[prefix.len()..]), &reference::chapters(), prefix),
            None => {
                let chapters = reference::of_parts("", keys::KEYS.iter().map(Part::from).collect());
                let tables = [("set.".to_owned(), "A key of every run's config"), ("base.".to_owned(), "The same")];
                let tables = beginning(current, tables.into_iter());
                tables.into_iter().chain(sets(current, &chapters, "")).collect()
            }
        }
    })
}

/// Sections of the reference.
pub(crate) fn section() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let study = reference::of_parts("study", keys::KEYS.iter().map(Part::from).collect());
        beginning(current, reference::chapters().into_iter().chain(study).map(|chapter| (chapter.name, "")))
    })
}

fn sets(current: &OsStr, chapters: &[Chapter], prefix: &str) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let found = match text.split_once('=') {
        Some((path, _)) => {
            let named = values(chapters, path).map(|(name, help)| (format!("{path}={name}"), help));
            beginning(current, named)
        }
        None => beginning(current, keys_of(chapters).map(|(path, row)| (format!("{path}="), row.help))),
    };
    found.into_iter().map(|candidate| candidate.add_prefix(prefix)).collect()
}

/// Every key that is no table in an array, by its path.
fn keys_of(chapters: &[Chapter]) -> impl Iterator<Item = (String, Row)> {
    let mut keys: Vec<(String, Row)> = Vec::new();
    for chapter in chapters.iter().filter(|chapter| !chapter.is_array()) {
        for row in chapter.rows() {
            let path = if chapter.is_top() { row.name.into() } else { format!("{}.{}", chapter.name, row.name) };
            if !keys.iter().any(|(other, _)| *other == path) {
                keys.push((path, row.clone()));
            }
        }
    }
    keys.into_iter()
}

/// The names that the value of the key at `path` may be, of the table that it may be one of, or true and false.
fn values(chapters: &[Chapter], path: &str) -> impl Iterator<Item = (String, &'static str)> {
    let row = keys_of(chapters).find(|(key, _)| key == path).map(|(_, row)| row);
    let table = chapters.iter().find(|chapter| chapter.name == path).and_then(Chapter::naming_row);
    let of = |row: &Row| row.choices.clone();
    let mut names = row.as_ref().map(of).unwrap_or_default();
    if names.is_empty() {
        names = table.map(of).unwrap_or_default();
    }
    if names.is_empty() && row.is_some_and(|row| row.form.starts_with("true")) {
        names = vec![("true", ""), ("false", "")];
    }
    names.into_iter().map(|(name, help)| (name.to_owned(), help))
}

/// Candidates among `all` that begin with the typed text, each with its help.
fn beginning(current: &OsStr, all: impl Iterator<Item = (String, &'static str)>) -> Vec<CompletionCandidate> {
    let text = current.to_string_lossy();
    let candidate = |(name, help): (String, &str)| {
        CompletionCandidate::new(name).help((!help.is_empty()).then(|| help.to_owned().into()))
    };
    all.filter(|(name, _)| name.starts_with(&*text)).map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(completer: &ArgValueCompleter, current: &str) -> Vec<String> {
        let all = completer.complete(OsStr::new(current));
        all.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn values_are_offered_by_their_tables() {
        for (completer, current, expected) in [
            (preset(), "ka", &["kaiming"][..]),
            (preset(), "tor", &["torch"]),
            (activation(), "gelu", &["gelu", "gelu_tanh"]),
            (dataset(), "emnist-l", &["emnist-letters"]),
            (device(), "c", &["cpu", "cuda", "cuda:0"]),
            (set(), "train.ep", &["train.epochs="]),
            (set(), "init.preset=xa", &["init.preset=xavier"]),
            (set(), "model.activation=gelu", &["model.activation=gelu", "model.activation=gelu_tanh"]),
            (set(), "optimizer.kind=ada", &["optimizer.kind=adam", "optimizer.kind=adamw"]),
            (set(), "record.weights=", &["record.weights=true", "record.weights=false"]),
            (set(), "init.lsuv=t", &["init.lsuv=true"]),
            (set(), "nonsense", &[]),
            (study_set(), "se", &["set.", "set=", "seeds="]),
            (study_set(), "set.train.ep", &["set.train.epochs="]),
            (study_set(), "base.init.preset=ke", &["base.init.preset=keras"]),
            (section(), "model.st", &["model.stages", "model.stages.pool"]),
        ] {
            assert_eq!(offered(&completer, current), expected, "{current}");
        }
    }
}
