//! The directory of a run or a study by its name alone: what a wrong one most likely means.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::UsageError;
use crate::cli::config_file::directories_in;
use crate::spelling::nearest;

/// Where runs and studies lie unless a call says otherwise.
const PLACES: [&str; 2] = ["runs", "studies"];

/// Refuses a directory that is not there if one is called nearly so, beside it or where runs and studies lie.
///
/// # Errors
/// Says which one may be meant.
pub(crate) fn refuse_misspelt(path: &Path) -> Result<()> {
    match meant(path) {
        Some(found) if !path.exists() => {
            let message = format!("{}: there is no such directory; did you mean {}?", path.display(), found.display());
            Err(UsageError(message).into())
        }
        Some(_) | None => Ok(()),
    }
}

fn meant(path: &Path) -> Option<PathBuf> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let places = [beside].into_iter().chain(PLACES.map(Path::new));
    let directories: Vec<PathBuf> = places.flat_map(directories_in).collect();
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let names: Vec<String> = directories.iter().map(|directory| name(directory)).collect();
    let near = nearest(&name(path), names.iter().map(String::as_str))?;
    names.iter().position(|name| name == near).map(|at| directories[at].clone())
}
