//! The check as a whole: every width with every seed, side by side, and the exponents.

use rayon::prelude::*;

use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::data::Prepared;
use crate::model::{Layer, Network, Role};
use crate::train::memory::{self, DataSize};
use crate::train::prepare::{network, outputs};
use crate::train::{Plan, TrainError};
use crate::width::coordinates::{Coordinates, coordinates, images, is_measured};
use crate::width::error::WidthError;
use crate::width::fit::{CONFIDENCE, growth};
use crate::width::record::{LayerRecord, WidthRecord};
use crate::width::rules::of_check;
use crate::width::theory::{AtWidth, Exponents, Place, exponents};

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WidthCheck {
    /// Widths of the widest layer, growing; the others keep their proportion to it.
    pub widths: Vec<usize>,
    /// Networks of each width, from the experiment's seed upwards.
    pub seeds: usize,
    /// Steps of each.
    pub steps: usize,
}

/// Trains the network of `experiment` at every width for a few steps, on the threads of the current rayon pool, of whose number the result
/// does not depend. `done` is called after each run.
///
/// # Errors
/// There is no width to change, or a network or its start is impossible.
///
/// # Panics
/// If there is no width.
pub fn check(
    experiment: &Experiment,
    data: &Prepared,
    options: &WidthCheck,
    done: impl Fn() + Sync,
) -> Result<WidthRecord, WidthError> {
    if experiment.model.widest() == 0 {
        return Err(WidthError::NoHidden);
    }
    let seeds: Vec<u64> = (0..options.seeds as u64).map(|i| experiment.seed.wrapping_add(i)).collect();
    let experiments = at_widths(experiment, &options.widths)?;
    let [narrow, wide] = ends(&experiments, data)?;
    let images = images(experiment, data);
    let side_by_side = rayon::current_num_threads().min(seeds.len());
    let widest = &experiments[experiments.len() - 1];
    memory::check(&memory::of_watched_runs(widest, &wide.network, (DataSize::of(data), images), side_by_side))
        .map_err(TrainError::from)?;
    let resolved = experiment.resolved().map_err(TrainError::from)?;
    let (theory, no_theory) = match exponents(experiment, &resolved.init, [&narrow, &wide]) {
        Ok(exponents) => (Some(exponents), None),
        Err(reason) => (None, Some(reason)),
    };
    let measured = measure(&experiments, data, &seeds, options.steps, done)?;
    let mut record = WidthRecord {
        name: experiment.name.clone(),
        dataset: data.dataset().name.clone(),
        parametrisation: experiment.init.parametrisation,
        optimizer: experiment.optimizer,
        widths: options.widths.clone(),
        seeds,
        steps: options.steps,
        images,
        inputs: inputs(&narrow.network),
        confidence: CONFIDENCE,
        layers: layers(&narrow.network, &options.widths, &measured, theory.as_deref()),
        no_theory,
        findings: Vec::new(),
    };
    record.findings = of_check(&record);
    Ok(record)
}

/// The experiment at every width, without what a check has no use for.
fn at_widths(experiment: &Experiment, widths: &[usize]) -> Result<Vec<Experiment>, WidthError> {
    let mut plain = experiment.clone();
    let stats = &mut plain.stats;
    (stats.every, stats.histogram_every, stats.noise_every, stats.sharpness_every) = (0, 0, 0, 0);
    plain.train.target_accuracy = None;
    // No evaluation: all test images would take more than the steps.
    plain.train.evaluate_every = Some(u32::MAX as usize);
    let at = |&width: &usize| {
        let model = plain.model.of_width(width).map_err(|cause| WidthError::Width { width, cause })?;
        Ok(Experiment { model, ..plain.clone() })
    };
    widths.iter().map(at).collect()
}

/// The networks of the first and the last width.
fn ends(experiments: &[Experiment], data: &Prepared) -> Result<[AtWidth; 2], TrainError> {
    let at = |experiment: &Experiment| {
        let model = experiment.resolved()?.model;
        let network = network(&model, data.image_dims(), outputs(experiment, data.classes()))?;
        Ok::<_, TrainError>(AtWidth { width: model.widest(), model, network })
    };
    Ok([at(&experiments[0])?, at(&experiments[experiments.len() - 1])?])
}

/// Values that a unit of the first layer sees.
fn inputs(network: &Network) -> usize {
    network.params.iter().find(|param| param.role == Role::Weight).map_or(0, |param| param.fan_in)
}

/// Every width with every seed, `[width][seed]`.
fn measure(
    experiments: &[Experiment],
    data: &Prepared,
    seeds: &[u64],
    steps: usize,
    done: impl Fn() + Sync,
) -> Result<Vec<Vec<Coordinates>>, TrainError> {
    // The widest first, so that no core is left with one at the end.
    let jobs: Vec<(usize, u64)> =
        (0..experiments.len()).rev().flat_map(|width| seeds.iter().map(move |&seed| (width, seed))).collect();
    let one = |&(width, seed): &(usize, u64)| {
        let found = coordinates(&plan(&experiments[width], data, seed, steps)?, steps)?;
        done();
        Ok(found)
    };
    let found: Result<Vec<Coordinates>, TrainError> = jobs.par_iter().with_max_len(1).map(one).collect();
    let mut by_width: Vec<Vec<Coordinates>> = found?.chunks(seeds.len()).map(<[_]>::to_vec).collect();
    by_width.reverse();
    Ok(by_width)
}

/// The plan of one run, which is longer than `steps`, so that it does not end in an evaluation.
fn plan(experiment: &Experiment, data: &Prepared, seed: u64, steps: usize) -> Result<Plan, TrainError> {
    let mut plan = Plan::new(Experiment { seed, ..experiment.clone() }, data.clone())?;
    if plan.total_steps() <= steps as u64 {
        plan.experiment.train.budget = Budget::Steps(steps + 1);
    }
    Ok(plan)
}

/// Every layer's exponents.
fn layers(
    network: &Network,
    widths: &[usize],
    measured: &[Vec<Coordinates>],
    theory: Option<&[Exponents]>,
) -> Vec<LayerRecord> {
    let names: Vec<&Layer> = network.flat_layers().into_iter().filter(|layer| is_measured(layer)).collect();
    let steps = measured[0].first().map_or(0, |found| found.changes.len());
    let fit = |of: &dyn Fn(&Coordinates) -> Option<f64>, theory: Option<f64>| {
        growth(widths, measured.iter().map(|seeds| seeds.iter().map(of).collect()).collect(), theory)
    };
    let layer = |(i, layer): (usize, &&Layer)| {
        let theory = theory.map(|all| all[i]);
        let later = |step: usize| theory.and_then(|of| if step == 0 { of.first } else { of.later });
        LayerRecord {
            name: layer.name.clone(),
            place: Place::of(i, names.len()),
            start: fit(&|found| found.start[i], theory.and_then(|of| of.start)),
            changes: (0..steps).map(|step| fit(&|found| found.changes[step][i], later(step))).collect(),
        }
    };
    names.iter().enumerate().map(layer).collect()
}
