//! The order in which a study's runs are carried out; what comes out does not depend on it.

/// Places of runs in the order in which to begin them: first one seed of every arm, then the next, so that arms can be compared early
/// on; within a seed the longest first, so that at the end none is left alone for long. `seeds` holds the place of each run's seed
/// among the study's, `costs` a number that grows with its time.
pub fn order(seeds: &[usize], costs: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..seeds.len()).collect();
    order.sort_by(|&a, &b| seeds[a].cmp(&seeds[b]).then(costs[b].total_cmp(&costs[a])));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_has_its_first_seed_before_any_has_its_second_and_the_longest_go_first() {
        for (seeds, costs, want) in [
            (&[0, 1, 0, 1, 0, 1][..], &[1.0, 1.0, 5.0, 5.0, 2.0, 2.0][..], vec![2, 4, 0, 3, 5, 1]),
            // Equal costs keep the plan's order.
            (&[0, 1, 0, 1], &[1.0; 4], vec![0, 2, 1, 3]),
            (&[0, 0, 0], &[1.0, 3.0, 2.0], vec![1, 2, 0]),
            (&[], &[], vec![]),
        ] {
            assert_eq!(order(seeds, costs), want, "{seeds:?} {costs:?}");
        }
    }
}
