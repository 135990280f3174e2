//! `initlab completions`: scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print a script that completes this command's options in a shell.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// stdout is closed.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "initlab", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}
