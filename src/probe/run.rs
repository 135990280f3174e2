//! The probe as a whole: images, seeds side by side, predictions, conclusions.

use rayon::prelude::*;

use crate::config::Experiment;
use crate::data::{Part, Prepared};
use crate::probe::band::CONFIDENCE;
use crate::probe::board::{Board, Probed};
use crate::probe::error::ProbeError;
use crate::probe::jacobian::MAX_OUTPUTS;
use crate::probe::measure::{Measured, correlation, measure};
use crate::probe::record::{InputRecord, LayerRecord, ProbeRecord, Verdict};
use crate::probe::rows::rows;
use crate::probe::sample::Sample;
use crate::probe::verdict::conclude;
use crate::train::{Plan, TrainError, memory};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Networks, from the experiment's seed upwards.
    pub seeds: usize,
    /// Pairs of images of each kind; twice as many images of each kind are sent through.
    pub pairs: usize,
    /// Seeds at a time; the result does not depend on it.
    pub threads: usize,
}

/// Probes the network of `experiment` on images of `data`. `done` is called after each seed.
///
/// # Errors
/// The network or its start is impossible, or there are too few images.
pub fn probe(
    experiment: &Experiment,
    data: &Prepared,
    options: Probe,
    done: impl Fn() + Sync,
) -> Result<ProbeRecord, ProbeError> {
    let sample = Sample::new(data, experiment.seed, options.pairs);
    if sample.is_empty() {
        let found = data.labels(Part::Train).len();
        return Err(ProbeError::Images { dataset: data.dataset().name.clone(), found });
    }
    let seeds: Vec<u64> = (0..options.seeds as u64).map(|i| experiment.seed.wrapping_add(i)).collect();
    let plan_of = |seed| Plan::new(Experiment { seed, ..experiment.clone() }, data.clone());
    let plan = plan_of(experiment.seed)?;
    let network = plan.network.with_activations_apart();
    memory::check(&memory::of_probe(&experiment.model, &network, sample.len(), options.threads.min(options.seeds)))
        .map_err(TrainError::from)?;
    let rows = rows(&network);
    // Batch norm makes nothing of a single image.
    let jacobian = network.output().len() <= MAX_OUTPUTS && network.running.is_empty();
    let one = |&seed: &u64| {
        let measured = measure(&plan_of(seed)?, &rows, &sample, jacobian);
        done();
        Ok(measured)
    };
    let measured = side_by_side(&seeds, options.threads, one)?;

    let config = experiment.resolved().map_err(TrainError::from)?;
    let board =
        Board::new(Probed { network: &network, config: &config, plan: &plan, sample: &sample }, &rows, &measured);
    let input = sample.first_square();
    let layers: Vec<LayerRecord> = (0..rows.len()).map(|i| board.layer(i, input)).collect();
    let hidden = rows.iter().filter(|row| row.h.is_some()).count();
    let first = rows.iter().find(|row| row.h.is_some());
    let mut report = ProbeRecord {
        name: experiment.name.clone(),
        dataset: data.dataset().name.clone(),
        images: sample.len(),
        pairs: sample.same.len().max(sample.different.len()),
        seeds,
        depth: hidden,
        activation: first.map_or_else(|| "identity".into(), |row| row.activation.to_string()),
        init: experiment.init.rule.weight.name().into(),
        confidence: CONFIDENCE,
        input: input_report(&sample),
        layers,
        jacobian: jacobian.then(|| board.jacobian()).flatten(),
        born_dead: board.exact.born_dead,
        far: board.far(),
        sharpness: None,
        verdict: Verdict::default(),
        findings: Vec::new(),
    };
    (report.verdict, report.findings) = conclude(&report, board.leaving(), &board.zeros, experiment);
    Ok(report)
}

/// Applies `one` to every seed, `threads` of them at a time.
fn side_by_side(
    seeds: &[u64],
    threads: usize,
    one: impl Fn(&u64) -> Result<Measured, TrainError> + Sync + Send,
) -> Result<Vec<Measured>, TrainError> {
    match rayon::ThreadPoolBuilder::new().num_threads(threads.clamp(1, seeds.len().max(1))).build() {
        Ok(pool) => pool.install(|| seeds.par_iter().map(one).collect()),
        // The system starts no threads; one after the other gives the same.
        Err(_) => seeds.iter().map(one).collect(),
    }
}

fn input_report(sample: &Sample) -> InputRecord {
    let squares: f64 = sample.images.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let of = |pairs: &[(usize, usize)]| correlation(&sample.images, sample.len(), pairs);
    InputRecord {
        second_moment: squares / sample.images.len() as f64,
        correlation_same: of(&sample.same),
        correlation_different: of(&sample.different),
    }
}
