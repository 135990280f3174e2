//! TensorBoard's event files: scalars, histograms, the config as text, hyperparameters.
//!
//! Messages and field numbers are those of tensorflow/core/util/event.proto and framework/summary.proto. Wall-clock times are arguments.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::record::RecordError;
use crate::record::hyperparameters::{self, session_start};
use crate::record::layers::{LayerRow, NUMBERS};
use crate::record::protobuf::{Message, record};
use crate::record::rows::{EpochRow, StepRow};
use crate::record::statistics::{STATISTICS, place};
use crate::record::summary::{Outcome, Summary};
use crate::record::whole::{begin_file, names, remove_if_there, write_changed};

/// How the names of event files begin; TensorBoard looks for `tfevents`.
pub const PREFIX: &str = "events.out.tfevents.";

/// Seconds since 1970.
pub fn now() -> f64 {
    seconds(SystemTime::now())
}

/// `time` as seconds since 1970.
pub fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A layer's [`STATISTICS`]; NaN where nothing was measured.
pub type LayerNumbers = [f32; NUMBERS];

/// Statistics that a layer's histogram needs.
const OF_HISTOGRAM: [&str; 4] = ["act_mean", "act_min", "act_max", "act_second_moment"];

/// Names of the statistics that an event file needs.
pub fn needed() -> Vec<&'static str> {
    let curves = STATISTICS.iter().filter(|statistic| statistic.curve).map(|statistic| statistic.name);
    curves.chain(OF_HISTOGRAM).collect()
}

/// An event file that is being written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
    /// When it was last handed to the operating system.
    flushed_s: f64,
}

impl EventFile {
    /// Starts a run's event file, in place of any that the directory has, with its config as text and as
    /// hyperparameters. The seed is none of them: runs that differ in nothing else are one group.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn begin(dir: &Path, wall_s: f64, config: &str) -> Result<Self, RecordError> {
        let mut events = Self::create(dir, wall_s)?;
        let mut summary = EventSummary::default();
        summary.text("config", &format!("```toml\n{config}\n```"));
        summary.hyperparameters("session_start_info", 3, &session_start(config, wall_s));
        events.event(wall_s, 0, &summary)?;
        events.flush()?;
        Ok(events)
    }

    /// An event file without a run, in place of any that the directory has, for the directory above those of runs: which of
    /// the hyperparameters of their `configs` differ, and which curves' ends compare them. It is said to be of 1970, so that
    /// the same runs give the same file.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn experiment(dir: &Path, configs: &[String]) -> Result<PathBuf, RecordError> {
        let mut summary = EventSummary::default();
        summary.hyperparameters("experiment", 2, &hyperparameters::experiment(configs));
        let bytes = [record(version(0.0).as_ref()), record(event(0.0, 0, &summary).as_ref())].concat();
        let path = name(dir, 0.0);
        remove_but(dir, Some(&path))?;
        write_changed(&path, &bytes)?;
        Ok(path)
    }

    fn create(dir: &Path, wall_s: f64) -> Result<Self, RecordError> {
        remove(dir)?;
        let path = name(dir, wall_s);
        let file = begin_file(&path).map_err(RecordError::io(&path, "creating the file"))?;
        let mut events = Self { path, file: BufWriter::with_capacity(1 << 16, file), flushed_s: wall_s };
        events.write(&version(wall_s))?;
        Ok(events)
    }

    /// The run has ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end(&mut self, wall_s: f64, result: &Summary) -> Result<(), RecordError> {
        let mut end = Message::default();
        let status = match result.outcome {
            Outcome::Finished => 1,
            Outcome::Diverged => 2,
            Outcome::Interrupted => 0,
        };
        end.varint(1, status).double(2, wall_s);
        let mut summary = EventSummary::default();
        summary.text("outcome", &result.how_it_ended());
        summary.hyperparameters("session_end_info", 4, &end);
        self.event(wall_s, result.steps, &summary)?;
        self.flush()
    }

    /// Writes what was gathered at one step; every second or so, for a TensorBoard that is open, up to the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn event(&mut self, wall_s: f64, step: u64, summary: &EventSummary) -> Result<(), RecordError> {
        self.write(&event(wall_s, step, summary))?;
        if wall_s - self.flushed_s >= 1.0 {
            self.flushed_s = wall_s;
            self.flush()?;
        }
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// The disk is full.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.file.flush().map_err(RecordError::io(&self.path, "writing"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, event: &Message) -> Result<(), RecordError> {
        self.file.write_all(&record(event.as_ref())).map_err(RecordError::io(&self.path, "writing"))
    }
}

fn name(dir: &Path, wall_s: f64) -> PathBuf {
    dir.join(format!("{PREFIX}{:010}.initlab", wall_s as u64))
}

/// First record of an event file: its version.
fn version(wall_s: f64) -> Message {
    let mut version = Message::default();
    version.double(1, wall_s).bytes(3, "brain.Event:2");
    version
}

fn event(wall_s: f64, step: u64, summary: &EventSummary) -> Message {
    let mut event = Message::default();
    event.double(1, wall_s).varint(2, step).bytes(5, &summary.0);
    event
}

