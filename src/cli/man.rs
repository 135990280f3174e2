//! `initlab man`: the manual's pages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::path::path;

/// Write the manual: the page of the whole to stdout, or a page for each command into a directory.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory for initlab.1, initlab-train.1 and the others, made if it is absent.
    #[arg(long, value_name = "DIR", value_parser = path())]
    out: Option<PathBuf>,
}

/// Writes the pages.
///
/// # Errors
/// The directory cannot be written, or stdout is closed.
pub fn run(args: &ManArgs) -> Result<()> {
    let Some(directory) = &args.out else {
        return super::print(&String::from_utf8_lossy(&page(super::Cli::command())?));
    };
    let name = directory.display();
    std::fs::create_dir_all(directory).with_context(|| format!("{name}: cannot make the directory"))?;
    let mut command = super::Cli::command().disable_help_subcommand(true);
    command.build();
    write(&command, directory).with_context(|| format!("{name}: cannot write the pages"))?;
    super::print(&format!("{name}\n"))
}

/// Writes the page of a built command, and those of the commands below it.
fn write(command: &Command, directory: &Path) -> std::io::Result<()> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.into_iter().try_for_each(|below| write(below, directory))?;
    let file = Man::new(command.clone()).get_filename();
    std::fs::write(directory.join(file), page(command.clone())?)
}

/// The page of a command; its examples are a section of their own, whose lines stay as they are.
fn page(command: Command) -> std::io::Result<Vec<u8>> {
    let examples = command.get_after_long_help().map(ToString::to_string);
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(examples) = examples {
        page.extend_from_slice(examples_section(&examples).as_bytes());
    }
    if command.get_version().is_some() {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

/// In roff, with lines that are not filled, without the heading that the help has.
fn examples_section(text: &str) -> String {
    let lines = text.lines().filter(|line| *line != "EXAMPLES");
    // A backslash begins an escape, and so would a dot or an apostrophe at the beginning of a line.
    let shown: String = lines.map(|line| format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-"))).collect();
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", shown.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_a_section_whose_lines_stay_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = crate::cli::Cli::command().disable_help_subcommand(true);
        command.build();
        write(&command, directory.path()).unwrap();
        let pages: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(pages.len() > 15 && pages.contains(&directory.path().join("initlab-data-fetch.1")), "{pages:?}");
        for path in pages {
            let page = std::fs::read_to_string(&path).unwrap();
            let examples = page.split(".SH EXAMPLES\n.nf\n").nth(1).unwrap_or_else(|| panic!("{path:?}: {page}"));
            let lines: Vec<&str> = examples.lines().take_while(|line| *line != ".fi").collect();
            assert!(lines.len() >= 2 && lines.iter().all(|line| line.starts_with("\\&  ")), "{path:?}: {lines:?}");
            assert!(page.starts_with(".") && !page.contains(".SH EXTRA"), "{path:?}: {page}");
        }
    }
}
