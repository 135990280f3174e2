//! The parts that all commands with a config share: reading it, loading its data, and pointing at its lines.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::config_file::{read_config, refuse_study};
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::{complete, dataset};
use crate::config::error::folded;
use crate::config::{ConfigError, Document, Experiment};
use crate::data::{Prepared, Request, load};
use crate::model::build::BuildError;
use crate::model::initialise::empty_units;
use crate::train::at_line::{at_model, config_error};
use crate::train::engine::Compute;
use crate::train::{Plan, TrainError, memory};

/// A config and changes to it.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The experiment, such as configs/lesson_cnn.toml.
    #[arg(value_parser = path(), add = complete::toml_file())]
    pub config: PathBuf,
    /// Change one value of the config; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", add = complete::set())]
    pub sets: Vec<String>,
    /// Seed of every random stream, instead of the config's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A data set by its name, or a directory.
    #[arg(long, help = dataset::other_dataset(), value_name = "NAME|DIR", add = complete::dataset())]
    pub dataset: Option<String>,
    /// Where the files of a named set are.
    #[arg(long, help = dataset::data(), value_name = "DIR", value_parser = path())]
    pub data: Option<PathBuf>,
}

/// A config that was read, with its text at hand for errors that show up later.
pub struct Loaded {
    document: Document,
    /// The experiment.
    pub experiment: Experiment,
}

impl ConfigArgs {
    /// Reads the config with its changes.
    ///
    /// # Errors
    /// The file is absent, or something in it is not understood.
    pub fn read(&self) -> Result<Loaded> {
        self.read_changed(|_| Ok(()))
    }

    /// Reads the config with its changes and then those of `change`.
    ///
    /// # Errors
    /// As [`ConfigArgs::read`], and those of `change`.
    pub fn read_changed(&self, change: impl FnOnce(&mut Document) -> Result<(), ConfigError>) -> Result<Loaded> {
        let mut document = self.document()?;
        change(&mut document)?;
        refuse_study(&document.root(), &self.config)?;
        let name = self.config.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
        let experiment = self.overridden(Experiment::read(document.root(), &name)?);
        Ok(Loaded { document, experiment })
    }

    /// The file with its changes, before it is known what it is.
    ///
    /// # Errors
    /// The file is absent or no TOML.
    pub fn document(&self) -> Result<Document> {
        let text = read_config(&self.config)?;
        Ok(Document::parse(&self.config.display().to_string(), &text, &self.sets)?)
    }

    /// The experiment with the seed and the data set of the command line.
    pub fn overridden(&self, mut experiment: Experiment) -> Experiment {
        if let Some(seed) = self.seed {
            experiment.seed = seed;
        }
        if let Some(dataset) = &self.dataset {
            experiment.data.dataset.clone_from(dataset);
        }
        experiment
    }

    /// Finds and loads the experiment's data; says on stderr if it is not what was meant.
    ///
    /// # Errors
    /// The data is absent or broken.
    pub fn load_data(&self, experiment: &Experiment) -> Result<Prepared> {
        let request = Request { data_dir: self.data.clone(), ..Request::new(experiment.data.choice()) };
        let loaded = load(&request)?;
        if let Some(notice) = &loaded.notice {
            say(&folded(notice, 2));
        }
        Ok(experiment.data.prepare(loaded.dataset)?)
    }
}

impl Loaded {
    /// Builds the plan of the run; says on stderr if its start leaves units without weights.
    ///
    /// # Errors
    /// The network or its start is impossible; points at the config's line.
    pub fn plan(&self, data: Prepared) -> Result<Plan> {
        let at_config = |error| self.at_config(error);
        let plan = Plan::new(self.experiment.clone(), data).map_err(at_config)?;
        let init = &plan.experiment.init;
        for empty in empty_units(&plan.network, init, plan.experiment.seed).map_err(|error| at_config(error.into()))? {
            say(&empty.to_string());
        }
        Ok(plan)
    }

    /// Checks that the run fits into memory on `compute`; the error points at the config's line that needs most of it.
    ///
    /// # Errors
    /// It has none.
    pub fn fits(&self, plan: &Plan, compute: &Compute) -> Result<()> {
        match compute {
            Compute::Cpu { threads } => {
                memory::check(&plan.memory(*threads)).map_err(|error| self.at_config(error.into()))
            }
            Compute::Device(_) => Ok(()),
        }
    }

    /// An impossible network or start, at the config's line.
    pub fn at_config(&self, error: TrainError) -> anyhow::Error {
        config_error(&self.document, &error).map_or_else(|| error.into(), Into::into)
    }

    /// A network that cannot be built, at the line of the stage or of the sizes.
    pub fn at_model(&self, error: &BuildError) -> ConfigError {
        at_model(&self.document, error)
    }
}
