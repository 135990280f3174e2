//! From a config and data to a run that could start: the network, its starting weights, the length.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;
use thiserror::Error;

use crate::config::Experiment;
use crate::config::experiment::{Budget, TrainConfig};
use crate::config::init::LsuvMean;
use crate::config::model::ModelConfig;
use crate::config::resolve::ResolveError;
use crate::config::unfit::{self, Unfit};
use crate::data::{Part, Prepared, epoch_order};
use crate::init::InitError;
use crate::model::build::{BuildError, build};
use crate::model::cpu::CpuModel;
use crate::model::initialise::initialise;
use crate::model::lsuv::{LsuvError, lsuv};
use crate::model::mup::set_rates;
use crate::model::objective::Loss;
use crate::model::{Layer, Network, Op, Shape};
use crate::record::RecordError;
use crate::record::tensors::NamedTensor;
use crate::train::batch_size::{self, Dependent, OneValue};
use crate::train::memory::{self, DataSize, RunMemory, TooMuch};

/// A run that cannot start or go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The network of the config cannot be built for this data.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The aim of the start cannot be had.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The sizes that were given for an MLP are not those of the data.
    #[error("the network is to have {given} {side}, and the data has {there}; give the sizes as [{}]", if *side == "inputs" { format!("{there}, …") } else { format!("…, {there}") })]
    Sizes {
        /// `inputs` or `outputs`.
        side: &'static str,
        /// Number on that side, as the config gives it.
        given: usize,
        /// Number on that side, as the data has it.
        there: usize,
    },
    /// The run takes more memory than there is.
    #[error("{0}")]
    Memory(#[from] TooMuch),
    /// An initialiser cannot fill a parameter.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A batch is too small for batch norm.
    #[error("train.batch_size {0}")]
    OneValue(#[from] OneValue),
    /// LSUV would measure batch norm on one image.
    #[error(
        "init.lsuv.images: {layer} normalises one value for each channel of a single image to 0; measure on 2 or more, or leave lsuv out"
    )]
    LsuvOfOne {
        /// Name of the batch norm.
        layer: String,
    },
    /// LSUV cannot rescale a layer.
    #[error(transparent)]
    Lsuv(#[from] LsuvError),
    /// The records cannot be written or read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The parametrisation does not go with the rest.
    #[error(transparent)]
    Parametrisation(#[from] Unfit),
    /// The noise of gradients is asked for of a network in which images depend on each other.
    #[error("stats.noise_every {0}")]
    Noise(#[from] Dependent),
    /// The device failed.
    #[error("the device failed: {0}; try --device cpu")]
    Device(#[from] candle_core::Error),
    /// Another run of the same cohort met an error, which ended all of them.
    #[error("ended by the failure of a run that trained together with this one; the same command goes on with it")]
    Together,
    /// The directory holds another run than the one to go on with.
    #[error(
        "{path}: cannot go on, because {what} of the run there differs; use the same, or start anew with --overwrite"
    )]
    OtherRun {
        /// The directory.
        path: String,
        /// Part of the run that differs.
        what: String,
    },
}

impl TrainError {
    /// Describes the error of a run within a study, where no option makes a single run anew.
    #[must_use]
    pub fn in_study(self) -> String {
        match self {
            Self::Record(error) => error.in_study().to_string(),
            Self::OtherRun { path, what } => format!(
                "{path}: cannot go on, because {what} of the run there differs; remove this directory, and the same \
                 command makes the run again"
            ),
            Self::Build(_)
            | Self::Sizes { .. }
            | Self::Resolve(_)
            | Self::Memory(_)
            | Self::Init(_)
            | Self::OneValue(_)
            | Self::LsuvOfOne { .. }
            | Self::Lsuv(_)
            | Self::Noise(_)
            | Self::Parametrisation(_)
            | Self::Device(_)
            | Self::Together => self.to_string(),
        }
    }
}

/// A shift that LSUV has moved.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedShift {
    /// Name of the weight layer before the activation.
    pub layer: String,
    /// Place of the activation in `nn.Sequential`.
    pub module: String,
    /// Number that the activation subtracts.
    pub shift: f64,
}

