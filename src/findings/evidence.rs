//! A run's records in the few numbers that rules look at: its hidden layers at the first step and at the end, and the course of its loss.

use crate::activation::Activation;
use crate::config::Experiment;
use crate::config::resolve::Resolved;
use crate::model::build::build;
use crate::model::{Network, Shape};
use crate::record::read::{LayerColumns, RunRecords};
use crate::record::summary::Summary;

/// Blocks that a run's steps are averaged over.
const BLOCKS: usize = 20;

/// Facts about a run, as rules look at them.
pub struct Evidence<'a> {
    /// The records.
    pub run: &'a RunRecords,
    /// Its config; absent where this version cannot read it.
    pub experiment: Option<Experiment>,
    /// Its config with the aim carried out.
    pub resolved: Option<Resolved>,
    /// The network of the config; absent where the records do not say for which images.
    pub network: Option<Network>,
    /// The layers with an activation, in order; without a network all recorded layers but the last.
    pub hidden: Vec<Hidden<'a>>,
    /// Mean training loss of a twentieth of the steps each, of steps whose loss is finite; of fewer steps a block each.
    pub blocks: Vec<f64>,
}

/// A layer with an activation.
pub struct Hidden<'a> {
    /// Its records.
    pub columns: &'a LayerColumns,
    /// φ, where the network is known.
    pub activation: Option<Activation>,
    /// Units.
    pub units: Option<usize>,
    /// Values for a sample.
    pub values: Option<usize>,
}

impl<'a> Evidence<'a> {
    /// Gathers the facts from the records.
    pub fn of(run: &'a RunRecords) -> Self {
        let experiment = Experiment::parse("config.toml", &run.config, &[]).ok();
        let resolved = experiment.as_ref().and_then(|experiment| experiment.resolved().ok());
        let network = experiment.as_ref().zip(resolved.as_ref()).zip(run.summary.as_ref()).and_then(network);
        let hidden = hidden(run, network.as_ref());
        Self { run, experiment, resolved, network, hidden, blocks: blocks(run.steps.get("loss")) }
    }

    /// The run's summary, if it has ended.
    pub fn summary(&self) -> Option<&'a Summary> {
        self.run.summary.as_ref()
    }

    /// Accuracy of guessing.
    pub fn chance(&self) -> Option<f64> {
        self.summary().map(|summary| summary.classes).filter(|&classes| classes > 1).map(|n| 1.0 / n as f64)
    }

    /// The loss of an answer that is the same for every image, where classes are equally many.
    pub fn blind(&self) -> Option<f64> {
        let classes = self.summary()?.classes;
        let labels: Vec<u8> = (0..classes).map(|class| class as u8).collect();
        let loss = self.experiment.as_ref()?.train.loss;
        (classes > 1).then(|| (loss.row().blind)(&labels, classes))
    }

    /// The share of the way from guessing to no mistake that the last evaluation has come.
    pub fn learnt(&self) -> Option<f64> {
        let (accuracy, chance) = (self.summary()?.test_accuracy?, self.chance()?);
        Some((accuracy - chance) / (1.0 - chance))
    }

    /// True if a hidden layer's weights start at 0.
    pub fn starts_at_0(&self) -> bool {
        self.hidden.iter().any(|layer| layer.at_start("weight_norm") == Some(0.0))
    }

    /// True if it ended because numbers were not finite.
    pub fn has_diverged(&self) -> bool {
        self.summary().is_some_and(|summary| summary.diverged.is_some())
    }
}

impl Hidden<'_> {
    /// The layer's name.
    pub fn name(&self) -> &str {
        &self.columns.name
    }

    /// A statistic at the run's first step, if that was recorded and is finite.
    pub fn at_start(&self, name: &str) -> Option<f64> {
        let train = &self.columns.train;
        let first = train.steps.first().filter(|&&step| step == 0).and_then(|_| train.get(name).first());
        first.copied().map(f64::from).filter(|x| x.is_finite())
    }
}

/// The network of a config for the images that the summary tells of.
fn network(((experiment, resolved), summary): ((&Experiment, &Resolved), &Summary)) -> Option<Network> {
    let [height, width] = summary.image_size;
    if summary.classes == 0 || height == 0 || width == 0 {
        return None;
    }
    let outputs = (experiment.train.loss.row().outputs)(summary.classes);
    build(&resolved.model, Shape::Image { channels: summary.channels, height, width }, outputs).ok()
}

fn hidden<'a>(run: &'a RunRecords, network: Option<&Network>) -> Vec<Hidden<'a>> {
    let unknown = |columns| Hidden { columns, activation: None, units: None, values: None };
    let Some(network) = network else {
        return run.layers.iter().rev().skip(1).rev().map(unknown).collect();
    };
    let flat = network.flat_layers();
    let known = |columns: &'a LayerColumns| {
        let layer = flat.iter().find(|layer| layer.observation.is_some() && layer.name == columns.name)?;
        let (units, values) = (Some(layer.output.units()), Some(layer.output.len()));
        Some(Hidden { columns, activation: Some(layer.activation), units, values })
    };
    let all: Vec<Hidden<'a>> = run.layers.iter().filter_map(known).collect();
    let is_active = |layer: &Hidden<'_>| layer.activation.is_some_and(|phi| phi != Activation::Identity);
    if !all.iter().any(is_active) {
        return all.into_iter().rev().skip(1).rev().collect();
    }
    all.into_iter().filter(is_active).collect()
}

/// Means of the losses in at most [`BLOCKS`] blocks.
fn blocks(losses: &[f64]) -> Vec<f64> {
    let losses: Vec<f64> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
    let n = losses.len().min(BLOCKS);
    let block = |i: usize| &losses[i * losses.len() / n..(i + 1) * losses.len() / n];
    (0..n).map(|i| block(i).iter().sum::<f64>() / block(i).len() as f64).collect()
}
