//! Each arm at its own best learning rate: a logarithmic grid, tried on images that the verdict never sees.
//!
//! The tuning runs train on the first five sixths of the training images, are judged on the last sixth, and have seeds of
//! their own. The best rate is the one at which most runs reach the study's first target; among equals the soonest, then the
//! most accurate. A rate at the grid's edge that is better than its neighbour widens the grid on that side, and so does
//! divergence at the lowest.

use std::path::Path;

use crate::config::Experiment;
use crate::inference::spread::mean;
use crate::record::RecordError;
use crate::study::check::{StudyData, validation};
use crate::study::collect::collect;
use crate::study::file::Study;
use crate::study::grid::Grid;
use crate::study::plan::PlannedRun;
use crate::study::record::{RunRecord, TriedRate, Tuning};

/// Where the tuning of one cell stands.
#[derive(Clone, Debug)]
pub enum Stage {
    /// These runs must come first; some may be there already.
    Running(Vec<PlannedRun>),
    /// The best rate is known.
    Done(Tuning),
}

/// The stage of `cell`, from the results that `dir` holds.
///
/// # Errors
/// Records of a finished run that cannot be read.
pub fn stage(study: &Study, grid: &Grid, cell: usize, data: &StudyData, dir: &Path) -> Result<Stage, RecordError> {
    let seeds: Vec<u64> = (0..).filter(|seed| !study.seeds.contains(seed)).take(grid.seeds).collect();
    let (mut below, mut above) = (0, 0);
    loop {
        let rates = grid.rates(below, above);
        let mut runs = Vec::new();
        let mut tried = Vec::new();
        for &rate in &rates {
            let of_rate: Vec<PlannedRun> =
                seeds.iter().map(|&seed| run(study, cell, rate, seed, &data.dataset.sha256)).collect();
            let records = results(study, data, &of_rate, dir)?;
            if records.len() == of_rate.len() {
                tried.push(judge(rate, &records));
            }
            runs.extend(of_rate);
        }
        if tried.len() < rates.len() {
            return Ok(Stage::Running(runs));
        }
        let best = best(&tried);
        let spare = below + above < grid.spare();
        match edge(best, rates.len()) {
            // Where all rates fail alike, lower ones would too, unless it is divergence.
            Some(Edge::Lowest) if spare && (tried[0].accuracy == 0.0 || better(&tried[0], &tried[1])) => below += 1,
            Some(Edge::Highest) if spare => above += 1,
            Some(Edge::Lowest | Edge::Highest) | None => {
                let cell = &study.cells[cell];
                return Ok(Stage::Done(found(study.arms[cell.arm].clone(), study.labels(&cell.point), tried)));
            }
        }
    }
}

fn run(study: &Study, cell: usize, rate: f64, seed: u64, data_sha256: &str) -> PlannedRun {
    let mut experiment = Experiment { seed, ..study.cells[cell].experiment.clone() };
    experiment.optimizer.lr = rate;
    experiment.data = validation(&experiment.data);
    PlannedRun::new(study, cell, experiment, data_sha256)
}

fn results(study: &Study, data: &StudyData, runs: &[PlannedRun], dir: &Path) -> Result<Vec<RunRecord>, RecordError> {
    let mut records = Vec::new();
    for run in runs {
        if let Some(summary) = run.result(dir)? {
            records.push(collect(study, data, run, summary, dir)?);
        }
    }
    Ok(records)
}

fn judge(learning_rate: f64, runs: &[RunRecord]) -> TriedRate {
    let steps = runs.iter().map(|run| (run.steps_to_target[0].unwrap_or(run.planned_steps) as f64).ln());
    // A run that diverged was right about nothing.
    let accuracies = runs.iter().map(|run| run.test_accuracy.filter(|_| run.diverged.is_none()).unwrap_or(0.0));
    TriedRate {
        learning_rate,
        runs: runs.len(),
        reached: runs.iter().filter(|run| run.steps_to_target[0].is_some()).count(),
        mean_steps: mean(&steps.collect::<Vec<_>>()).exp(),
        accuracy: mean(&accuracies.collect::<Vec<_>>()),
    }
}

/// True if more runs reach the target at `a` than at `b`; or as many and sooner; or as soon and more accurate.
fn better(a: &TriedRate, b: &TriedRate) -> bool {
    let reached = b.reached.cmp(&a.reached);
    reached.then(a.mean_steps.total_cmp(&b.mean_steps)).then(b.accuracy.total_cmp(&a.accuracy)).is_lt()
}

/// Chooses the best of these rates, ascending, for an arm at a point.
pub fn found(arm: String, point: Vec<String>, tried: Vec<TriedRate>) -> Tuning {
    let best = best(&tried);
    let at_edge = edge(best, tried.len()).is_some();
    Tuning { arm, point, best: tried[best].learning_rate, at_edge, tried }
}

/// An end of the rates that were tried: a better one may lie beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Below it no rate was tried.
    Lowest,
    /// Above it none was.
    Highest,
}

/// The edge at which rate number `at` of so many lies, if it does.
pub fn edge(at: usize, rates: usize) -> Option<Edge> {
    match at {
        0 => Some(Edge::Lowest),
        last if last + 1 == rates => Some(Edge::Highest),
        _ => None,
    }
}

/// Index of the best rate, the lowest among equals.
fn best(tried: &[TriedRate]) -> usize {
    (1..tried.len()).fold(0, |best, at| if better(&tried[at], &tried[best]) { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_most_runs_is_the_best_then_the_soonest_then_the_most_accurate() {
        let tried = |reached: [usize; 3], steps: [f64; 3], accuracies: [f64; 3]| -> Vec<TriedRate> {
            let one = |i: usize| TriedRate {
                learning_rate: i as f64,
                runs: 2,
                reached: reached[i],
                mean_steps: steps[i],
                accuracy: accuracies[i],
            };
            (0..3).map(one).collect()
        };
        for (reached, steps, accuracies, want) in [
            ([2, 2, 2], [300.0, 100.0, 200.0], [0.9, 0.8, 0.9], 1),
            ([2, 2, 2], [100.0, 100.0, 100.0], [0.1, 0.2, 0.3], 2),
            ([2, 2, 2], [100.0, 100.0, 100.0], [0.5, 0.5, 0.5], 0),
            ([2, 1, 0], [339.0, 335.0, 400.0], [0.8, 0.9, 0.9], 0),
        ] {
            assert_eq!(best(&tried(reached, steps, accuracies)), want);
        }
    }
}