/// The module after `key`: `5` after `4`, `4.body.3` after `4.body.2`.
fn module_after(key: &str) -> String {
    let (before, last) = key.split_at(key.rfind('.').map_or(0, |dot| dot + 1));
    format!("{before}{}", last.parse::<usize>().expect("a module's key ends with its place") + 1)
}

/// Everything about a run that is known before its first step.
#[derive(Clone)]
pub struct Plan {
    /// The config.
    pub experiment: Experiment,
    /// The data.
    pub data: Prepared,
    /// The network; LSUV may have moved its shifts.
    pub network: Arc<Network>,
    /// Every parameter at the start, in PyTorch's order.
    pub start: Vec<Vec<f32>>,
    /// The loss.
    pub loss: Loss,
}

impl Plan {
    /// Builds the network and draws its start.
    ///
    /// # Errors
    /// The network or its start is impossible; says where.
    pub fn new(experiment: Experiment, data: Prepared) -> Result<Self, TrainError> {
        let resolved = experiment.resolved()?;
        let outputs = outputs(&experiment, data.classes());
        unfit::check(&experiment.model, &experiment.init, &experiment.optimizer.rule)?;
        let mut network = network(&resolved.model, data.image_dims(), outputs)?;
        set_rates(&mut network, &resolved.init, &resolved.model, &experiment.optimizer.rule);
        let network = Arc::new(network);
        batch_size::check(&experiment, &network, data.len(Part::Train))?;
        batch_size::check_noise(&experiment, &network)?;
        memory::check(&memory::of_start(&network))?;
        let values = initialise(&network, &resolved.init, &resolved.model, experiment.seed)?;
        let loss = experiment.train.loss;
        let mut plan = Self { experiment, data, network, start: values, loss };
        plan.apply_lsuv()?;
        Ok(plan)
    }

    fn apply_lsuv(&mut self) -> Result<(), TrainError> {
        let Some(config) = self.experiment.init.lsuv else { return Ok(()) };
        if let (1, Some(layer)) = (config.images, batch_size::one_value(&self.network)) {
            return Err(TrainError::LsuvOfOne { layer: layer.into() });
        }
        let mut model = CpuModel::new(Arc::clone(&self.network), 1);
        for (i, values) in self.start.iter().enumerate() {
            model.set_param(i, values);
        }
        let n = self.data.len(Part::Train);
        let mut images = epoch_order(self.experiment.seed, 0, n);
        images.truncate(config.images);
        lsuv(&mut model, &config, images.len(), |rows, out| self.data.gather(Part::Train, &images[rows], out))?;
        self.network = Arc::clone(model.network());
        self.start = (0..self.network.params.len()).map(|i| model.param(i).into_owned()).collect();
        Ok(())
    }

    /// Estimates the memory of the run on `threads` cores.
    pub fn memory(&self, threads: usize) -> RunMemory {
        memory::of_run(&self.experiment, &self.network, DataSize::of(&self.data), threads)
    }

    /// True if this run and the other can train together in a cohort. Seed, start, learning rate, schedule, target and the ReLUs'
    /// parameters may differ; everything else must be the same.
    pub fn like(&self, other: &Self) -> bool {
        let shared = |plan: &Self| {
            let Experiment { train, stats, record, optimizer, .. } = plan.experiment.clone();
            (TrainConfig { target_accuracy: None, ..train }, stats, record, optimizer.rule, plan.loss)
        };
        self.network.like(&other.network)
            && shared(self) == shared(other)
            && self.data.dataset().sha256 == other.data.dataset().sha256
            && self.data.split() == other.data.split()
            && self.data.normalization() == other.data.normalization()
    }

    /// Returns a notice, to be shown before training, where the data cannot fill a batch.
    pub fn batch_notice(&self) -> Option<String> {
        batch_size::notice(self.experiment.train.batch_size, self.data.len(Part::Train))
    }

    /// Batches in an epoch; the last may be short.
    pub fn steps_per_epoch(&self) -> u64 {
        self.data.len(Part::Train).div_ceil(self.experiment.train.batch_size) as u64
    }

    /// Steps between two evaluations.
    pub fn evaluate_every(&self) -> u64 {
        self.experiment.train.evaluate_every.map_or_else(|| self.steps_per_epoch(), |steps| steps as u64)
    }

