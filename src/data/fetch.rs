//! Downloads of known sets, bounded in time and size and checked before they are kept.
//!
//! What comes is turned into images, compared with what is known of the set, and only then put in place by one
//! rename; nothing else is written. `INITLAB_MIRROR` names a server of one's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::data::error::DataError;
use crate::data::known::Known;

/// True if this build can download: it was built with the feature `fetch`.
pub const AVAILABLE: bool = cfg!(feature = "fetch");

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

/// True if some server can be asked for `known`: a public one, or the one that `INITLAB_MIRROR` names.
pub fn is_served(known: Known) -> bool {
    #[cfg(feature = "fetch")]
    let named = crate::data::source::named_mirror().is_some();
    #[cfg(not(feature = "fetch"))]
    let named = false;
    named || known.is_public()
}

/// Downloads `known` into `directory`, which must be new or empty, within `limit`; progress goes to stderr.
///
/// # Errors
/// No server has the set, the directory is taken, the download fails or takes too long, or what comes is not the known set; nothing is
/// left in `directory` then. Without the feature `fetch` always.
pub fn fetch(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    if !is_served(known) {
        let reason = "no public server has its four files one by one; INITLAB_MIRROR may name one that has".into();
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

#[cfg(not(feature = "fetch"))]
fn into_empty(known: Known, _directory: &Path, _limit: Duration) -> Result<(), DataError> {
    let reason = "this build was made without the feature `fetch`".into();
    Err(failed(known, reason, known.by_hand()))
}

#[cfg(feature = "fetch")]
fn into_empty(known: Known, directory: &Path, limit: Duration) -> Result<(), DataError> {
    use crate::data::{client::Client, files, source};

    let client = Client::new(limit);
    let mut reasons = Vec::new();
    for source in source::of(known)? {
        match source.images(known, &client) {
            Ok((mut train, mut test)) => {
                // The files are to lie as those that are published do.
                [&mut train, &mut test].into_iter().for_each(|images| known.form.make(images));
                return files::write(directory, &train, &test);
            }
            Err(reason) => reasons.push(reason),
        }
        if client.is_late() {
            break;
        }
    }
    Err(failed(known, reasons.join("; "), known.by_hand()))
}
