//! A run's directory as those who look at it later read it: also one whose run goes on, was killed, or has diverged.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::checkpoint;
use crate::record::histograms::Histograms;
use crate::record::layers::{KEYS, NUMBERS, header};
use crate::record::lines::{broken, if_present, rows, rows_below, whole_lines};
use crate::record::noise::{self, LayerNoise};
use crate::record::rows::{EPOCHS, STEPS};
use crate::record::sharpness;
use crate::record::statistics::{STATISTICS, place};
use crate::record::summary::Summary;
use crate::record::whole::is_there;

/// The records of one run.
#[derive(Clone, Debug)]
pub struct RunRecords {
    /// The directory.
    pub path: PathBuf,
    /// `run.json`; absent while a run goes on, and after a crash.
    pub summary: Option<Summary>,
    /// `config.toml` as it stands; empty if it is absent.
    pub config: String,
    /// `steps.csv`.
    pub steps: Columns,
    /// `epochs.csv`.
    pub epochs: Columns,
    /// `layers.csv`, a layer after the other in the network's order.
    pub layers: Vec<LayerColumns>,
    /// `noise.csv`, a layer after the other, if there is one.
    pub noise: Vec<LayerNoise>,
    /// `sharpness.csv`; without rows if it is absent.
    pub sharpness: Columns,
    /// `histograms.safetensors`, if there is one.
    pub histograms: Option<Histograms>,
}

/// Columns of numbers with their names; an empty field is NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

/// The rows of `layers.csv` about one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerColumns {
    /// The layer's name.
    pub name: String,
    /// Its rows of phase `train`.
    pub train: PhaseColumns,
    /// Its rows of phase `test`.
    pub test: PhaseColumns,
}

/// The rows of one layer and phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseColumns {
    /// The column `step`.
    pub steps: Vec<u64>,
    /// The values of each of [`STATISTICS`]; empty if it was not asked for, NaN if the file is from before it was recorded.
    values: Vec<Vec<f32>>,
}

impl PhaseColumns {
    /// The values of a statistic; empty if it was not asked for.
    pub fn get(&self, name: &str) -> &[f32] {
        self.values.get(place(name)).map_or(&[], Vec::as_slice)
    }

    /// Adds a row.
    pub fn push(&mut self, step: u64, numbers: &[Option<f32>; NUMBERS]) {
        self.steps.push(step);
        self.values.iter_mut().zip(numbers).for_each(|(values, number)| values.push(number.unwrap_or(f32::NAN)));
    }

    /// All numbers of one row; NaN for a statistic that was not asked for.
    pub fn numbers(&self, row: usize) -> [f32; NUMBERS] {
        std::array::from_fn(|i| self.values[i].get(row).copied().unwrap_or(f32::NAN))
    }
}

impl Columns {
    /// The values of a column; empty if there is no such column.
    pub fn get(&self, name: &str) -> &[f64] {
        let place = self.names.iter().position(|n| n == name);
        place.map_or(&[], |i| &self.values[i])
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `epochs.csv` of the run in `dir`; without rows if it is absent.
    ///
    /// # Errors
    /// The run's files cannot be read, or are not as they were written.
    pub fn evaluations(dir: &Path) -> Result<Self, RecordError> {
        if let Some(summary) = Summary::read(dir)? {
            summary.verify(dir)?;
        }
        Self::read_evaluations(dir)
    }

    fn read_evaluations(dir: &Path) -> Result<Self, RecordError> {
        Self::read(&dir.join("epochs.csv"), EPOCHS)
    }

    /// Reads a file of numbers whose header is `header`; an absent file has no rows.
    fn read(path: &Path, header: &str) -> Result<Self, RecordError> {
        let text = whole_lines(path)?;
        let names: Vec<String> = header.split(',').map(str::to_string).collect();
        let mut values = vec![Vec::new(); names.len()];
        for (i, line) in rows(path, &text, header)?.enumerate() {
            let fields: Vec<&str> = line.split(',').collect();
            if fields.len() != names.len() {
                return Err(broken(path, i));
            }
            for (column, field) in values.iter_mut().zip(fields) {
                let value = if field.is_empty() { Ok(f64::NAN) } else { field.parse() };
                column.push(value.map_err(|_| broken(path, i))?);
            }
        }
        Ok(Self { names, values })
    }
}

impl RunRecords {
    /// True if `dir` is the directory of a run.
    pub fn is_run(dir: &Path) -> bool {
        ["run.json", "steps.csv"].iter().any(|name| dir.join(name).is_file())
    }

