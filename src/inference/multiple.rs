//! Many tests at once.

/// Holm's (1979) adjustment: p-values in the order given, each to be held against the level as if it were the only one;
/// the chance of any false alarm among all then stays below the level.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0f64;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest.max(p_values[index] * (p_values.len() - rank) as f64);
        adjusted[index] = largest.min(1.0);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_p_value_is_multiplied_by_the_tests_that_are_left_and_order_is_kept() {
        let cases: [(&[f64], &[f64]); 4] = [
            (&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]),
            (&[0.5, 0.6], &[1.0, 1.0]),
            (&[0.02], &[0.02]),
            (&[], &[]),
        ];
        for (raw, want) in cases {
            let found = holm(raw);
            assert!(
                found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15) && found.len() == want.len(),
                "{found:?}"
            );
        }
    }
}
