//! Checks before anything runs: all arms have one data set, and each arm's network and start can be built.

use std::sync::Arc;

use crate::config::experiment::DataConfig;
use crate::config::{ConfigError, Experiment};
use crate::data::{DataError, Dataset, Part, Prepared, Split};
use crate::model::{Family, Layer, Role};
use crate::study::batches;
use crate::study::file::{Cell, Study};
use crate::train::at_line::{at_memory, config_error};
use crate::train::batch_size;
use crate::train::memory::{self, DataSize};
use crate::train::{Plan, TrainError};

/// Why a study cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Something in the study file or its base.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data does not have the split that is asked for.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Anything else.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// The data of a study, once in memory, with each split that an arm uses.
#[derive(Clone, Debug)]
pub struct StudyData {
    /// The images.
    pub dataset: Arc<Dataset>,
    splits: Vec<Prepared>,
}

impl StudyData {
    /// Prepares the splits of all cells.
    ///
    /// # Errors
    /// The data has too few images for one of them.
    pub fn new(dataset: Dataset, study: &Study) -> Result<Self, DataError> {
        let mut data = Self { dataset: Arc::new(dataset), splits: Vec::new() };
        for cell in &study.cells {
            data.add(&cell.experiment.data)?;
            if study.tune.is_some() {
                data.add(&validation(&cell.experiment.data))?;
            }
        }
        Ok(data)
    }

    fn add(&mut self, config: &DataConfig) -> Result<(), DataError> {
        if !self.splits.iter().any(|prepared| is_of(prepared, config)) {
            self.splits.push(config.prepare(Arc::clone(&self.dataset))?);
        }
        Ok(())
    }

    /// Its size in memory.
    pub fn size(&self) -> DataSize {
        let Dataset { train, test, .. } = &*self.dataset;
        DataSize { train: train.len(), test: test.len(), pixels: train.dims().iter().product() }
    }

    /// The data under the split and the range of pixels of `config`.
    ///
    /// # Panics
    /// If no cell of the study has these.
    pub fn of(&self, config: &DataConfig) -> &Prepared {
        self.splits.iter().find(|prepared| is_of(prepared, config)).expect("every cell's split was prepared")
    }
}

/// The data that a cell's learning rate is searched on.
pub fn validation(config: &DataConfig) -> DataConfig {
    DataConfig { split: Split::Validation, ..config.clone() }
}

fn is_of(prepared: &Prepared, config: &DataConfig) -> bool {
    prepared.split() == config.split
        && prepared.range_of_pixels() == config.range
        && prepared.moments() == config.moments
}

/// The one data set that all arms name.
///
/// # Errors
/// They name several; points at the second.
pub fn one_dataset(study: &Study) -> Result<&str, ConfigError> {
    let first = &study.cells[0].experiment.data.dataset;
    match study.cells.iter().find(|cell| cell.experiment.data.dataset != *first) {
        None => Ok(first),
        Some(cell) => {
            let root = cell.document.root();
            let message = format!("must be the same in all arms (the first has \"{first}\"): data cannot be compared");
            Err(root
                .section("data")?
                .map_or_else(|| root.error("data", &message), |data| data.error("dataset", &message)))
        }
    }
}

/// Words that pandas' `read_csv` reads as a missing value by default (its `na_values`, version 2); R's `read.csv` does so
/// for `NA`.
const MISSING: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
];

/// Warns of results that a study's author may not have meant, none of which keeps it from running.
pub fn remarks(study: &Study) -> Vec<String> {
    let labels = study.axes.iter().flat_map(|axis| axis.labels.iter().map(|label| ("a point", label)));
    let names = study.arms.iter().map(|arm| ("an arm", arm)).chain(labels);
    let missing = names.filter(|(_, name)| MISSING.contains(&name.as_str())).map(|(what, name)| {
        format!(
            "{what} is called \"{name}\", which pandas reads as missing in runs.csv and comparison.csv: read them with \
             keep_default_na=False, or give it another name"
        )
    });
    let sizes = |cell: &Cell| (cell.point.clone(), cell.experiment.train.batch_size);
    missing.chain(batches::remark(study.cells.iter().map(sizes))).collect()
}