    /// Reads a run's directory; of `layers.csv` only the `wanted` columns, and without any not the file at all.
    ///
    /// # Errors
    /// A file cannot be read, is not what its name says, or not what the run's summary says of it.
    pub fn read(dir: &Path, wanted: &[&str]) -> Result<Self, RecordError> {
        let summary = Summary::read(dir)?;
        match &summary {
            Some(summary) => summary.verify(dir)?,
            None => checkpoint::verify_unfinished(dir)?,
        }
        let histograms = dir.join("histograms.safetensors");
        let histograms = if is_there(&histograms)? { Some(Histograms::read(&histograms)?) } else { None };
        Ok(Self { histograms, ..Self::tables(dir, summary, wanted)? })
    }

    /// The tables of a run that has just ended so, whose files this process wrote; histograms are left out.
    ///
    /// # Errors
    /// As [`RunRecords::read`].
    pub fn of_ended(dir: &Path, summary: Summary, wanted: &[&str]) -> Result<Self, RecordError> {
        Self::tables(dir, Some(summary), wanted)
    }

    fn tables(dir: &Path, summary: Option<Summary>, wanted: &[&str]) -> Result<Self, RecordError> {
        let file = |name: &str| dir.join(name);
        Ok(Self {
            path: dir.into(),
            summary,
            config: if_present(&file("config.toml"))?.unwrap_or_default(),
            steps: Columns::read(&file("steps.csv"), STEPS)?,
            epochs: Columns::read_evaluations(dir)?,
            layers: if wanted.is_empty() { Vec::new() } else { layers(&file("layers.csv"), wanted)? },
            noise: noise::read(dir)?,
            sharpness: Columns::read(&file(sharpness::FILE), sharpness::HEADER)?,
            histograms: None,
        })
    }

    /// Name of the run; that of its directory while no summary is there.
    pub fn name(&self) -> String {
        match &self.summary {
            Some(summary) => summary.name.clone(),
            None => self.path.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy().into_owned()),
        }
    }
}

/// Reads `layers.csv`, by far the largest file: only the fields that are wanted become numbers.
fn layers(path: &Path, wanted: &[&str]) -> Result<Vec<LayerColumns>, RecordError> {
    let text = whole_lines(path)?;
    let wanted: Vec<bool> = STATISTICS.iter().map(|statistic| wanted.contains(&statistic.name)).collect();
    // An earlier version's file lacks the last columns.
    let there = text.lines().next().map_or(0, |header| header.split(',').count().saturating_sub(KEYS.len()));
    let end = wanted.iter().rposition(|&wanted| wanted).map_or(0, |last| last + 1);
    let header = header();
    let of_earlier = |found: &str| there > 0 && header.strip_prefix(found).is_some_and(|rest| rest.starts_with(','));
    let mut layers: Vec<LayerColumns> = Vec::new();
    let mut next = 0;
    for (i, line) in rows_below(path, &text, &header, |found| found == header || of_earlier(found))?.enumerate() {
        let mut fields = line.split(',');
        let [step, phase, layer] = KEYS.map(|_| fields.next().unwrap_or_default());
        // Layers come round and round in the same order.
        if layers.get(next).is_none_or(|l| l.name != layer) {
            next = layers.iter().position(|l| l.name == layer).unwrap_or_else(|| {
                layers.push(LayerColumns::new(layer));
                layers.len() - 1
            });
        }
        let columns = if phase == "train" { &mut layers[next].train } else { &mut layers[next].test };
        columns.steps.push(step.parse().map_err(|_| broken(path, i))?);
        for (place, (values, wanted)) in columns.values.iter_mut().zip(&wanted[..end]).enumerate() {
            let field = if place < there { fields.next().ok_or_else(|| broken(path, i))? } else { "" };
            if *wanted {
                let value = if field.is_empty() { Ok(f32::NAN) } else { field.parse() };
                values.push(value.map_err(|_| broken(path, i))?);
            }
        }
        next = (next + 1) % layers.len();
    }
    Ok(layers)
}

