//! The file of a config or a study: reading it, what it was most likely called, and which command it is for.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::UsageError;
use crate::cli::output::shell_word;
use crate::config::Section;
use crate::config::document::read_text;
use crate::config::experiment::KEYS;
use crate::config::value::TABLE;
use crate::spelling::nearest;
use crate::study::Study;

/// Where configs lie, from the directory that a command is called in.
const CONFIGS: &str = "configs";

/// The text of the config or study at `path`.
///
/// # Errors
/// It cannot be read; says which file may be meant.
pub fn read_config(path: &Path) -> Result<String> {
    read_text(path).map_err(|error| {
        let text = match meant(path, &error) {
            Some(found) => format!("did you mean {}?", found.display()),
            None => advice(error.kind()).into(),
        };
        UsageError(format!("{}: cannot read the config: {error}; {text}", path.display())).into()
    })
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the system may report further kinds")]
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "give the path of a .toml file, such as configs/smoke.toml",
        ErrorKind::InvalidData => "a config is a text file in UTF-8",
        _ => "check that it is a readable file",
    }
}

/// The file that `path`, which cannot be read, most likely means: the config of a run's directory, a file that only its directory or
/// its ending is missing from, or one that is called nearly so.
fn meant(path: &Path, error: &std::io::Error) -> Option<PathBuf> {
    let of_run = path.join("config.toml");
    if of_run.is_file() {
        return Some(of_run);
    }
    if error.kind() != ErrorKind::NotFound {
        return None;
    }
    let directories = [path.parent().unwrap_or(Path::new("")), Path::new(""), Path::new(CONFIGS)];
    let mut files: Vec<PathBuf> = directories.into_iter().flat_map(toml_files).collect();
    let below = directories_in(Path::new(CONFIGS));
    files.extend(below.iter().flat_map(|directory| toml_files(directory)));
    let stem = |file: &Path| file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let wanted = stem(path);
    let names: Vec<String> = files.iter().map(|file| stem(file)).collect();
    let near = names.iter().find(|name| **name == wanted).map(String::as_str);
    let near = near.or_else(|| nearest(&wanted, names.iter().map(String::as_str)))?;
    names.iter().position(|name| name == near).map(|at| files[at].clone())
}

/// The TOML files in `directory`, which is empty for the one that the command is called in, by name.
fn toml_files(directory: &Path) -> Vec<PathBuf> {
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml") && path.is_file();
    entries(directory).into_iter().filter(is_toml).collect()
}

pub(crate) fn directories_in(directory: &Path) -> Vec<PathBuf> {
    entries(directory).into_iter().filter(|path| path.is_dir()).collect()
}

/// Paths of all that is in `directory`, by name.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let place = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let found = std::fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
    let mut entries: Vec<PathBuf> = found.map(|entry| directory.join(entry.file_name())).collect();
    entries.sort();
    entries
}

/// Refuses a study where a config of one run is wanted.
///
/// # Errors
/// It is a study; says which command takes it.
pub fn refuse_study(root: &Section<'_>, path: &Path) -> Result<()> {
    if root.value("model").is_some() || !Study::is_one(root) {
        return Ok(());
    }
    let name = path.display();
    let word = shell_word(&name.to_string());
    let message =
        format!("{name}: is a study of many runs, not the config of one; `initlab compare {word}` carries it out");
    Err(UsageError(message).into())
}

/// Refuses the config of one run where a study is wanted.
///
/// # Errors
/// It is a config; says which command takes it.
pub fn refuse_config(root: &Section<'_>, path: &Path) -> Result<()> {
    let is_config = ["model", "optimizer", "train"].into_iter().any(|key| root.value(key).is_some());
    if Study::is_one(root) {
        return refuse_keys_of_runs(root);
    }
    if !is_config {
        return Ok(());
    }
    let name = path.display();
    let word = shell_word(&name.to_string());
    let message = format!(
        "{name}: is the config of one run, not a study; `initlab train {word}` trains it; a study names it as its `base`: \
         `initlab new study` writes one"
    );
    Err(UsageError(message).into())
}

/// Refuses a table of the runs' config at the top level of a study, where no study has it; says how the runs are changed.
fn refuse_keys_of_runs(root: &Section<'_>) -> Result<()> {
    let tables = KEYS.keys.iter().map(|key| key.row()).filter(|row| row.form == TABLE);
    let Some(value) = tables.filter_map(|row| root.value(row.name)).next() else { return Ok(()) };
    let key = value.path();
    let set = value.argument().and_then(|argument| argument.strip_prefix("--set "));
    let changes = set.map_or_else(|| format!("`set.{key}`"), |set| format!("`--set set.{set}`"));
    let message = format!("is a key of the runs' config, not of a study, which changes its runs by {changes}");
    Err(value.error(message).into())
}
