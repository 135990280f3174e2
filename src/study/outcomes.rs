//! Facts that a mean over runs hides: runs that reach a target and lose it again, and runs that learn beside runs that do not.

use crate::inference::spread::{quantile, sorted};
use crate::numerals::percent;
use crate::study::record::RunRecord;
use crate::study::target::Target;

/// Seeds that a sentence names.
const NAMED: usize = 5;

/// The accuracy above which a run has learnt, where the best of those it is seen beside has accuracy `best`: half-way from chance
/// to it, and at least a tenth of the way from chance to no mistake at all.
pub(super) fn learnt_above(chance: f64, best: f64) -> f64 {
    chance + (0.5 * (best - chance)).max(0.1 * (1.0 - chance))
}

/// Sentences about the runs of an arm at a point, all of which have ended; `target` is the study's first.
pub(super) fn remarks(runs: &[&RunRecord], target: &Target) -> Vec<String> {
    lost(runs, target).into_iter().chain(apart(runs)).collect()
}

/// Runs that reached the target and ended without it.
fn lost(runs: &[&RunRecord], target: &Target) -> Option<String> {
    let lost: Vec<&RunRecord> = runs.iter().copied().filter(|run| run.has_lost(0)).collect();
    let reached = runs.iter().filter(|run| run.steps_to_target.first().is_some_and(Option::is_some)).count();
    if lost.is_empty() {
        return None;
    }
    let ends = |run: &&RunRecord| match run.test_accuracy {
        Some(accuracy) => {
            let fell = if has_fallen(run) { ", back near chance" } else { "" };
            format!("seed {} ends at {}{fell}", run.seed, percent(accuracy))
        }
        None => format!("seed {}", run.seed),
    };
    let mut named: Vec<String> = lost.iter().take(NAMED).map(ends).collect();
    if lost.len() > NAMED {
        named.push(format!("and {} more", lost.len() - NAMED));
    }
    let (arm, target) = (&lost[0].arm, target.text());
    Some(format!("{arm}: {} of the {reached} that reached {target} lost it again: {}", lost.len(), named.join(", ")))
}

/// True if a run ends less than half as far above chance as it once was.
fn has_fallen(run: &RunRecord) -> bool {
    let (Some(last), Some(best)) = (run.test_accuracy, run.best_test_accuracy) else { return false };
    best > learnt_above(run.chance, run.chance) && last <= learnt_above(run.chance, best)
}

/// Runs that have learnt beside runs that have not, so that the mean accuracy is that of no run.
fn apart(runs: &[&RunRecord]) -> Option<String> {
    let accuracies =
        runs.iter().filter(|run| run.diverged.is_none()).filter_map(|run| Some((run.test_accuracy?, run.chance)));
    let accuracies: Vec<(f64, f64)> = accuracies.collect();
    let best = accuracies.iter().map(|(accuracy, _)| *accuracy).fold(0.0, f64::max);
    let (learnt, not): (Vec<_>, Vec<_>) =
        accuracies.iter().partition(|(accuracy, chance)| *accuracy > learnt_above(*chance, best));
    if learnt.is_empty() || not.is_empty() || !has_gap(&learnt, &not) {
        return None;
    }
    let range = |group: &[(f64, f64)]| {
        let low = group.iter().map(|(accuracy, _)| *accuracy).fold(f64::INFINITY, f64::min);
        let high = group.iter().map(|(accuracy, _)| *accuracy).fold(0.0, f64::max);
        if low == high { percent(low) } else { format!("{} to {}", percent(low), percent(high)) }
    };
    let all = sorted(&accuracies.iter().map(|(accuracy, _)| *accuracy).collect::<Vec<_>>());
    let [first, middle, third] = [0.25, 0.5, 0.75].map(|p| percent(quantile(&all, p)));
    Some(format!(
        "{}: {} of {} end at {}, {} at {}; the mean ± deviation describes neither (quartiles {first}, {middle}, {third})",
        runs[0].arm,
        learnt.len(),
        accuracies.len(),
        range(&learnt),
        not.len(),
        range(&not)
    ))
}

/// True if the two groups lie further apart than all that is within them: otherwise one spread describes both.
fn has_gap(learnt: &[(f64, f64)], not: &[(f64, f64)]) -> bool {
    let ends = |group: &[(f64, f64)]| {
        let values = group.iter().map(|(accuracy, _)| *accuracy);
        [values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max)]
    };
    let ([least, most], [low, high]) = (ends(learnt), ends(not));
    least - high > 0.5 * (most - low)
}
