//! What a study would take, from a few steps of some of its runs.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::config::experiment::Budget;
use crate::data::Part;
use crate::record::run_dir::Existing;
use crate::study::Campaign;
use crate::study::plan::{PlannedRun, Shard};
use crate::train::engine::Compute;
use crate::train::{Plan, TrainError, train};

/// The plan of a study in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Arms.
    pub arms: usize,
    /// Points of the grid.
    pub points: usize,
    /// Seeds.
    pub seeds: usize,
    /// Runs of the verdict, of this shard.
    pub runs: usize,
    /// Runs of the search for learning rates, of this shard; a best rate at an edge adds some.
    pub tuning_runs: usize,
    /// Names of the directories of the runs that are missing.
    pub missing: Vec<String>,
    /// Runs side by side.
    pub threads: usize,
    /// Seconds for what is missing.
    pub seconds: f64,
    /// Bytes on disk for what is missing.
    pub bytes: f64,
}

/// Steps that are taken of a run.
const STEPS: usize = 12;
/// Cells of which steps are taken.
const SAMPLES: usize = 5;

/// Estimates what is missing in `dir` of the shard's part of `first`, the search for learning rates, and of the study's
/// runs, with `threads` runs side by side.
///
/// # Errors
/// A run that cannot be tried.
pub fn estimate(
    campaign: &Campaign,
    first: &[PlannedRun],
    shard: Shard,
    dir: &Path,
    threads: usize,
) -> Result<Estimate, TrainError> {
    let missing: Vec<&PlannedRun> =
        shard.missing(first, dir)?.into_iter().chain(shard.missing(&campaign.runs, dir)?).collect();
    let samples = samples(campaign, &missing)?;
    let nearest = |run: &PlannedRun| {
        let distance = |sample: &Sample| (sample.cost / campaign.cost(run)).ln().abs();
        samples.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("a missing run gives a sample")
    };
    let seconds = |run: &PlannedRun| {
        let sample = nearest(run);
        sample.seconds * campaign.cost(run) / sample.cost
    };
    let longest = missing.iter().map(|run| seconds(run)).fold(0.0, f64::max);
    let all: f64 = missing.iter().map(|run| seconds(run)).sum();
    let study = &campaign.study;
    Ok(Estimate {
        arms: study.arms.len(),
        points: study.cells.len() / study.arms.len(),
        seeds: study.seeds.len(),
        runs: shard.of_all(&campaign.runs).count(),
        tuning_runs: shard.of_all(first).count(),
        missing: missing.iter().map(|run| run.name.clone()).collect(),
        threads,
        seconds: (all / threads.min(missing.len()).max(1) as f64).max(longest),
        bytes: missing.iter().map(|run| nearest(run).bytes).sum(),
    })
}

/// A run of which some steps were taken.
struct Sample {
    cost: f64,
    /// Seconds of the whole run.
    seconds: f64,
    /// Bytes of its records.
    bytes: f64,
}

/// Samples of runs from the cheapest to the most expensive.
fn samples(campaign: &Campaign, runs: &[&PlannedRun]) -> Result<Vec<Sample>, TrainError> {
    let mut kinds: Vec<&PlannedRun> = runs.to_vec();
    kinds.sort_by(|a, b| campaign.cost(a).total_cmp(&campaign.cost(b)));
    kinds.dedup_by(|a, b| campaign.cost(a) == campaign.cost(b));
    let last = kinds.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..SAMPLES.min(kinds.len())).map(|i| i * last / (SAMPLES - 1)).collect();
    places.push(last);
    places.dedup();
    places.into_iter().filter_map(|place| kinds.get(place)).map(|run| sample(campaign, run)).collect()
}

fn sample(campaign: &Campaign, run: &PlannedRun) -> Result<Sample, TrainError> {
    let data = campaign.data.of(run.experiment.data.split);
    let whole = Plan::new(run.experiment.clone(), data.clone())?;
    let total = whole.total_steps() as f64;
    let mut short = whole.clone();
    short.experiment.train.budget = Budget::Steps(STEPS);
    short.experiment.train.evaluate_every = None;
    let dir = tempfile::tempdir().map_err(|source| {
        let path = std::env::temp_dir();
        crate::record::RecordError::io(&path, "creating a directory")(source)
    })?;
    let begun = std::time::Instant::now();
    let compute = Compute::Cpu { threads: 1 };
    let summary = train(&short, &compute, dir.path(), Existing::Keep, &AtomicBool::new(false), |_| {})?;
    let step = summary.timing.train_s / STEPS as f64;
    let evaluation = (begun.elapsed().as_secs_f64() - summary.timing.train_s).max(0.0);
    let experiment = &run.experiment;
    let per_epoch = data.len(Part::Train).div_ceil(experiment.train.batch_size);
    let evaluations = (total / experiment.train.evaluate_every.unwrap_or(per_epoch) as f64).ceil();

    let size = |name: &str| std::fs::metadata(dir.path().join(name)).map_or(0.0, |meta| meta.len() as f64);
    let every = |steps: usize, of: f64| if steps == 0 { 0.0 } else { (of / steps as f64).ceil() };
    // Each block of lines is a recorded step or an evaluation.
    let blocks = every(experiment.stats.every, STEPS as f64) + 1.0;
    let layers = size("layers.csv") / blocks * (every(experiment.stats.every, total) + evaluations);
    let histograms = every(experiment.stats.histogram_every, STEPS as f64).max(1.0);
    let histograms = size("histograms.safetensors") / histograms * every(experiment.stats.histogram_every, total);
    let fixed = size("init.safetensors") + size("model.safetensors") + size("config.toml") + size("run.json");
    let steps = size("steps.csv") / STEPS as f64 * total + size("epochs.csv") * evaluations;
    Ok(Sample {
        cost: campaign.cost(run),
        seconds: step * total + evaluation * evaluations,
        bytes: fixed + steps + layers + histograms,
    })
}
