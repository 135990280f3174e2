//! The runs of each arm at each point, taken together.

use std::collections::HashMap;

use crate::inference::spread::{mean, median, quantile, sample_std, sorted};
use crate::inference::survival::{Time, kaplan_meier, median_time};
use crate::record::summary::Outcome;
use crate::study::comparison::{ArmSummary, Spread, TargetSummary};
use crate::study::curve::Curve;
use crate::study::outcomes::remarks;
use crate::study::record::RunRecord;
use crate::study::target::Target;

/// Summaries of every arm at every point, in the order of the runs.
pub fn summarise(runs: &[RunRecord], targets: &[Target]) -> Vec<ArmSummary> {
    let mut groups: Vec<Vec<&RunRecord>> = Vec::new();
    let mut places: HashMap<(&str, &[String]), usize> = HashMap::new();
    for run in runs {
        let place = *places.entry((&run.arm, &run.point)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups.iter().map(|group| summary(group, targets)).collect()
}

fn summary(runs: &[&RunRecord], targets: &[Target]) -> ArmSummary {
    let first = runs[0];
    let finished = || runs.iter().filter(|run| run.outcome == Outcome::Finished);
    let target = |(at, &target): (usize, &Target)| {
        let times: Vec<Time> = runs.iter().map(|run| time_of(run, at)).collect();
        let logs: Vec<f64> = times.iter().map(|time| time.at.ln()).collect();
        TargetSummary {
            target,
            reached: times.iter().filter(|time| time.event).count(),
            median_steps: median_time(&times),
            mean_steps: mean(&logs).exp(),
            survival: kaplan_meier(&times),
            lost: runs.iter().filter(|run| run.has_lost(at)).count(),
        }
    };
    ArmSummary {
        arm: first.arm.clone(),
        point: first.point.clone(),
        runs: runs.len(),
        diverged: runs.len() - finished().count(),
        learning_rate: first.learning_rate,
        targets: targets.iter().enumerate().map(target).collect(),
        test_accuracy: spread(finished().filter_map(|run| run.test_accuracy)),
        mean_loss: spread(finished().filter_map(|run| run.mean_loss)),
        curve: mean_curve(runs),
        predicted_depth: None,
        remarks: targets.first().map_or_else(Vec::new, |target| remarks(runs, target)),
    }
}

/// When a run reached target number `at`, or how long it was observed in vain. A run that diverged was lost for its whole
/// budget.
pub(super) fn time_of(run: &RunRecord, at: usize) -> Time {
    match run.steps_to_target[at] {
        Some(steps) => Time { at: steps as f64, event: true },
        None => Time { at: run.planned_steps as f64, event: false },
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let values: Vec<f64> = values.collect();
    let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
    Some(Spread {
        n: values.len(),
        mean: mean(&values),
        std: Some(sample_std(&values)).filter(|std| std.is_finite()),
        min: extreme(f64::min)?,
        max: extreme(f64::max)?,
        median: Some(median(&values)),
        quartiles: Some([0.25, 0.75].map(|p| quantile(&sorted(&values), p))),
    })
}

fn mean_curve(runs: &[&RunRecord]) -> Curve {
    let longest = runs.iter().map(|run| run.curve.loss.len()).max().unwrap_or(0);
    let at = |i: usize| {
        let losses: Option<Vec<f64>> = runs.iter().map(|run| run.curve.loss.get(i).copied().flatten()).collect();
        losses.map(|losses| mean(&losses))
    };
    Curve { steps_per_point: runs[0].curve.steps_per_point, loss: (0..longest).map(at).collect() }
}
