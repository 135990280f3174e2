//! Reading the call: clap's messages, with a tip where it has none that helps.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Parser};

use crate::cli::Cli;
use crate::config::reference;

/// The call of this process; ends it with clap's message if it means nothing.
pub(crate) fn read() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let command = std::env::args().nth(1);
        with_tip(error, command.as_deref(), Cli::command()).exit()
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