impl LayerColumns {
    /// A layer without rows.
    pub fn new(name: &str) -> Self {
        let phase = || PhaseColumns { steps: Vec::new(), values: vec![Vec::new(); STATISTICS.len()] };
        Self { name: name.into(), train: phase(), test: phase() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn layer_line(step: u64, phase: &str, layer: &str, mean: &str) -> String {
        let mut fields = vec![String::new(); header().split(',').count()];
        (fields[0], fields[1], fields[2], fields[9]) = (step.to_string(), phase.into(), layer.into(), mean.into());
        fields.join(",") + "\n"
    }

    #[test]
    fn a_run_that_goes_on_is_read_without_its_unfinished_line() {
        let text = format!("{STEPS}\n0,0,0,0.1,2.5,0.1,1.0\n1,0,64,0.1,NaN,0.2,\n2,0,128,0.");
        let dir = dir(&[("steps.csv", &text)]);
        let run = RunRecords::read(dir.path(), &[]).unwrap();
        assert!(run.summary.is_none() && run.layers.is_empty() && run.epochs.is_empty());
        assert_eq!((run.steps.len(), run.steps.get("lr")), (2, &[0.1, 0.1][..]));
        assert!(run.steps.get("loss")[1].is_nan() && run.steps.get("gradient_norm")[1].is_nan());
    }

    #[test]
    fn layers_are_sorted_by_name_and_phase() {
        let lines = [(0, "train", "a", "0.5"), (0, "train", "b", "inf"), (1, "train", "a", "1"), (1, "train", "b", "")];
        let mut text = format!("{}\n", header());
        lines.iter().for_each(|&(step, phase, layer, mean)| text += &layer_line(step, phase, layer, mean));
        text += &layer_line(2, "test", "b", "3");
        let dir = dir(&[("layers.csv", &text)]);
        let layers = RunRecords::read(dir.path(), &["act_std", "act_mean"]).unwrap().layers;
        assert_eq!(layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((&layers[0].train.steps[..], layers[0].train.get("act_mean")), (&[0, 1][..], &[0.5, 1.0][..]));
        assert!(layers[1].train.get("act_mean")[0].is_infinite() && layers[1].train.get("act_mean")[1].is_nan());
        assert_eq!(layers[1].test.get("act_mean"), [3.0]);
    }

    #[test]
    fn what_an_earlier_version_did_not_record_is_nan() {
        let lines = format!("{}\n{}", header(), layer_line(0, "train", "a", "0.5"));
        let text: String = lines.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n").collect();
        let dir = dir(&[("layers.csv", &text)]);
        let layers = RunRecords::read(dir.path(), &["act_mean", "pre_kurtosis"]).unwrap().layers;
        assert_eq!(layers[0].train.get("act_mean"), [0.5]);
        assert!(matches!(layers[0].train.get("pre_kurtosis"), [x] if x.is_nan()));
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_line() {
        for (name, text, part) in [
            ("steps.csv", format!("{STEPS}\n0,0,0,0.1,x,0.1,1.0\n"), "line 2"),
            ("steps.csv", format!("{STEPS}\n0,0\n"), "line 2"),
            ("epochs.csv", "a,b\n1,2\n".into(), "other columns"),
            ("layers.csv", format!("{}\n0,train,a\n", header()), "line 2"),
            ("run.json", "{}".into(), "the run's result"),
        ] {
            let dir = dir(&[(name, &text)]);
            let error = RunRecords::read(dir.path(), &["act_mean"]).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(name) && error.contains("--overwrite"), "{error}");
        }
    }
}
