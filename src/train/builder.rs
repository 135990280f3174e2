//! Runs from Rust, without a config's text and without a directory.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::Device;

use crate::activation::Activation;
use crate::config::Experiment;
use crate::config::init::InitConfig;
use crate::config::model::{Body, Head, Stage};
use crate::config::train::Budget;
use crate::data::Prepared;
use crate::init::{Aim, InitRule, Preset};
use crate::model::{CandleNetwork, Network};
use crate::optim::{KINDS, Optimizer};
use crate::record::row::Row;
use crate::record::rows::{EpochRow, StepRow};
use crate::record::sharpness::SharpnessRow;
use crate::record::summary::Summary;
use crate::train::engine::Compute;
use crate::train::group::train_into;
use crate::train::prepare::{Plan, TrainError};
use crate::train::sinks::memory::{Memory, Rows};
use crate::train::sinks::{Ended, Sink};

/// The config that a builder begins with: one place has the defaults, the tables of keys.
const USUAL: &str = "model = { kind = 'mlp', widths = [] }\noptimizer.lr = 0.1\ntrain = { epochs = 1 }";

/// An experiment that is being described, made by [`Experiment::mlp`] and [`Experiment::cnn`]; what is not said is a config's default.
///
/// ```
/// use initlab::config::Experiment;
/// use initlab::data::{Choice, Prepared};
/// use initlab::{Activation, Preset};
///
/// let trained = Experiment::mlp([784, 50, 10])
///     .activation(Activation::Relu)
///     .init(Preset::Kaiming)
///     .sgd(0.1)
///     .steps(20)
///     .on(Prepared::load(Choice::Digits)?)?
///     .run()?;
/// assert_eq!(trained.steps.len(), 20);
/// assert!(trained.steps[19].loss < trained.steps[0].loss);
/// assert!(trained.layers[0].get("act_std").is_some());
/// assert_eq!(trained.parameter("linear1.weight").map(<[f32]>::len), Some(50 * 784));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    experiment: Experiment,
    /// Inputs and outputs, where they were said.
    ends: [Option<usize>; 2],
}

impl Experiment {
    /// An MLP whose layers have these sizes, from the pixels of an image to the classes: `[784, 100, 10]` has one hidden layer.
    ///
    /// # Panics
    /// There are fewer than two sizes.
    pub fn mlp(sizes: impl AsRef<[usize]>) -> Builder {
        let [inputs, widths @ .., outputs] = sizes.as_ref() else {
            panic!("an MLP has at least two sizes, its inputs and its outputs; found {:?}", sizes.as_ref())
        };
        let mut builder = Builder::usual();
        builder.experiment.model.body = Body::Mlp { widths: widths.to_vec() };
        builder.ends = [Some(*inputs), Some(*outputs)];
        builder
    }

    /// A CNN of 3×3 convolutions with stride 2 and these channels, the mean over each channel, and a linear layer.
    pub fn cnn(channels: impl AsRef<[usize]>) -> Builder {
        let stage =
            |&channels: &usize| Stage { channels, kernel: [3, 3], stride: 2, padding: 1, layers: 1, pool: None };
        let stages = channels.as_ref().iter().map(stage).collect();
        let mut builder = Builder::usual();
        builder.experiment.model.body = Body::Cnn { stages, head: Head::GlobalAverage, hidden: Vec::new() };
        builder
    }
}

impl Builder {
    fn usual() -> Self {
        let experiment = Experiment::parse("experiment", USUAL, &[]).expect("the usual config is one");
        Self { experiment, ends: [None; 2] }
    }

    /// φ after every layer but the last; ReLU otherwise.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.experiment.model.activation = activation;
        self
    }

    /// How the parameters start: a preset, rules, an aim or a whole `[init]`; Kaiming otherwise.
    #[must_use]
    pub fn init(mut self, init: impl Into<InitConfig>) -> Self {
        self.experiment.init = init.into();
        self
    }

    /// Plain stochastic gradient descent with this learning rate.
    #[must_use]
    pub fn sgd(self, lr: f64) -> Self {
        self.optimizer(KINDS[0].usual(), lr)
    }

    /// Any optimiser with this learning rate.
    #[must_use]
    pub fn optimizer(mut self, rule: Optimizer, lr: f64) -> Self {
        (self.experiment.optimizer.rule, self.experiment.optimizer.lr) = (rule, lr);
        self
    }

    /// Trains for so many passes over the training images; 1 otherwise.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.experiment.train.budget = Budget::Epochs(epochs);
        self
    }

    /// Trains for so many steps.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.experiment.train.budget = Budget::Steps(steps);
        self
    }

    /// Images in a batch.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.experiment.train.batch_size = batch_size;
        self
    }

    /// The seed of every random stream; 0 otherwise.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.experiment.seed = seed;
        self
    }

    /// The experiment as a config has it, to change what no method does.
    pub fn experiment_mut(&mut self) -> &mut Experiment {
        &mut self.experiment
    }

    /// Draws the start for these images.
    ///
    /// # Errors
    /// The network does not fit the images, or its start is impossible.
    pub fn on(self, data: Prepared) -> Result<Run, TrainError> {
        let plan = Plan::new(self.experiment, data)?;
        let there = [plan.network.input.len(), plan.network.output().len()];
        for ((side, given), there) in ["inputs", "outputs"].into_iter().zip(self.ends).zip(there) {
            if let Some(given) = given.filter(|&given| given != there) {
                return Err(TrainError::Sizes { side, given, there });
            }
        }
        Ok(Run::of(plan))
    }
}

