//! Where rows go: a table, `layers.csv`, TensorBoard's event file, a report; all by the code that a run's own records go through.

use std::path::{Path, PathBuf};

use crate::record::histograms::Histograms;
use crate::record::layers::{LayerSeen, text};
use crate::record::read::{Columns, LayerColumns, RunRecords};
use crate::record::row::{Row, Rows};
use crate::record::tensorboard::{EventFile, EventSummary, now};
use crate::record::whole::{make_directory, write_whole};
use crate::report::layers::{Detail, Scales, sections};
use crate::report::page::Page;
use crate::watch::error::WatchError;
use crate::watch::warnings::warnings;
use crate::watch::watcher::Watch;

/// Advice for a watch that has nothing to show.
const FIRST: &str = "tap layers in a training step and end it with watch.step(&varmap, &grads)";

impl Watch {
    /// The rows of the last recorded step, to be printed.
    ///
    /// # Errors
    /// No step was recorded yet.
    pub fn table(&self) -> Result<Rows, WatchError> {
        let (names, rows) = self.seen()?;
        let last = rows.last().ok_or(WatchError::Nothing { advice: FIRST })?.step;
        let of_last = rows.iter().filter(|row| row.step == last).map(|row| Row::new(row, &names)).collect();
        Ok(Rows { rows: of_last, warnings: warnings(&rows, &names) })
    }

    /// Writes all rows as a `layers.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), WatchError> {
        let (names, rows) = self.seen()?;
        Ok(write_whole(path.as_ref(), &text(&names, rows.iter().map(LayerSeen::row)))?)
    }

    /// Writes an event file with all rows into `dir`, in place of any that is there; returns its path.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write_tensorboard(&self, dir: impl AsRef<Path>) -> Result<PathBuf, WatchError> {
        let dir = dir.as_ref();
        let (names, rows) = self.seen()?;
        make_directory(dir)?;
        let range = self.state().settings.histogram_range;
        let mut events = EventFile::begin(dir, now(), "")?;
        for step in rows.chunk_by(|a, b| a.step == b.step) {
            let mut summary = EventSummary::default();
            step.iter().for_each(|row| row.row().add_to(&names[row.layer], &mut summary, range));
            events.event(now(), step[0].step, &summary)?;
        }
        events.flush()?;
        Ok(events.path().into())
    }

    /// Writes a report of all layers over all steps: one HTML page with charts that needs nothing else.
    ///
    /// # Errors
    /// No step was recorded yet, or the file cannot be written.
    pub fn write_report(&self, path: impl AsRef<Path>) -> Result<(), WatchError> {
        let path = path.as_ref();
        let (names, rows) = self.seen()?;
        let (first, last) = rows.first().zip(rows.last()).ok_or(WatchError::Nothing { advice: FIRST })?;
        let run = self.records(path, &names, &rows);
        let title = path.file_stem().map_or_else(|| "report".into(), |stem| stem.to_string_lossy().into_owned());
        let mut lead = format!("{} layers of a candle model, steps {} to {}.", names.len(), first.step, last.step);
        for warning in warnings(&rows, &names) {
            lead = format!("{lead} {warning}.");
        }
        let page =
            Page { title, lead, findings: Vec::new(), sections: sections(&run, Detail::WHOLE, &Scales::default()) };
        Ok(crate::report::write(&page, path)?)
    }

    /// Rows as a run's records have them.
    fn records(&self, path: &Path, names: &[String], rows: &[LayerSeen]) -> RunRecords {
        let mut layers: Vec<LayerColumns> = names.iter().map(|name| LayerColumns::new(name)).collect();
        rows.iter().for_each(|row| layers[row.layer].train.push(row.step, &row.row().numbers()));
        RunRecords {
            path: path.into(),
            summary: None,
            config: String::new(),
            steps: Columns::default(),
            epochs: Columns::default(),
            layers,
            histograms: self.histograms_of(names, rows),
        }
    }

    /// The histograms of the layers that have one in every step that has any.
    fn histograms_of(&self, names: &[String], rows: &[LayerSeen]) -> Option<Histograms> {
        let has = |row: &&LayerSeen| !row.observation.histogram.is_empty();
        let steps: Vec<&[LayerSeen]> =
            rows.chunk_by(|a, b| a.step == b.step).filter(|step| step.iter().any(|row| has(&row))).collect();
        let of = |step: &'_ [LayerSeen], layer: usize| step.iter().position(|row| row.layer == layer && has(&row));
        let layers: Vec<usize> =
            (0..names.len()).filter(|&layer| steps.iter().all(|step| of(step, layer).is_some())).collect();
        let (bins, range) = {
            let state = self.state();
            (state.settings.histogram_bins, state.settings.histogram_range)
        };
        if steps.is_empty() || layers.is_empty() {
            return None;
        }
        let mut histograms = Histograms::new(layers.iter().map(|&layer| names[layer].clone()).collect(), bins, range);
        for step in steps {
            let counts =
                layers.iter().filter_map(|&layer| of(step, layer)).map(|at| step[at].observation.histogram.as_slice());
            histograms.push(step[0].step, counts);
        }
        Some(histograms)
    }
}