/// Removes a directory's event files.
///
/// # Errors
/// One is there and cannot be removed.
pub fn remove(dir: &Path) -> Result<(), RecordError> {
    remove_but(dir, None)
}

fn remove_but(dir: &Path, kept: Option<&Path>) -> Result<(), RecordError> {
    for name in names(dir)?.into_iter().filter(|name| name.starts_with(PREFIX)) {
        let path = dir.join(name);
        if kept != Some(&*path) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// The values of one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventSummary(Message);

impl EventSummary {
    /// A number.
    pub fn scalar(&mut self, tag: &str, value: f64) {
        let mut field = Message::default();
        field.bytes(1, tag).float(2, value as f32);
        self.0.bytes(1, field);
    }

    /// The numbers of a training step.
    pub fn step(&mut self, row: &StepRow) {
        self.scalar("train/loss", row.loss);
        self.scalar("train/accuracy", row.accuracy);
        self.scalar("train/learning_rate", row.lr);
        if let Some(norm) = row.gradient_norm {
            self.scalar("train/gradient_norm", norm);
        }
    }

    /// The numbers of an evaluation.
    pub fn evaluation(&mut self, row: &EpochRow) {
        self.scalar("test/loss", row.test_loss);
        self.scalar("test/accuracy", row.test_accuracy);
        self.scalar("train/mean_loss", row.train_loss);
        self.scalar("train/mean_accuracy", row.train_accuracy);
    }

    /// A layer's curves.
    pub fn layer(&mut self, layer: &str, numbers: &LayerNumbers) {
        let curves = STATISTICS.iter().zip(numbers).filter(|(statistic, value)| statistic.curve && !value.is_nan());
        for (statistic, &value) in curves {
            self.scalar(&format!("{layer}/{}", statistic.name), f64::from(value));
        }
    }

    /// A layer's histogram: counts below `range`, in bins of equal width within, and above. There is none of values that are not all
    /// finite: it would have no ends.
    pub fn histogram(&mut self, layer: &str, counts: &[u64], range: [f64; 2], numbers: &LayerNumbers) {
        let bins = counts.len() - 2;
        let [low, high] = range;
        let edge = |i: usize| low + (high - low) * i as f64 / bins as f64;
        let [mean, min, max, second_moment] = OF_HISTOGRAM.map(|name| f64::from(numbers[place(name)]));
        if !(min.is_finite() && max.is_finite()) {
            return;
        }
        let total = counts.iter().sum::<u64>() as f64;
        // The last bucket ends at the largest value, and always beyond the one before.
        let end = if max > high { max } else { high + (high - low) / bins as f64 };
        let limits: Vec<f64> = (0..=bins).map(edge).chain([end]).collect();
        let buckets: Vec<f64> = counts.iter().map(|&n| n as f64).collect();
        let mut content = Message::default();
        content.double(1, min).double(2, max).double(3, total).double(4, mean * total).double(5, second_moment * total);
        content.doubles(6, &limits).doubles(7, &buckets);
        let mut field = Message::default();
        field.bytes(1, format!("{layer}/activations")).bytes(5, content);
        self.0.bytes(1, field);
    }

    /// A text in Markdown.
    fn text(&mut self, tag: &str, text: &str) {
        const STRING: u64 = 7;
        let (mut shape, mut size, mut tensor) = (Message::default(), Message::default(), Message::default());
        size.varint(1, 1);
        shape.bytes(2, size);
        tensor.varint(1, STRING).bytes(2, shape).bytes(8, text);
        self.plugin(tag, "text", &Message::default(), &tensor);
    }

    /// A message of the hyperparameters' plugin, which is the number `field` of its choices; its tensor is empty.
    fn hyperparameters(&mut self, name: &str, field: u32, content: &Message) {
        const FLOAT: u64 = 1;
        let (mut shape, mut size, mut tensor) = (Message::default(), Message::default(), Message::default());
        size.varint(1, 0);
        shape.bytes(2, size);
        tensor.varint(1, FLOAT).bytes(2, shape);
        let mut data = Message::default();
        data.bytes(field, content);
        self.plugin(&format!("_hparams_/{name}"), "hparams", &data, &tensor);
    }

    fn plugin(&mut self, tag: &str, name: &str, content: &Message, tensor: &Message) {
        const TENSOR: u64 = 2;
        let (mut plugin, mut metadata, mut field) = (Message::default(), Message::default(), Message::default());
        plugin.bytes(1, name).bytes(2, content);
        metadata.bytes(1, plugin).varint(4, TENSOR);
        field.bytes(1, tag).bytes(9, metadata).bytes(8, tensor);
        self.0.bytes(1, field);
    }
}

impl LayerRow<'_> {
    /// The numbers of the layer `name` for an event.
    pub fn add_to(&self, name: &str, summary: &mut EventSummary, range: [f64; 2]) {
        let numbers = self.numbers().map(|number| number.unwrap_or(f32::NAN));
        summary.layer(name, &numbers);
        if !self.observation.histogram.is_empty() {
            summary.histogram(name, &self.observation.histogram, range, &numbers);
        }
    }
}