    /// The learning rate of `step`.
    pub fn lr(&self, step: u64) -> f64 {
        self.experiment.optimizer.lr * self.experiment.schedule.factor(step, self.total_steps())
    }

    /// The part of its epoch's order that `step` takes.
    pub fn rows_of_epoch(&self, step: u64) -> std::ops::Range<usize> {
        let size = self.experiment.train.batch_size;
        let first = (step % self.steps_per_epoch()) as usize * size;
        first..(first + size).min(self.data.len(Part::Train))
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        match self.experiment.train.budget {
            Budget::Epochs(epochs) => (epochs as u64).saturating_mul(self.steps_per_epoch()),
            Budget::Steps(steps) => steps as u64,
        }
    }

    /// The shifts that LSUV has moved: part of the network, and in no config.
    pub fn moved_shifts(&self) -> Vec<MovedShift> {
        if self.experiment.init.lsuv.is_none_or(|lsuv| lsuv.mean != LsuvMean::Shift) {
            return Vec::new();
        }
        let moved = |layer: &&Layer| {
            let form = layer.activation.relu_form()?;
            let weighs = matches!(layer.op, Op::Linear | Op::Conv2d(_));
            weighs.then(|| MovedShift {
                layer: layer.name.clone(),
                module: module_after(&layer.key),
                shift: form.shift,
            })
        };
        self.network.flat_layers().iter().filter_map(moved).collect()
    }

    /// The parameters as a `state_dict` names them, with batch norm's running estimates and the shifts that LSUV has moved
    /// (`1.shift`, a buffer of the activation's module, which a plain ReLU refuses to load).
    pub fn state_dict<'v>(
        &self,
        params: impl IntoIterator<Item = Cow<'v, [f32]>>,
        running: &'v [f32],
        batches_seen: u64,
    ) -> Vec<NamedTensor<'v>> {
        let named = self.network.params.iter().zip(params);
        let mut all: Vec<_> =
            named.map(|(param, values)| NamedTensor::f32(param.key.clone(), param.shape.clone(), values)).collect();
        for (key, range) in &self.network.running {
            all.push(NamedTensor::f32(key.clone(), vec![range.len()], &running[range.clone()]));
            if let Some(module) = key.strip_suffix(".running_var") {
                all.push(NamedTensor::i64(format!("{module}.num_batches_tracked"), vec![], vec![batches_seen as i64]));
            }
        }
        for MovedShift { module, shift, .. } in self.moved_shifts() {
            all.push(NamedTensor::f32(format!("{module}.shift"), vec![], vec![shift as f32]));
        }
        all
    }

    /// The parameters at the start, to be written or set.
    pub fn initial_params(&self) -> impl Iterator<Item = Cow<'_, [f32]>> {
        self.start.iter().map(|values| Cow::from(values.as_slice()))
    }

    /// Describes the network for a reader of the weights, who is to rebuild it: its modules in the order of `nn.Sequential`.
    pub fn about(&self) -> serde_json::Value {
        let layers: Vec<_> = self
            .network
            .flat_layers()
            .iter()
            .map(|layer| {
                json!({
                    "module": layer.key,
                    "name": layer.name,
                    "input": layer.input.dims(),
                    "output": layer.output.dims(),
                    "activation": layer.activation,
                })
            })
            .collect();
        let normalization = self.data.normalization();
        json!({
            "name": self.experiment.name,
            "seed": self.experiment.seed,
            "layers": layers,
            "normalization": if let [all] = normalization { json!(all) } else { json!(normalization) },
        })
    }
}

/// Outputs of the experiment's network for so many classes.
pub fn outputs(experiment: &Experiment, classes: usize) -> usize {
    (experiment.train.loss.row().outputs)(classes)
}

/// The network that `model` describes for images of these channels, height and width.
///
/// # Errors
/// The shapes do not fit; says in which stage.
pub fn network(model: &ModelConfig, image: [usize; 3], outputs: usize) -> Result<Network, BuildError> {
    let [channels, height, width] = image;
    build(model, Shape::Image { channels, height, width }, outputs)
}
