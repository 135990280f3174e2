//! `initlab config`: the reference of configs and studies.

use anyhow::Result;
use clap::Args;

use crate::cli::{UsageError, complete};
use crate::config::key::Part;
use crate::config::reference::{self, Chapter};
use crate::spelling::nearest;
use crate::study::keys;

/// Print every key of configs and studies with its type, range, default and meaning.
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// Print one section, such as train or model.stages.
    #[arg(add = complete::section())]
    section: Option<String>,
    /// Print the page docs/config.md.
    #[arg(long)]
    markdown: bool,
}

/// Prints the reference.
///
/// # Errors
/// There is no such section.
pub fn run(args: &ReferenceArgs) -> Result<()> {
    let mut chapters = reference::chapters();
    chapters.extend(reference::of_parts("study", keys::KEYS.iter().map(Part::from).collect()));
    if let Some(section) = &args.section {
        let near = nearest(section, chapters.iter().map(|chapter| chapter.name.as_str())).map(str::to_owned);
        let names: Vec<String> = chapters.iter().map(|chapter| chapter.name.clone()).collect();
        chapters.retain(|chapter| chapter.is_about(section));
        if chapters.is_empty() {
            let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            return Err(UsageError(format!("no section `{section}`{hint}; there are {}", names.join(", "))).into());
        }
    }
    let texts: Vec<String> =
        chapters.iter().map(if args.markdown { Chapter::markdown } else { Chapter::text }).collect();
    super::print(&if args.markdown { format!("{ABOUT}{}", texts.concat()) } else { texts.join("\n") })
}

/// The head of the page.
const ABOUT: &str = "# Configs

Every key of a config file, as `initlab config` prints it (`initlab config train` prints one section). Configs are TOML, and read
strictly: a key that is not listed here is an error. `--set train.epochs=2` changes one value on the command line. The file
`config.toml` in a run's directory has every default written out.

<!-- Made by `initlab config --markdown`. -->

";
