//! Runs of a study of which a few steps were taken, to know what the others will take.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::config::experiment::Budget;
use crate::data::Part;
use crate::record::run_dir::Existing;
use crate::study::Campaign;
use crate::study::plan::PlannedRun;
use crate::train::engine::Compute;
use crate::train::{Event, Plan, TrainError, train};

/// Steps that are taken of a run.
const STEPS: usize = 12;
/// Cells of which steps are taken.
const SAMPLES: usize = 5;

/// Time and disk of some runs, measured on a core of this machine.
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Takes a few steps of some of `runs`, from the cheapest to the most expensive.
    ///
    /// # Errors
    /// A run that cannot be tried.
    pub fn take(campaign: &Campaign, runs: &[&PlannedRun]) -> Result<Self, TrainError> {
        let mut kinds: Vec<&PlannedRun> = runs.to_vec();
        kinds.sort_by(|a, b| campaign.cost(a).total_cmp(&campaign.cost(b)));
        kinds.dedup_by(|a, b| campaign.cost(a) == campaign.cost(b));
        let last = kinds.len().saturating_sub(1);
        let mut places: Vec<usize> = (0..SAMPLES.min(kinds.len())).map(|i| i * last / (SAMPLES - 1)).collect();
        places.push(last);
        places.dedup();
        let taken = places.into_iter().filter_map(|place| kinds.get(place)).map(|run| sample(campaign, run));
        taken.collect::<Result<_, _>>().map(Self)
    }

    /// Seconds of a run of this cost.
    ///
    /// # Panics
    /// If no run was sampled.
    pub fn seconds(&self, cost: f64) -> f64 {
        let nearest = self.nearest(cost);
        nearest.seconds * cost / nearest.cost
    }

    /// Seconds of it until it is first evaluated.
    ///
    /// # Panics
    /// If no run was sampled.
    pub fn to_first_evaluation(&self, cost: f64) -> f64 {
        let nearest = self.nearest(cost);
        nearest.to_first_evaluation * cost / nearest.cost
    }

    /// Bytes of its records.
    ///
    /// # Panics
    /// If no run was sampled.
    pub fn bytes(&self, cost: f64) -> f64 {
        self.nearest(cost).bytes
    }

    fn nearest(&self, cost: f64) -> &Sample {
        let distance = |sample: &&Sample| (sample.cost / cost).ln().abs();
        self.0.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("a run was sampled")
    }
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

fn sample(campaign: &Campaign, run: &PlannedRun) -> Result<Sample, TrainError> {
    let data = campaign.data.of(&run.experiment.data);
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
