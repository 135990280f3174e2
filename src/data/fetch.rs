//! Downloads of known sets from the Hugging Face hub, bounded in time and size and checked before they are kept.
//!
//! The pixels that come are turned back into IDX files, compared with what is known of the set, and only then put in
//! place by one rename; nothing else is written. `HF_ENDPOINT` names a mirror of the hub, as for its own client.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::data::error::DataError;
use crate::data::known::Known;

/// Whether this build can download: it was built with the feature `hub`.
pub const AVAILABLE: bool = cfg!(feature = "hub");

/// The longest that a download may take unless `INITLAB_FETCH_SECONDS` says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// [`TIME_LIMIT`], or the whole number of seconds in the environment variable `INITLAB_FETCH_SECONDS`.
///
/// # Errors
/// The variable is set to something else.
pub fn time_limit() -> Result<Duration, DataError> {
    match std::env::var("INITLAB_FETCH_SECONDS") {
        Err(_) => Ok(TIME_LIMIT),
        Ok(text) => text.parse().map(Duration::from_secs).map_err(|_| {
            let message = format!("INITLAB_FETCH_SECONDS: found `{text}`, expected a whole number of seconds");
            DataError::Contradiction(message)
        }),
    }
}

/// Downloads `known` into `directory`, which must be new or empty, within `limit`; progress goes to stderr.
///
/// # Errors
/// The hub does not have the set, the directory is taken, the download fails or takes too long, or what comes is not the known set; nothing is
/// left in `directory` then. Without the feature `hub` always.
pub fn fetch(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    if known.hub.is_none() {
        let reason = "the hub does not have it in a form that this program reads".into();
        return Err(failed(known, reason, known.by_hand()));
    }
    // Better said before the download than after it.
    if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        let next = "name a new or empty directory, or check what is there with `initlab data verify`";
        return Err(failed(known, format!("{} is not empty", directory.display()), next.into()));
    }
    into_empty(known, directory, limit)
}

fn failed(known: Known, reason: String, next: String) -> DataError {
    DataError::Download { name: known.name, reason, next }
}

#[cfg(not(feature = "hub"))]
fn into_empty(known: Known, _directory: &Path, _limit: Duration) -> Result<(), DataError> {
    let reason = "this build was made without the feature `hub`".into();
    Err(failed(known, reason, known.by_hand()))
}

#[cfg(feature = "hub")]
fn into_empty(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    use crate::data::{Dataset, files, hub, locate};

    let give_up = |reason| failed(known, reason, known.by_hand());
    let (train, test) = hub::download(known, limit).map_err(give_up)?;
    let sums = files::sums_of(&train, &test);
    let sums = sums.each_ref().map(String::as_str);
    let sha256 = files::combined_sha256(sums);
    let dataset = Dataset { name: known.name.into(), sha256, classes: known.classes, train, test };
    if let Err((file, fault)) = known.check(&dataset, sums) {
        let (name, found, expected) = (locate::NAMES[file], fault.found, fault.expected);
        let reason =
            format!("what came is not {}: {name}: {}: found {found}, expected {expected}", known.name, fault.field);
        return Err(give_up(reason));
    }
    files::write(directory, &dataset.train, &dataset.test)
}