/// A run that is ready: [`Run::run`] trains it in memory.
#[derive(Clone)]
pub struct Run {
    /// Network, start and data.
    pub plan: Plan,
    threads: usize,
}

impl Run {
    /// The run of a plan, to be trained in memory.
    pub fn of(plan: Plan) -> Self {
        Self { plan, threads: 1 }
    }

    /// Trains with so many threads; the numbers do not depend on it.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Trains to the end. A run that diverges has ended early, which its summary says.
    ///
    /// # Errors
    /// None on the CPU but those of its libraries.
    pub fn run(self) -> Result<Trained, TrainError> {
        let (mut rows, mut weights) = (Rows::default(), Weights::default());
        let sinks: Vec<Box<dyn Sink + '_>> = vec![Box::new(Memory::new(&mut rows)), Box::new(Last(&mut weights))];
        let compute = Compute::Cpu { threads: self.threads };
        let summary = train_into(&self.plan, &compute, sinks, &AtomicBool::new(false), |_| {})?;
        let names: Vec<String> = self.plan.network.observed.iter().map(|layer| layer.name.clone()).collect();
        let layers =
            rows.layers.iter().filter(|seen| seen.phase == "train").map(|seen| Row::new(seen, &names)).collect();
        let Weights { params, running } = weights;
        let network = Arc::clone(&self.plan.network);
        let Rows { steps, epochs, sharpness, .. } = rows;
        Ok(Trained { network, params, running, summary, steps, epochs, layers, sharpness })
    }
}

/// A run that has ended, in memory.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The network.
    pub network: Arc<Network>,
    /// Every parameter at the end, in the order of [`Network::params`] and PyTorch's layout.
    pub params: Vec<Vec<f32>>,
    /// Batch norm's running estimates.
    pub running: Vec<f32>,
    /// How it ended, with accuracies and losses.
    pub summary: Summary,
    /// Loss, accuracy, learning rate and gradient norm of each step.
    pub steps: Vec<StepRow>,
    /// Each evaluation on the test images.
    pub epochs: Vec<EpochRow>,
    /// Each layer's statistics in each recorded training step.
    pub layers: Vec<Row>,
    /// The sharpness at the start and after every `stats.sharpness_every` steps.
    pub sharpness: Vec<SharpnessRow>,
}

impl Trained {
    /// The parameter called `name`, as `conv2.weight`.
    pub fn parameter(&self, name: &str) -> Option<&[f32]> {
        let at = self.network.params.iter().position(|param| param.name == name)?;
        Some(&self.params[at])
    }

    /// The trained network as a module of candle.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn to_candle(&self, device: &Device) -> candle_core::Result<CandleNetwork> {
        self.network.to_candle(&self.params, &self.running, device)
    }
}

/// The weights at the end.
#[derive(Default)]
struct Weights {
    params: Vec<Vec<f32>>,
    running: Vec<f32>,
}

/// Keeps the weights at the end.
struct Last<'a>(&'a mut Weights);

impl Sink for Last<'_> {
    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        self.0.params = ended.weights.params.iter().map(|values| values.to_vec()).collect();
        self.0.running.clone_from(&ended.weights.running);
        Ok(())
    }
}

impl From<InitRule> for InitConfig {
    fn from(rule: InitRule) -> Self {
        Self { rule, ..Self::kaiming() }
    }
}

impl From<Preset> for InitConfig {
    fn from(preset: Preset) -> Self {
        preset.rule().into()
    }
}

impl From<Aim> for InitConfig {
    fn from(aim: Aim) -> Self {
        Self { aim: Some(aim), ..Self::kaiming() }
    }
}
