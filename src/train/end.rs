//! How a run ends, and the summary of one that has.

use crate::record::checkpoint::Progress;
use crate::record::manifest::Manifest;
use crate::record::summary::{Divergence, Outcome, Summary, Timing};
use crate::train::engine::Compute;
use crate::train::prepare::Plan;

/// How a run ended.
pub enum End {
    /// All steps were taken.
    Finished,
    /// It reached its target accuracy.
    Target,
    /// It met numbers that are not finite.
    Diverged(Divergence),
    /// Someone stopped it.
    Stopped,
}

/// The summary of a run of `plan` that ended so on `compute`, with this progress in its last checkpoint's form, which left these
/// files.
pub fn summary(plan: &Plan, compute: &Compute, end: End, progress: &Progress, files: Manifest) -> Summary {
    let experiment = &plan.experiment;
    let [wall_s, train_s] = progress.seconds;
    let (last, best) = progress.evaluations();
    let (outcome, reached_target, diverged) = match end {
        End::Finished => (Outcome::Finished, false, None),
        End::Target => (Outcome::Finished, true, None),
        End::Diverged(divergence) => (Outcome::Diverged, false, Some(divergence)),
        End::Stopped => (Outcome::Interrupted, false, None),
    };
    let threads = match compute {
        Compute::Cpu { threads } => *threads,
        Compute::Device(_) => 1,
    };
    let [channels, height, width] = plan.data.image_dims();
    let mut summary = Summary {
        name: experiment.name.clone(),
        outcome,
        reached_target,
        diverged,
        dataset: plan.data.dataset().name.clone(),
        data_sha256: plan.data.dataset().sha256.clone(),
        split: plan.data.split().name().into(),
        seed: experiment.seed,
        device: compute.name().into(),
        version: env!("CARGO_PKG_VERSION").into(),
        epochs: progress.step / plan.steps_per_epoch(),
        steps: progress.step,
        planned_steps: plan.total_steps(),
        train_loss: None,
        test_loss: None,
        test_accuracy: None,
        best_test_accuracy: None,
        parameters: plan.network.parameters(),
        timing: Timing { threads, wall_s, train_s, images_per_s: progress.images as f64 / train_s.max(1e-9) },
        files,
        image_size: [height, width],
        channels,
        classes: plan.data.classes(),
        findings: Vec::new(),
    };
    if let Some(row) = &last {
        summary.take(row);
        summary.best_test_accuracy = best;
    }
    summary
}
