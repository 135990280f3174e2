//! `initlab completions`: scripts for shells, which ask this program what may come next.

use std::ffi::OsString;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::Shell;
use clap_complete::env::Shells;

/// Print a script that completes this command's options and their values in a shell.
///
/// Presets, activations, data sets, devices, keys after --set, config files: the shell asks `initlab`, which must be on its path.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// The variable by which a script asks this program.
const VARIABLE: &str = "COMPLETE";

/// Bash parts words at `=` and `:`, so what is after `--set init.preset=` would stand alone: the script takes the line itself.
const BASH: &str = r#"_initlab() {
    local line=${COMP_LINE:0:COMP_POINT} words word prefix
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]} - 1]}
    prefix=${word%"${word##*[=:]}"}
    local IFS=$'\013'
    COMPREPLY=( $(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) COMPLETE=bash initlab -- "${words[@]}") )
    COMPREPLY=( "${COMPREPLY[@]#"$prefix"}" )
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[!=/.] ]] && COMPREPLY=( "${COMPREPLY[0]} " )
}
complete -o nospace -o bashdefault -F _initlab initlab
"#;

/// Prints the script.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    if args.shell == Shell::Bash {
        return super::print(BASH);
    }
    let name = args.shell.to_string();
    let shells = Shells::builtins();
    let shell = shells.completer(&name).with_context(|| format!("no completion for {name} is known"))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "initlab", "initlab", "initlab", &mut script)?;
    super::print(&String::from_utf8_lossy(&script))
}

/// Answers a script that asks; true if one did, so that nothing else is to be done.
///
/// # Errors
/// The script asks what means nothing.
pub(super) fn answer(words: &[OsString]) -> Result<bool, clap::Error> {
    let directory = std::env::current_dir().ok();
    CompleteEnv::with_factory(super::Cli::command).var(VARIABLE).try_complete(words.to_vec(), directory.as_deref())
}
