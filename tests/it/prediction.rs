//! Prediction intervals against draws.

use initlab::inference::prediction::prediction;
use initlab::inference::spread::sorted;
use initlab::rng::{rng, standard_normals};

#[test]
fn further_draws_fall_inside_as_often_as_promised() {
    const TRIALS: usize = 20_000;
    let mut draws = rng(0, "prediction");
    for (n, confidence) in [(5, 0.9), (9, 0.99), (59, 0.9), (199, 0.99)] {
        let inside = (0..TRIALS).filter(|_| {
            let values = standard_normals(&mut draws, n + 1);
            let range = prediction(&sorted(&values[1..]), confidence).unwrap();
            (range.low..=range.high).contains(&values[0])
        });
        let share = inside.count() as f64 / TRIALS as f64;
        // Four standard errors; at each n the ranks give the probability exactly.
        let error = 4.0 * (confidence * (1.0 - confidence) / TRIALS as f64).sqrt();
        assert!((share - confidence).abs() < error, "{n} values: {share}, expected {confidence} ± {error}");
    }
}
