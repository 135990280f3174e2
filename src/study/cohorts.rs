//! Carrying out runs on a device, many of equal shape at once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::study::attempt::Attempt;
use crate::study::check::StudyData;
use crate::study::execute::Happening;
use crate::study::place::{Growth, Place};
use crate::study::plan::PlannedRun;
use crate::train::engine::Compute;
use crate::train::{Member, Plan, train_together};

/// Carries out `runs`, as far as they can in this `order`, in cohorts of at most `size` runs, those with equal numbers in `shapes`
/// together, and keeps their records below `dir`, where they grow in this way. `show` gets the index of a run. The results are in the order of `runs`.
#[allow(clippy::too_many_arguments, reason = "the study, its place, the device and who watches")]
pub fn execute_in_cohorts(
    runs: &[&PlannedRun],
    order: &[usize],
    shapes: &[usize],
    data: &StudyData,
    (dir, growth): (&Path, Growth),
    compute: &Compute,
    size: usize,
    stop: &AtomicBool,
    show: &impl Fn(usize, Happening<'_>),
) -> Vec<Attempt> {
    let mut attempts = vec![Attempt::Stopped; runs.len()];
    for cohort in cohorts(order, shapes, size) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        for (index, attempt) in carry_out(&cohort, runs, data, (dir, growth), compute, stop, show) {
            show(index, Happening::Over(&attempt));
            attempts[index] = attempt;
        }
    }
    attempts
}

/// Indices of runs that train together.
pub fn cohorts(order: &[usize], shapes: &[usize], size: usize) -> Vec<Vec<usize>> {
    let mut cohorts: Vec<Vec<usize>> = Vec::new();
    for &index in order {
        let open = cohorts.iter_mut().find(|cohort| shapes[cohort[0]] == shapes[index] && cohort.len() < size);
        match open {
            Some(cohort) => cohort.push(index),
            None => cohorts.push(vec![index]),
        }
    }
    cohorts
}

/// Trains one cohort; gives each of its runs' attempts.
fn carry_out(
    cohort: &[usize],
    runs: &[&PlannedRun],
    data: &StudyData,
    (dir, growth): (&Path, Growth),
    compute: &Compute,
    stop: &AtomicBool,
    show: &impl Fn(usize, Happening<'_>),
) -> Vec<(usize, Attempt)> {
    let (mut attempts, mut ready) = (Vec::new(), Vec::new());
    for &index in cohort {
        let run = runs[index];
        show(index, Happening::Begins);
        match Place::open(run, dir, growth) {
            Err(attempt) => attempts.push((index, attempt)),
            Ok(place) => match Plan::new(run.experiment.clone(), data.of(&run.experiment.data).clone()) {
                Ok(plan) => ready.push((index, place, plan)),
                Err(error) => attempts.push((index, Attempt::Failed(error.in_study()))),
            },
        }
    }
    let members: Vec<Member<'_>> = ready.iter().map(|(_, place, plan)| Member { plan, dir: place.dir() }).collect();
    let results =
        train_together(&members, compute, stop, |place, event| show(ready[place].0, Happening::Trains(event)));
    drop(members);
    let ended = ready.into_iter().zip(results);
    attempts.extend(ended.map(|((index, place, _), result)| (index, place.close(runs[index], result))));
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohorts_hold_runs_of_one_shape_and_no_more_than_their_size() {
        for (shapes, size, want) in [
            (&[0, 0, 0][..], 8, vec![vec![0, 1, 2]]),
            (&[0, 0, 0, 0, 0], 2, vec![vec![0, 1], vec![2, 3], vec![4]]),
            (&[0, 3, 0, 3, 0], 2, vec![vec![0, 2], vec![1, 3], vec![4]]),
            (&[0, 1, 2], 1, vec![vec![0], vec![1], vec![2]]),
            (&[], 4, vec![]),
        ] {
            let order: Vec<usize> = (0..shapes.len()).collect();
            assert_eq!(cohorts(&order, shapes, size), want, "{shapes:?} by {size}");
        }
        assert_eq!(cohorts(&[2, 0, 1, 3], &[0, 3, 0, 3], 2), [[2, 0], [1, 3]]);
    }
}
