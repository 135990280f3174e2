//! Made-up runs for the tests of verdicts.

use crate::record::summary::Outcome;
use crate::rng::{Rng, standard_normals};
use crate::study::compare::compare_with;
use crate::study::comparison::{Comparison, Verdict};
use crate::study::curve::Curve;
use crate::study::record::RunRecord;
use crate::study::target::{Measure, Target};

pub(crate) const BUDGET: u64 = 1000;
/// Steps of a run that does not get there.
pub(crate) const NEVER: f64 = 1e9;
pub(crate) const TARGETS: [Target; 1] = [Target { measure: Measure::TestAccuracy, value: 0.9 }];
/// Ten classes, the commonest of which has 11.35 % of the images, as in MNIST: what a run that learns nothing ends at.
pub(crate) const STUCK: f64 = 0.1135;

/// All arms against the baseline, with bootstraps that cost nothing.
pub(crate) fn compare(runs: &[RunRecord], baseline: &str, targets: &[Target]) -> Vec<Comparison> {
    compare_with(runs, baseline, targets, 20)
}

/// A run that reaches the target after `steps`, if within the budget, seen at the next evaluation.
pub(crate) fn run(arm: &str, seed: u64, steps: f64, evaluate_every: u64) -> RunRecord {
    let seen = (steps / evaluate_every as f64).ceil().max(1.0) as u64 * evaluate_every;
    RunRecord {
        arm: arm.into(),
        point: Vec::new(),
        seed,
        learning_rate: 0.1,
        dir: format!("runs/{arm}-{seed}"),
        device: "cpu".into(),
        outcome: Outcome::Finished,
        diverged: None,
        steps: BUDGET,
        planned_steps: BUDGET,
        steps_per_epoch: 500,
        evaluate_every,
        parameters: 1,
        test_accuracy: Some(0.95),
        best_test_accuracy: Some(0.95),
        test_loss: Some(0.2),
        mean_loss: Some(0.3),
        steps_to_target: vec![Some(seen).filter(|&seen| seen <= BUDGET)],
        curve: Curve::default(),
        lost: vec![None],
        batch_size: 64,
        test_images: 10_000,
        chance: 0.1,
        faults: Vec::new(),
    }
}

/// A run that ends with this accuracy on so many test images, and these losses on them and on the way.
pub(crate) fn ending(arm: &str, seed: u64, images: usize, accuracy: f64, losses: [f64; 2]) -> RunRecord {
    let read = (accuracy.clamp(0.0, 1.0) * images as f64).round() / images as f64;
    RunRecord {
        test_images: images,
        test_accuracy: Some(read),
        best_test_accuracy: Some(read),
        test_loss: Some(losses[0]),
        mean_loss: Some(losses[1]),
        ..run(arm, seed, 200.0, 10)
    }
}

/// `seeds` runs of each arm whose accuracies are normal about `accuracies` (and losses likewise, three times the errors and more), part of
/// their spread being that of the seed; with this chance a run learns at all.
pub(crate) fn endings(
    draws: &mut Rng,
    seeds: u64,
    images: usize,
    accuracies: &[f64],
    spread: f64,
    learns: f64,
) -> Vec<RunRecord> {
    let mut runs = Vec::new();
    for seed in 0..seeds {
        let shared = standard_normals(draws, 1)[0];
        for (i, accuracy) in accuracies.iter().enumerate() {
            let z = standard_normals(draws, 4);
            let off = spread * (0.6 * shared + 0.8 * z[0]);
            // The distribution function turns a normal draw into an even one.
            let has_learnt = 0.5 * libm::erfc(z[1] / 2f64.sqrt()) < learns;
            let arm = if i == 0 { "base".into() } else { format!("arm{i}") };
            runs.push(if has_learnt {
                // A loss goes with the accuracy in part.
                let loss = |z: f64| 3.0 * (1.0 - accuracy) - 1.2 * off + 1.6 * spread * z;
                ending(&arm, seed, images, accuracy + off, [loss(z[2]), 1.5 * loss(z[3])])
            } else {
                RunRecord {
                    steps_to_target: vec![None],
                    ..ending(&arm, seed, images, STUCK, [2.3 + 0.01 * off, 2.31 + 0.01 * off])
                }
            });
        }
    }
    runs
}

/// The verdict with arm and baseline exchanged.
pub(crate) fn mirrored(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Sooner => Verdict::Later,
        Verdict::Later => Verdict::Sooner,
        Verdict::Higher => Verdict::Lower,
        Verdict::Lower => Verdict::Higher,
        same @ (Verdict::NoDifferenceSeen
        | Verdict::TooFewSeeds
        | Verdict::NotEstablished
        | Verdict::NeitherReaches) => same,
    }
}

/// True if a verdict names a winner.
pub(crate) fn names(verdict: Verdict) -> bool {
    mirrored(verdict) != verdict
}
