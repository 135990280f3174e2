//! Cost of a study in time and disk, from a few steps of some of its runs.

use std::path::Path;

use crate::study::Campaign;
use crate::study::forecast::{Course, State, Work, makespan, seconds_left};
use crate::study::plan::{PlannedRun, Shard};
use crate::study::samples::Samples;
use crate::train::TrainError;

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
    let samples = Samples::take(campaign, &missing)?;
    let whole = |run: &PlannedRun| samples.seconds(campaign.cost(run));
    let stops = |run: &PlannedRun| run.experiment.train.target_accuracy.is_some();
    let to_first_evaluation = |run: &PlannedRun| samples.to_first_evaluation(campaign.cost(run));
    let least = |run: &PlannedRun| if stops(run) { to_first_evaluation(run) } else { whole(run) };
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
        bytes: missing.iter().map(|run| samples.bytes(campaign.cost(run))).sum(),
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
