//! What a study would take, from a few steps of some of its runs.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::config::experiment::Budget;
use crate::data::Part;
use crate::record::run_dir::Existing;
use crate::study::Campaign;
use crate::study::forecast::{Course, State, Work, makespan, seconds_left};
use crate::study::plan::{PlannedRun, Shard};
use crate::train::engine::Compute;
use crate::train::{Event, Plan, TrainError, train};

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
    /// Seconds for what is missing, if no run stops early.
    pub seconds: f64,
    /// Bounds from runs that stop early, if any may.
    pub early: Option<Early>,
    /// Bytes on disk for what is missing, if no run stops early.
    pub bytes: f64,
}

/// The seconds that a study takes if runs stop at their target accuracy before they have taken all their steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early {
    /// Missing runs that have such a target.
    pub runs: usize,
    /// Seconds if all of them reach it at their first evaluation.
    pub least: f64,
    /// Runs that are there, and seconds if the others stop where those did; absent where none is.
    pub as_before: Option<(usize, f64)>,
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
    let missing: Vec<&PlannedRun> = campaign.order(&missing).into_iter().map(|at| missing[at]).collect();
    let samples = samples(campaign, &missing)?;
    let nearest = |run: &PlannedRun| {
        let distance = |sample: &Sample| (sample.cost / campaign.cost(run)).ln().abs();
        samples.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("a missing run gives a sample")
    };
    let scale = |run: &PlannedRun| campaign.cost(run) / nearest(run).cost;
    let whole = |run: &PlannedRun| nearest(run).seconds * scale(run);
    let stops = |run: &PlannedRun| run.experiment.train.target_accuracy.is_some();
    let least = |run: &PlannedRun| if stops(run) { nearest(run).to_first_evaluation * scale(run) } else { whole(run) };
    let stopping = missing.iter().filter(|run| stops(run)).count();
    let early = match stopping {
        0 => None,
        runs => Some(Early {
            runs,
            least: makespan(missing.iter().map(|run| least(run)), threads),
            as_before: as_before(campaign, &missing, &whole, first, dir, threads)?,
        }),
    };
    let study = &campaign.study;
    Ok(Estimate {
        arms: study.arms.len(),
        points: study.cells.len() / study.arms.len(),
        seeds: study.seeds.len(),
        runs: shard.of_all(&campaign.runs).count(),
        tuning_runs: shard.of_all(first).count(),
        missing: missing.iter().map(|run| run.name.clone()).collect(),
        threads,
        seconds: makespan(missing.iter().map(|run| whole(run)), threads),
        early,
        bytes: missing.iter().map(|run| nearest(run).bytes).sum(),
    })
}

/// How many runs are there, and the seconds for those that are missing if they stop where those did.
fn as_before(
    campaign: &Campaign,
    missing: &[&PlannedRun],
    seconds: &impl Fn(&PlannedRun) -> f64,
    first: &[PlannedRun],
    dir: &Path,
    threads: usize,
) -> Result<Option<(usize, f64)>, TrainError> {
    let work = |run: &PlannedRun, state: State| Work {
        arm: campaign.study.cells[run.cell].arm,
        cell: run.cell,
        cost: seconds(run),
        state,
    };
    let mut works: Vec<Work> = missing.iter().map(|run| work(run, State::Waiting)).collect();
    for run in first.iter().chain(&campaign.runs) {
        if let Some(summary) = run.result(dir)? {
            let to = summary.steps as f64 / summary.planned_steps.max(1) as f64;
            works.push(work(run, State::Over(Course { from: 0.0, to, seconds: to * seconds(run) })));
        }
    }
    let there = works.len() - missing.len();
    Ok(seconds_left(&works, threads).map(|seconds| (there, seconds)))
}

/// A run of which some steps were taken.
struct Sample {
    cost: f64,
    /// Seconds of the whole run.
    seconds: f64,
    /// Seconds until it is first evaluated.
    to_first_evaluation: f64,
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
    let begun = Instant::now();
    let (mut stepped, mut evaluation) = (begun, 0.0);
    let watch = |event: Event<'_>| match event {
        Event::Begin { .. } => {}
        Event::Step { .. } => stepped = Instant::now(),
        Event::Evaluated { .. } => evaluation = stepped.elapsed().as_secs_f64(),
    };
    let compute = Compute::Cpu { threads: 1 };
    let summary = train(&short, &compute, dir.path(), Existing::Keep, &AtomicBool::new(false), watch)?;
    let step = summary.timing.train_s / STEPS as f64;
    // The start, and the files.
    let once = (begun.elapsed().as_secs_f64() - summary.timing.train_s - evaluation).max(0.0);
    let experiment = &run.experiment;
    let per_epoch = data.len(Part::Train).div_ceil(experiment.train.batch_size);
    let evaluate_every = experiment.train.evaluate_every.unwrap_or(per_epoch) as f64;
    let evaluations = (total / evaluate_every).ceil();

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
        seconds: once + step * total + evaluation * evaluations,
        to_first_evaluation: once + step * total.min(evaluate_every) + evaluation,
        bytes: fixed + steps + layers + histograms,
    })
}
