//! One training run as a config describes it: everything that its result depends on.

use serde::Serialize;

pub use crate::config::data::DataConfig;
use crate::config::init::InitConfig;
use crate::config::key::{Key, Keys, Optional, form, table, text};
use crate::config::model::ModelConfig;
use crate::config::optimizer::OptimizerConfig;
pub use crate::config::record::RecordConfig;
use crate::config::resolve::{ResolveError, Resolved, resolve};
use crate::config::schedule::Schedule;
pub use crate::config::stats::StatsConfig;
pub use crate::config::train::{Budget, TrainConfig};
use crate::config::unfit::{self, Unfit};
use crate::config::value::COUNT;
use crate::config::{ConfigError, Document, Section, with_all_that_is_missing};

/// A run: data, network, start, training, records. From Rust it is built by `Experiment::mlp` and `Experiment::cnn`.
///
/// ```
/// use initlab::config::Experiment;
///
/// let text = "[model]\nkind = 'mlp'\nwidths = [50]\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1";
/// let experiment = Experiment::parse("net.toml", text, &["seed=3".into()])?;
/// assert_eq!((experiment.seed, experiment.train.batch_size), (3, 512));
/// # Ok::<(), initlab::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// Name of the run.
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

const NAME: Optional<String> = text("name", "What the run is called.").or("it is the file's name");
const SEED: Key<u64> = form("seed", COUNT, |value| value.u64(), "The seed of every random stream.").default("0");
const DATA: Key<DataConfig> =
    table("data", |value| DataConfig::read(value.to_section_of("dataset")?), "The images and how they are split.")
        .default("{}");
const MODEL: Key<ModelConfig> = table("model", |value| ModelConfig::read(value.to_section_of("kind")?), "The network.");
const INIT: Optional<()> = table("init", |_| Ok(()), "How the parameters start.").or("it is the preset kaiming");
const OPTIMIZER: Key<OptimizerConfig> = table(
    "optimizer",
    |value| OptimizerConfig::read(value.to_section_of("kind")?),
    "The rule of the steps and their size.",
);
const SCHEDULE: Key<Schedule> =
    table("schedule", |value| Schedule::read(value.to_section_of("kind")?), "The learning rate over the run.")
        .default("{}");
const TRAIN: Key<TrainConfig> =
    table("train", |value| TrainConfig::read(value.to_section()?), "Length of the run, batches, loss.");
const STATS: Key<StatsConfig> =
    table("stats", |value| StatsConfig::read(value.to_section()?), "What is measured of each layer, and how often.")
        .default("{}");
const RECORD: Key<RecordConfig> =
    table("record", |value| RecordConfig::read(value.to_section()?), "What is kept on the disk.").default("{}");

/// The keys of the top level.
pub(crate) const KEYS: Keys = Keys {
    path: "",
    when: "",
    keys: &[&NAME, &SEED, &DATA, &MODEL, &INIT, &OPTIMIZER, &SCHEDULE, &TRAIN, &STATS, &RECORD],
};

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
        with_all_that_is_missing(&root, |root| Self::read_once(root, name))
    }

    fn read_once(root: Section<'_>, name: &str) -> Result<Self, ConfigError> {
        let model = root.get(&MODEL)?;
        let init = root
            .value(INIT.name())
            .map_or_else(|| Ok(InitConfig::kaiming()), |init| read_init(init.to_section_of("preset")?, &model))?;
        let experiment = Self {
            name: root.find(&NAME)?.unwrap_or_else(|| name.into()),
            seed: root.get(&SEED)?,
            data: root.get(&DATA)?,
            model,
            init,
            optimizer: root.get(&OPTIMIZER)?,
            schedule: root.get(&SCHEDULE)?,
            train: root.get(&TRAIN)?,
            stats: root.get(&STATS)?,
            record: root.get(&RECORD)?,
        };
        if let Err(error) = unfit::check(&experiment.model, &experiment.init, &experiment.optimizer.rule) {
            return Err(at_init(&root, &error));
        }
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

/// A parametrisation that does not go with the rest, at its line.
fn at_init(root: &Section<'_>, error: &Unfit) -> ConfigError {
    let (key, text) = match error {
        Unfit::Width(_) => ("base_width", error.to_string()),
        Unfit::NoHidden | Unfit::Key { .. } | Unfit::Steps { .. } => ("parametrisation", error.to_string()),
    };
    // The place has the key's path already.
    let text = text.split_once([' ', ':']).map_or(text.as_str(), |(_, rest)| rest.trim_start());
    match root.section("init") {
        Ok(Some(init)) => init.error(key, text),
        Ok(None) | Err(_) => root.error("init", text),
    }
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
