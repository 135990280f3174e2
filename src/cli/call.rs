//! Reading the call: clap's messages, with a tip where it has none that helps.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Parser};

use crate::cli::Cli;
use crate::config::reference;

/// Path of the command, where it is no program of its own but part of another's process.
static OWN: OnceLock<PathBuf> = OnceLock::new();

/// Notes that the command was called by this path, whatever program the process runs.
pub(crate) fn called_as(path: PathBuf) {
    // A second call in the same process is by the same path.
    let _ = OWN.set(path);
}

/// The path by which this command can be called again.
///
/// # Errors
/// The system cannot tell.
pub(crate) fn own() -> std::io::Result<PathBuf> {
    OWN.get().map_or_else(std::env::current_exe, |path| Ok(path.clone()))
}

/// The call in these words, the first of which names the command.
///
/// # Errors
/// They mean nothing, or ask for help; clap's message.
pub(crate) fn read(words: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words).map_err(|error| {
        let command = words.get(1).map(|word| word.to_string_lossy());
        with_tip(error, command.as_deref(), Cli::command())
    })
}

/// An unknown option whose name is that of a key gets `--set`; another one no advice to give it as a value behind `--`, unless the
/// command takes such.
fn with_tip(mut error: clap::Error, command: Option<&str>, cli: Command) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some() {
        return error;
    }
    let unknown = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let command = command.and_then(|name| cli.find_subcommand(name));
    let has = |of: fn(&Arg) -> bool| command.is_some_and(|command| command.get_arguments().any(of));
    let takes_keys = has(|argument| argument.get_long() == Some("set"));
    if !has(Arg::is_last_set) {
        error.remove(ContextKind::Suggested);
    }
    let paths = if takes_keys { paths_of(&unknown) } else { Vec::new() };
    if !paths.is_empty() {
        let sets: Vec<String> = paths.iter().map(|path| format!("`--set {path}=VALUE`")).collect();
        let tip = format!("{} changes this key of the config", sets.join(" or "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The paths of the keys that an option such as `--momentum` is called like.
fn paths_of(option: &str) -> Vec<String> {
    let name = option.trim_start_matches('-').split('=').next().unwrap_or_default().replace('-', "_");
    reference::paths().into_iter().filter(|path| path.rsplit('.').next() == Some(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_gets_a_tip_that_helps_or_none() {
        for (call, expected) in [
            (&["train", "x.toml", "--epoch", "3"][..], Some("'--epochs'")),
            (&["train", "x.toml", "--momentum", "0.9"], Some("or `--set optimizer.momentum=VALUE` changes this key")),
            (&["probe", "x.toml", "--batch-size=3"], Some("`--set train.batch_size=VALUE`")),
            (&["compare", "x.toml", "--nonsense"], None),
            (&["theory", "relu", "--momentum", "1"], None),
        ] {
            let words = ["initlab"].iter().chain(call);
            let error = Cli::try_parse_from(words).unwrap_err();
            let text = with_tip(error, call.first().copied(), Cli::command()).to_string();
            assert!(text.contains("unexpected argument") && !text.contains("-- --"), "{call:?}: {text}");
            assert_eq!(text.contains("tip:"), expected.is_some(), "{call:?}: {text}");
            assert!(expected.is_none_or(|expected| text.contains(expected)), "{call:?}: {text}");
        }
    }
}
