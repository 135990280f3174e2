//! Where a watch's rows go: a table, `layers.csv`, TensorBoard's event file, a report.

use std::path::{Path, PathBuf};

use crate::record::row::Rows;
use crate::watch::error::WatchError;
use crate::watch::seen::Seen;
use crate::watch::watcher::Watch;

/// Advice for a watch that has nothing to show.
const FIRST: &str = "tap layers in a training step and end it with watch.step(&varmap, &grads)";

impl Watch {
    /// The rows of the last recorded step, to be printed.
    ///
    /// # Errors
    /// No step was recorded yet.
    pub fn table(&self) -> Result<Rows, WatchError> {
        self.with_seen(|seen| seen.table().ok_or(WatchError::Nothing { advice: FIRST }))
    }

    /// Writes all rows as a `layers.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), WatchError> {
        self.with_seen(|seen| Ok(seen.write_csv(path.as_ref())?))
    }

    /// Writes an event file with all rows into `dir`, in place of any that is there; returns its path.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write_tensorboard(&self, dir: impl AsRef<Path>) -> Result<PathBuf, WatchError> {
        self.with_seen(|seen| Ok(seen.write_tensorboard(dir.as_ref())?))
    }

    /// Writes a report of all layers over all steps: one HTML page with charts that needs nothing else.
    ///
    /// # Errors
    /// No step was recorded yet, or the file cannot be written.
    pub fn write_report(&self, path: impl AsRef<Path>) -> Result<(), WatchError> {
        let path = path.as_ref();
        let title = path.file_stem().map_or_else(|| "report".into(), |stem| stem.to_string_lossy().into_owned());
        self.with_seen(|seen| {
            let page = seen.page(title).ok_or(WatchError::Nothing { advice: FIRST })?;
            Ok(crate::report::write(&page, path)?)
        })
    }

    /// Hands the rows of all whole steps to `f`.
    fn with_seen<T>(&self, f: impl FnOnce(Seen<'_>) -> Result<T, WatchError>) -> Result<T, WatchError> {
        let (names, rows) = self.seen()?;
        let (bins, range) = {
            let state = self.state();
            (state.settings.histogram_bins, state.settings.histogram_range)
        };
        f(Seen { names: &names, rows: &rows, bins, range, of: "a candle model" })
    }
}
