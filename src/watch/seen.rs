//! Rows of watched layers, whoever watched them: as a table, `layers.csv`, TensorBoard's event file and a report, all by the code that a
//! run's own records go through.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::histograms::Histograms;
use crate::record::layers::{LayerSeen, text};
use crate::record::read::{Columns, LayerColumns, RunRecords};
use crate::record::row::{Row, Rows};
use crate::record::tensorboard::{EventFile, EventSummary, now};
use crate::record::whole::{make_directory, write_whole};
use crate::report::layers::{Detail, Scales, sections};
use crate::report::page::Page;
use crate::watch::warnings::warnings;

/// Rows of whole steps, in order.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Names of the layers, which rows know by their places.
    pub names: &'a [String],
    /// The rows.
    pub rows: &'a [LayerSeen],
    /// Bins of a histogram within its range.
    pub bins: usize,
    /// Ends of the histograms.
    pub range: [f64; 2],
    /// The owner of the layers, as in `a candle model`.
    pub of: &'a str,
}

impl Seen<'_> {
    /// The rows of the last step, if there is one.
    pub fn table(&self) -> Option<Rows> {
        let last = self.rows.last()?.step;
        let of_last = self.rows.iter().filter(|row| row.step == last).map(|row| Row::new(row, self.names)).collect();
        Some(Rows { rows: of_last, warnings: self.warnings() })
    }

    /// Every row by the names of its numbers.
    pub fn rows(&self) -> Vec<Row> {
        self.rows.iter().map(|row| Row::new(row, self.names)).collect()
    }

    /// A sentence for each layer in which values are not finite.
    pub fn warnings(&self) -> Vec<String> {
        warnings(self.rows, self.names)
    }

    /// Writes all rows as a `layers.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<(), RecordError> {
        write_whole(path, &text(self.names, self.rows.iter().map(LayerSeen::row)))
    }

    /// Writes an event file with all rows into `dir`, in place of any that is there; returns its path.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write_tensorboard(&self, dir: &Path) -> Result<PathBuf, RecordError> {
        make_directory(dir)?;
        let mut events = EventFile::begin(dir, now(), "")?;
        for step in self.rows.chunk_by(|a, b| a.step == b.step) {
            let mut summary = EventSummary::default();
            step.iter().for_each(|row| row.row().add_to(&self.names[row.layer], &mut summary, self.range));
            events.event(now(), step[0].step, &summary)?;
        }
        events.flush()?;
        Ok(events.path().into())
    }

    /// The report of all layers over all steps, if there is one.
    pub fn page(&self, title: String) -> Option<Page> {
        let (first, last) = self.rows.first().zip(self.rows.last())?;
        let run = self.records();
        let mut lead = format!("{} layers of {}, steps {} to {}.", self.names.len(), self.of, first.step, last.step);
        for warning in self.warnings() {
            lead = format!("{lead} {warning}.");
        }
        Some(Page { title, lead, findings: Vec::new(), sections: sections(&run, Detail::WHOLE, &Scales::default()) })
    }

    /// Rows as a run's records have them.
    fn records(&self) -> RunRecords {
        let mut layers: Vec<LayerColumns> = self.names.iter().map(|name| LayerColumns::new(name)).collect();
        self.rows.iter().for_each(|row| layers[row.layer].train.push(row.step, &row.row().numbers()));
        RunRecords {
            path: PathBuf::new(),
            summary: None,
            config: String::new(),
            steps: Columns::default(),
            epochs: Columns::default(),
            layers,
            noise: Vec::new(),
            sharpness: Columns::default(),
            histograms: self.histograms(),
        }
    }

    /// The histograms of the layers that have one in every step that has any.
    fn histograms(&self) -> Option<Histograms> {
        let has = |row: &&LayerSeen| !row.observation.histogram.is_empty();
        let steps: Vec<&[LayerSeen]> =
            self.rows.chunk_by(|a, b| a.step == b.step).filter(|step| step.iter().any(|row| has(&row))).collect();
        let of = |step: &'_ [LayerSeen], layer: usize| step.iter().position(|row| row.layer == layer && has(&row));
        let layers: Vec<usize> =
            (0..self.names.len()).filter(|&layer| steps.iter().all(|step| of(step, layer).is_some())).collect();
        if steps.is_empty() || layers.is_empty() {
            return None;
        }
        let names = layers.iter().map(|&layer| self.names[layer].clone()).collect();
        let mut histograms = Histograms::new(names, self.bins, self.range);
        for step in steps {
            let counts =
                layers.iter().filter_map(|&layer| of(step, layer)).map(|at| step[at].observation.histogram.as_slice());
            histograms.push(step[0].step, counts);
        }
        Some(histograms)
    }
}
