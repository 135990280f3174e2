//! `initlab man`: the manual's pages.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
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
    let command = super::Cli::command();
    let Some(directory) = &args.out else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return super::print(&String::from_utf8_lossy(&page));
    };
    let name = directory.display();
    std::fs::create_dir_all(directory).with_context(|| format!("{name}: cannot make the directory"))?;
    clap_mangen::generate_to(command, directory).with_context(|| format!("{name}: cannot write the pages"))?;
    super::print(&format!("{name}\n"))
}
