//! Downloads of known sets through candle-datasets, bounded in time and checked before they are kept.

use std::path::{Path, PathBuf};
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
            DataError::Contradiction(format!(
                "INITLAB_FETCH_SECONDS: found `{text}`, expected a whole number of seconds"
            ))
        }),
    }
}

/// Downloads `known` into `directory`.
///
/// # Errors
/// This build cannot download.
#[cfg(not(feature = "hub"))]
pub fn fetch(known: Known, _directory: &Path, _limit: Duration) -> Result<PathBuf, DataError> {
    let reason = "this build has no download (it was built without the feature `hub`)".into();
    Err(DataError::Download { name: known.name(), reason, next: known.by_hand() })
}
