//! A download that failed is not tried again for a day, unless it is asked for: whoever has no network would wait at every run.
//!
//! The memory is a file in the user's cache: `$XDG_CACHE_HOME/initlab`, else `~/.cache/initlab`. Where there is neither, nothing is
//! remembered.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::data::known::Known;
use crate::data::source;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// True if a download of `known` from the same place failed less than a day ago.
pub(super) fn failed_lately(known: Known) -> bool {
    let Some(file) = file(known) else { return false };
    // A time that is still to come, as after a clock was set back, tells nothing.
    let age = fs::metadata(&file).and_then(|about| about.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age < DAY) && fs::read_to_string(&file).is_ok_and(|text| text == place())
}

/// Remembers that a download of `known` failed now; that it cannot be remembered is no failure of its own.
pub(super) fn remember(known: Known) {
    let Some(file) = file(known) else { return };
    if let Some(directory) = file.parent() {
        let _ = fs::create_dir_all(directory);
    }
    let _ = fs::write(&file, place());
}

/// Whom the downloads ask: another server may have what this one has not.
fn place() -> String {
    format!("{}\n", source::named_mirror().unwrap_or_default())
}

fn file(known: Known) -> Option<PathBuf> {
    let directory = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")));
    Some(cache?.join("initlab").join(format!("{}-not-downloaded", known.name)))
}
