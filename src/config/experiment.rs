//! One training run as a config describes it: everything that its result depends on.

use serde::Serialize;

use crate::config::check::{at_least_one, non_negative_f32, positive};
use crate::config::init::InitConfig;
use crate::config::model::ModelConfig;
use crate::config::optimizer::OptimizerConfig;
use crate::config::resolve::{ResolveError, Resolved, resolve};
use crate::config::schedule::Schedule;
use crate::config::{ConfigError, Document, Section};
use crate::data::{Choice, Split};
use crate::loss::Loss;

/// A run: data, network, start, training, records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// What the run is called.
    pub name: String,
    /// The seed of every random stream.
    pub seed: u64,
    /// `[data]`.
    pub data: DataConfig,
    /// `[model]`.
    pub model: ModelConfig,
    /// `[init]`.
    pub init: InitConfig,
    /// `[optimizer]`.
    pub optimizer: OptimizerConfig,
    /// `[schedule]`.
    pub schedule: Schedule,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[stats]`.
    pub stats: StatsConfig,
    /// `[record]`.
    pub record: RecordConfig,
}

/// The data set and how it is split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataConfig {
    /// `auto`, `mnist`, `fashion-mnist`, `digits`, or a directory of four IDX files.
    pub dataset: String,
    /// `usual`, `lesson` or `validation`.
    pub split: Split,
}

impl DataConfig {
    /// The data set that is meant.
    pub fn choice(&self) -> Choice {
        Choice::parse(&self.dataset)
    }
}

/// Length of the run, batches, loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrainConfig {
    /// The length.
    #[serde(flatten)]
    pub budget: Budget,
    /// Images in a batch.
    pub batch_size: usize,
    /// What is minimised.
    pub loss: Loss,
    /// Steps between two evaluations on the test images; absent: after each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_every: Option<usize>,
    /// Limit on the norm of all gradients together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Test accuracy at which the run ends early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_accuracy: Option<f64>,
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Passes over the training images.
    Epochs(usize),
    /// Optimiser steps.
    Steps(usize),
}

/// What is measured, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StatsConfig {
    /// Steps between two records of every layer; 0 for never.
    pub every: usize,
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f64,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f64,
    /// Steps between two histograms; 0 for never.
    pub histogram_every: usize,
    /// Bins within the range; two more take what lies outside.
    pub histogram_bins: usize,
    /// Limits of the histogram.
    pub histogram_range: [f64; 2],
}

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordConfig {
    /// Steps between two checkpoints; absent: after each evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// Whether TensorBoard's event file is written, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tensorboard: bool,
}

impl Experiment {
    /// Reads a config. `label` names it in errors, `sets` are `path=value` overrides.
    ///
    /// # Errors
    /// Whatever is not understood, at its line.
    pub fn parse(label: &str, text: &str, sets: &[String]) -> Result<Self, ConfigError> {
        let document = Document::parse(label, text, sets)?;
        Self::read(document.root(), &stem(label))
    }

    /// Reads a config from its root section; `name` is used if it gives none.
    ///
    /// # Errors
    /// Whatever is not understood, at its line.
    pub fn read(root: Section<'_>, name: &str) -> Result<Self, ConfigError> {
        let model = ModelConfig::read(root.required_section("model")?)?;
        let init = match root.section("init")? {
            Some(section) => read_init(section, &model)?,
            None => InitConfig::kaiming(),
        };
        let experiment = Self {
            name: root.string("name")?.unwrap_or_else(|| name.into()),
            seed: root.u64("seed")?.unwrap_or(0),
            data: read_data(root.section("data")?)?,
            model,
            init,
            optimizer: OptimizerConfig::read(root.required_section("optimizer")?)?,
            schedule: root.section("schedule")?.map_or(Ok(Schedule::CONSTANT), Schedule::read)?,
            train: read_train(root.required_section("train")?)?,
            stats: read_stats(root.section("stats")?)?,
            record: read_record(root.section("record")?)?,
        };
        root.finish()?;
        Ok(experiment)
    }

    /// Model and start with the aim, if there is one, carried out.
    ///
    /// # Errors
    /// The aim cannot be had; a config that was read has been checked for it.
    pub fn resolved(&self) -> Result<Resolved, ResolveError> {
        resolve(&self.model, &self.init)
    }

    /// The complete config, with every default written out; reading it gives the same experiment.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a config is made of tables, numbers and strings")
    }
}

/// The file name without directory and ending.
fn stem(label: &str) -> String {
    let path = std::path::Path::new(label);
    path.file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned())
}

/// Reads `[init]`, and carries its aim out to see that the network of `model` can have it.
fn read_init(section: Section<'_>, model: &ModelConfig) -> Result<InitConfig, ConfigError> {
    let init = InitConfig::read(&section, model.activation)?;
    resolve(model, &init).map_err(|error| {
        let key = if section.value("aim").is_some() { "aim" } else { "preset" };
        section.error(key, format!("cannot be done: {error}"))
    })?;
    section.finish()?;
    Ok(init)
}

fn read_data(section: Option<Section<'_>>) -> Result<DataConfig, ConfigError> {
    let Some(section) = section else { return Ok(DataConfig { dataset: "auto".into(), split: Split::Usual }) };
    let splits = Split::ALL.map(|split| (split.name(), split));
    let data = DataConfig {
        dataset: section.string("dataset")?.unwrap_or_else(|| "auto".into()),
        split: section.choice("split", &splits)?.unwrap_or(Split::Usual),
    };
    section.finish()?;
    Ok(data)
}

fn read_train(section: Section<'_>) -> Result<TrainConfig, ConfigError> {
    let budget = match (at_least_one(&section, "epochs")?, at_least_one(&section, "steps")?) {
        (Some(epochs), None) => Budget::Epochs(epochs),
        (None, Some(steps)) => Budget::Steps(steps),
        (Some(_), Some(_)) => return Err(section.error("steps", "stands instead of `epochs`: give one of them")),
        (None, None) => return Err(section.missing("epochs", "the number of epochs (or `steps`)")),
    };
    let losses = Loss::ALL.map(|loss| (loss.row().name, loss));
    let target_accuracy = section.f64("target_accuracy")?;
    if let Some(target) = target_accuracy.filter(|target| !(0.0..=1.0).contains(target)) {
        return Err(section.error("target_accuracy", format!("must be from 0 to 1, found {target}")));
    }
    let train = TrainConfig {
        budget,
        batch_size: at_least_one(&section, "batch_size")?.unwrap_or(512),
        loss: section.choice("loss", &losses)?.unwrap_or(Loss::ALL[0]),
        evaluate_every: at_least_one(&section, "evaluate_every")?,
        clip_norm: positive(&section, "clip_norm")?,
        target_accuracy,
    };
    section.finish()?;
    Ok(train)
}

fn read_stats(section: Option<Section<'_>>) -> Result<StatsConfig, ConfigError> {
    let default = StatsConfig {
        every: 1,
        near_zero: 0.05,
        gradient_near_zero: 1e-8,
        histogram_every: 20,
        histogram_bins: 70,
        histogram_range: [-7.0, 7.0],
    };
    let Some(section) = section else { return Ok(default) };
    let histogram_bins = at_least_one(&section, "histogram_bins")?.unwrap_or(default.histogram_bins);
    if histogram_bins > 10_000 {
        return Err(section.error("histogram_bins", format!("must be at most 10000, found {histogram_bins}")));
    }
    let histogram_range = read_range(&section, "histogram_range", histogram_bins)?.unwrap_or(default.histogram_range);
    let limit = |key| non_negative_f32(&section, key);
    let stats = StatsConfig {
        every: section.usize("every")?.unwrap_or(default.every),
        near_zero: limit("near_zero")?.unwrap_or(default.near_zero),
        gradient_near_zero: limit("gradient_near_zero")?.unwrap_or(default.gradient_near_zero),
        histogram_every: section.usize("histogram_every")?.unwrap_or(default.histogram_every),
        histogram_bins,
        histogram_range,
    };
    section.finish()?;
    Ok(stats)
}

/// Two ends between which values in `f32` can be sorted into `bins` equal bins.
fn read_range(section: &Section<'_>, key: &str, bins: usize) -> Result<Option<[f64; 2]>, ConfigError> {
    let Some(list) = section.f64_list(key)? else { return Ok(None) };
    let [low, high] = list[..] else {
        return Err(section.error(key, format!("must be two numbers, the lower one first; it has {}", list.len())));
    };
    if low >= high {
        return Err(section.error(key, format!("must be two numbers, the lower one first, found {low:?} and {high:?}")));
    }
    // As the kernels have them; an end beyond f32's range is infinite there.
    let width = high as f32 - low as f32;
    if !width.is_finite() || !(bins as f32 / width).is_finite() {
        let message = format!(
            "must be two ends that 32-bit floats, which all values are, can tell apart, and whose distance is at most 3.4e38: \
             found {low:?} and {high:?}"
        );
        return Err(section.error(key, message));
    }
    Ok(Some([low, high]))
}

fn read_record(section: Option<Section<'_>>) -> Result<RecordConfig, ConfigError> {
    let Some(section) = section else { return Ok(RecordConfig::default()) };
    let record = RecordConfig {
        checkpoint_every: at_least_one(&section, "checkpoint_every")?,
        tensorboard: section.bool("tensorboard")?.unwrap_or(false),
    };
    section.finish()?;
    Ok(record)
}
