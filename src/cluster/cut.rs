//! How a plan is cut into shards.

use crate::study::cohorts::cohorts;

/// More shards than this are more than a scheduler is to be given at once.
pub const MOST: usize = 1000;

/// The shard of each run, so that all shards cost about the same: the most expensive runs first, each to the shard that has the least.
pub fn by_cost(costs: &[f64], shards: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]));
    let (mut shard_of, mut total) = (vec![0; costs.len()], vec![0.0; shards]);
    for run in order {
        let least = (0..shards).min_by(|&a, &b| f64::total_cmp(&total[a], &total[b])).expect("there is a shard");
        shard_of[run] = least;
        total[least] += costs[run];
    }
    shard_of
}

/// Runs that train together on a device, and what they cost there: as much as the most expensive of them.
pub fn cohorts_of(order: &[usize], shapes: &[usize], costs: &[f64], size: usize) -> Vec<(Vec<usize>, f64)> {
    let cost = |cohort: Vec<usize>| {
        let cost = cohort.iter().map(|&run| costs[run]).fold(0.0, f64::max);
        (cohort, cost)
    };
    cohorts(order, shapes, size).into_iter().map(cost).collect()
}

/// The shard of each of `runs`, so that no cohort is cut.
pub fn by_cohort(cohorts: &[(Vec<usize>, f64)], runs: usize, shards: usize) -> Vec<usize> {
    let costs: Vec<f64> = cohorts.iter().map(|(_, cost)| *cost).collect();
    let mut shard_of = vec![0; runs];
    for ((cohort, _), shard) in cohorts.iter().zip(by_cost(&costs, shards)) {
        cohort.iter().for_each(|&run| shard_of[run] = shard);
    }
    shard_of
}

/// Shards for work that takes one task so many seconds: each about `minutes` long, and no more than `most`, so that a task is more than a
/// run, and than the `limit` of the scheduler.
pub fn number(seconds: f64, minutes: f64, most: usize, limit: usize) -> usize {
    let by_time = (seconds / (60.0 * minutes)).ceil() as usize;
    by_time.min(most).min(limit).max(1)
}

/// The most shards of so many runs that leave none with fewer runs than it makes at a time, or with one alone.
pub fn most(runs: usize, at_once: usize) -> usize {
    runs.div_ceil(at_once.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cost_about_the_same_and_equal_runs_are_dealt_in_turn() {
        assert_eq!(by_cost(&[1.0; 5], 2), [0, 1, 0, 1, 0]);
        let costs: Vec<f64> = (1..=60).map(f64::from).collect();
        let shard_of = by_cost(&costs, 7);
        let total =
            |shard| shard_of.iter().zip(&costs).filter(|(of, _)| **of == shard).map(|(_, cost)| cost).sum::<f64>();
        assert!((0..7).all(|shard| (total(shard) - 1830.0 / 7.0).abs() < 10.0), "{shard_of:?}");
        assert_eq!(by_cost(&[], 3), [0; 0]);
    }

    #[test]
    fn no_cohort_is_cut() {
        let (order, shapes) = ([0, 1, 2, 3, 4, 5, 6], [0, 0, 5, 0, 5, 0, 5]);
        let cohorts = cohorts_of(&order, &shapes, &[1.0; 7], 2);
        assert_eq!(cohorts.len(), 4);
        let shard_of = by_cohort(&cohorts, 7, 3);
        for (cohort, _) in &cohorts {
            assert!(cohort.iter().all(|&run| shard_of[run] == shard_of[cohort[0]]), "{cohort:?} {shard_of:?}");
        }
        assert!((0..3).all(|shard| shard_of.contains(&shard)), "{shard_of:?}");
    }

    #[test]
    fn a_shard_is_about_as_long_as_is_wished_and_has_more_than_one_run() {
        for (hours, runs, cpus, minutes, want) in [
            (10.0, 1000, 4, 30.0, 5),
            (0.01, 1000, 4, 30.0, 1),
            // A run an hour long: half an hour is not to be had.
            (24.0, 24, 1, 30.0, 12),
            (24.0, 24, 4, 30.0, 6),
            (1e6, 100_000, 1, 10.0, MOST),
            (1.0, 1, 8, 30.0, 1),
        ] {
            let found = number(3600.0 * hours / cpus as f64, minutes, most(runs, cpus), MOST);
            assert_eq!(found, want, "{hours} h, {runs} runs, {cpus} CPUs");
        }
    }
}