/// Facts about a cell's runs that are known before they begin.
#[derive(Clone, Copy, Debug)]
pub struct CellFacts {
    /// Multiplications of a run, roughly.
    pub cost: f64,
    /// Bytes that a run takes on one core.
    pub memory: u64,
    /// Cells with the same number have runs that can train together.
    pub shape: usize,
}

/// Builds every cell's network and draws its start once; LSUV alone waits for the run.
///
/// # Errors
/// A network or a start that is impossible, at its line.
pub fn cells(study: &Study, data: &StudyData) -> Result<Vec<CellFacts>, CheckError> {
    let mut shapes: Vec<Plan> = Vec::new();
    let facts = |cell: &Cell| {
        let at_line = |error: TrainError| {
            config_error(&cell.document, &error).map_or_else(|| CheckError::from(error), CheckError::from)
        };
        let plan = plan_without_lsuv(&cell.experiment, data).map_err(at_line)?;
        if study.tune.is_some() {
            // The search for learning rates trains on fewer images.
            let images = data.of(&validation(&cell.experiment.data)).len(Part::Train);
            batch_size::check(&cell.experiment, &plan.network, images).map_err(|error| at_line(error.into()))?;
        }
        memory::check(&plan.memory(1)).map_err(|error| at_memory(&cell.document, &error))?;
        let (cost, memory) = (run_cost(&plan), plan.memory(1).total());
        let shape = shapes.iter().position(|other| plan.like(other)).unwrap_or_else(|| {
            shapes.push(plan);
            shapes.len() - 1
        });
        Ok(CellFacts { cost, memory, shape })
    };
    study.cells.iter().map(facts).collect()
}

fn plan_without_lsuv(experiment: &Experiment, data: &StudyData) -> Result<Plan, TrainError> {
    // An aim that LSUV would undo is a mistake of the config.
    experiment.resolved()?;
    let mut plain = experiment.clone();
    plain.init.lsuv = None;
    Plan::new(plain, data.of(&experiment.data).clone())
}

/// Notices to print before a study about batch sizes that its data cannot fill, once each.
pub fn notices(study: &Study, data: &StudyData) -> Vec<String> {
    let mut all = Vec::new();
    for Cell { experiment, .. } in &study.cells {
        let images = data.of(&experiment.data).len(Part::Train);
        let notice = batch_size::notice(experiment.train.batch_size, images);
        all.extend(notice.filter(|notice| !all.contains(notice)));
    }
    all
}

/// Work on a value of a layer in multiplications: activations and statistics cost too, and small layers would otherwise look free. Layers
/// that normalise walk over their values several times, forward and backward.
const VALUE: f64 = 20.0;
const NORMALISED_VALUE: f64 = 60.0;

/// Multiplications of a whole run, roughly: what runs are ordered by, and what the time left is told by before they have shown it.
pub fn run_cost(plan: &Plan) -> f64 {
    let layers = plan.network.flat_layers();
    let products = layers.iter().filter_map(|layer| {
        let weight = &plan.network.params[layer.weight?];
        (weight.role == Role::Weight).then(|| weight.len() as f64 * layer.output.pixels() as f64)
    });
    let value = |layer: &Layer| if layer.op.family() == Family::Norm { NORMALISED_VALUE } else { VALUE };
    let values: f64 = layers.iter().map(|layer| value(layer) * layer.output.len() as f64).sum();
    let trained = plan.experiment.train.batch_size as f64 * plan.total_steps() as f64;
    // An image that is only evaluated takes the forward pass of three passes.
    let evaluations = plan.total_steps().div_ceil(plan.evaluate_every().max(1));
    let evaluated = plan.data.len(Part::Test) as f64 * evaluations as f64;
    (products.sum::<f64>() + values) * (trained + evaluated / 3.0)
}
