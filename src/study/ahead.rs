//! How likely a run of an arm is ahead of one of the baseline.
//!
//! A mean says how much better an arm is; this says how often. All runs count, whatever their seeds, those that diverged or never reached
//! the target too (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", call it the probability
//! of improvement). Runs of a seed go alike in part, which makes the interval wider than it need be, not narrower.

use crate::inference::superiority::superiority;
use crate::inference::survival::Time;
use crate::study::comparison::{Ahead, CONFIDENCE};
use crate::study::record::RunRecord;

/// Of times to a target: those of runs that never reached it are equal, and longer than all others.
pub(super) fn sooner(arm: &[Time], base: &[Time]) -> Option<Ahead> {
    let never = |time: &Time| if time.event { -time.at } else { f64::NEG_INFINITY };
    ahead([arm, base].map(|times| times.iter().map(never).collect()))
}

/// Of test accuracies at the end; nothing where no run has one.
pub(super) fn more_accurate(arm: &[&RunRecord], base: &[&RunRecord]) -> Option<Ahead> {
    let value = |run: &&RunRecord| match (&run.diverged, run.test_accuracy) {
        (None, Some(accuracy)) if accuracy.is_finite() => accuracy,
        _ => f64::NEG_INFINITY,
    };
    let values = [arm, base].map(|runs| runs.iter().map(value).collect::<Vec<f64>>());
    if values.iter().flatten().all(|value| value.is_infinite()) { None } else { ahead(values) }
}

fn ahead(values: [Vec<f64>; 2]) -> Option<Ahead> {
    let found = superiority(&values[0], &values[1], CONFIDENCE)?;
    let runs = values.map(|values| values.len());
    Some(Ahead { probability: found.probability, interval: found.interval, runs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::normal::normal_cdf;
    use crate::rng::{rng, standard_normals};
    use crate::study::simulated::{NEVER, TARGETS, compare, ending, run};

    #[test]
    fn runs_that_never_arrive_are_equal_and_behind_all_others() {
        let steps = |arm: &str, steps: &[f64]| {
            let seeds = 0..steps.len() as u64;
            seeds.zip(steps).map(|(seed, &steps)| run(arm, seed, steps, 10)).collect::<Vec<RunRecord>>()
        };
        for (arm, base, want) in [
            ([100.0, 200.0, NEVER], [300.0, 400.0, NEVER], (2.0 * 3.0 + 0.5) / 9.0),
            ([NEVER; 3], [NEVER; 3], 0.5),
            ([100.0; 3], [NEVER; 3], 1.0),
        ] {
            let runs = [steps("base", &base), steps("arm", &arm)].concat();
            let found = compare(&runs, "base", &TARGETS)[0].targets[0].sooner.unwrap();
            assert!((found.probability - want).abs() < 1e-12 && found.runs == [3, 3], "{arm:?}: {found:?}");
        }
    }

    #[test]
    fn runs_that_diverged_end_below_all_others() {
        let diverged = RunRecord { test_accuracy: None, ..ending("arm", 0, 1000, 0.9, [0.3; 2]) };
        let runs = [diverged, ending("arm", 1, 1000, 0.9, [0.3; 2]), ending("base", 0, 1000, 0.8, [0.3; 2])];
        assert_eq!(compare(&runs, "base", &TARGETS)[0].more_accurate.unwrap().probability, 0.5);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_claim() {
        // Seeds of each arm, by how many deviations the first is better, and the share of a run's luck that is its seed's.
        for (n, shift, shared) in
            [(3, 0.0, 0.0), (5, 0.0, 0.0), (5, 1.0, 0.0), (5, 2.0, 0.0), (10, 0.5, 0.0), (20, 1.5, 0.0), (5, 1.0, 0.5)]
        {
            let mut draws = rng(6, &format!("ahead {n} {shift} {shared}"));
            let truth = normal_cdf(shift / 2f64.sqrt());
            let mut values = |shift: f64, of_seed: &[f64]| -> Vec<f64> {
                let own = standard_normals(&mut draws, n);
                own.iter()
                    .zip(of_seed)
                    .map(|(z, seed)| shift + (1.0 - f64::powi(shared, 2)).sqrt() * z + shared * seed)
                    .collect()
            };
            let mut holds = |_: &usize| {
                let of_seed = values(0.0, &vec![0.0; n]);
                let found = ahead([values(shift, &of_seed), values(0.0, &of_seed)]).unwrap();
                found.interval[0] <= truth && truth <= found.interval[1]
            };
            let held = (0..1000).filter(&mut holds).count();
            // Three standard deviations below 950.
            assert!(held >= 929, "{n} seeds, {shift}, {shared}: {held} of 1000");
        }
    }
}
