//! `study.json`: everything that a report of a study needs, as plain data.

use serde::{Deserialize, Serialize};

use crate::record::finding::Finding;
use crate::record::manifest::Manifest;
use crate::record::summary::{Divergence, Outcome};
use crate::study::comparison::{ArmSummary, Comparison, SeedsNeeded};
use crate::study::curve::Curve;
use crate::study::target::Target;

/// A study with all its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord {
    /// Name of the study.
    pub name: String,
    /// The command that makes it again.
    pub command: String,
    /// Version of initlab.
    pub version: String,
    /// The data.
    pub data: DataRecord,
    /// Names of the arms, in the study file's order.
    pub arms: Vec<String>,
    /// The arm that the others are compared with.
    pub baseline: String,
    /// Seeds of every arm.
    pub seeds: Vec<u64>,
    /// The grid; empty without one.
    pub axes: Vec<AxisRecord>,
    /// Targets that the runs should reach; the first decides the verdict.
    pub targets: Vec<Target>,
    /// The learning rates that were tried for each arm, if they were tuned.
    pub tuning: Vec<Tuning>,
    /// Every run that has ended, in the plan's order; those of the tuning are not among them.
    pub runs: Vec<RunRecord>,
    /// Runs that could not be carried out.
    pub failures: Vec<Failure>,
    /// Every arm at every point, its runs taken together.
    pub summaries: Vec<ArmSummary>,
    /// Every arm but the baseline at every point, against the baseline.
    pub comparisons: Vec<Comparison>,
    /// Lengths and sums of the study's other files; empty in what an earlier version wrote.
    #[serde(default, skip_serializing_if = "Manifest::is_empty")]
    pub files: Manifest,
    /// Findings of the study, in words.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Every arm against every other, where that was asked for; p-values are corrected over all pairs of a point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<PairRecord>,
    /// Seeds that each arm needs for a factor in the time to the first target, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds_needed: Vec<SeedsNeeded>,
}

impl StudyRecord {
    /// The points of the grid, in the plan's order; one empty point without a grid.
    pub fn points(&self) -> Vec<&[String]> {
        let mut points: Vec<&[String]> = Vec::new();
        for summary in &self.summaries {
            if !points.contains(&summary.point.as_slice()) {
                points.push(&summary.point);
            }
        }
        points
    }

    /// The arms at a point, by what the verdict is about, the soonest first; among equals the more accurate. Tables and sentences have
    /// this order wherever they stand.
    pub fn soonest_first(&self, point: &[String]) -> Vec<&ArmSummary> {
        let mut rows: Vec<&ArmSummary> = self.summaries.iter().filter(|summary| summary.point == point).collect();
        let accuracy = |row: &ArmSummary| row.test_accuracy.map_or(f64::NEG_INFINITY, |spread| spread.mean);
        let time = |row: &ArmSummary| row.targets.first().map_or(f64::INFINITY, |target| target.mean_steps);
        rows.sort_by(|a, b| time(a).total_cmp(&time(b)).then(accuracy(b).total_cmp(&accuracy(a))));
        rows
    }

    /// An arm at a point against the baseline.
    pub fn comparison(&self, arm: &str, point: &[String]) -> Option<&Comparison> {
        self.comparisons.iter().find(|comparison| comparison.arm == arm && comparison.point == point)
    }
}

/// Two arms that are compared with each other, each pair of a point once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRecord {
    /// The arm that the other is compared with.
    pub against: String,
    /// How the other stands.
    pub comparison: Comparison,
}

/// The data set of a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// `mnist`, `fashion-mnist`, `digits`, or a directory's name.
    pub name: String,
    /// Sum over the data of all four files.
    pub sha256: String,
    /// Training images of the set.
    pub train_images: usize,
    /// Test images of the set.
    pub test_images: usize,
}

/// The search for the learning rate of one arm at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Name of the arm.
    pub arm: String,
    /// The point of the grid.
    pub point: Vec<String>,
    /// The rate that the arm's runs have.
    pub best: f64,
    /// True if the best rate was the lowest or the highest that was tried: an even better one may lie beyond.
    pub at_edge: bool,
    /// All rates, ascending.
    pub tried: Vec<TriedRate>,
}

/// Results of a learning rate on the images for validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriedRate {
    /// The rate.
    pub learning_rate: f64,
    /// Runs.
    pub runs: usize,
    /// Runs that reached the first target.
    pub reached: usize,
    /// Geometric mean of their steps to it; a run that did not reach it counts with its budget.
    pub mean_steps: f64,
    /// Mean accuracy at the end; 0 for a run that diverged.
    pub accuracy: f64,
}

/// One direction of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AxisRecord {
    /// Its name.
    pub name: String,
    /// Its points, as the study file writes them.
    pub values: Vec<String>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Name of its arm.
    pub arm: String,
    /// Its point of the grid: a value for each axis.
    pub point: Vec<String>,
    /// Its seed.
    pub seed: u64,
    /// Its (peak) learning rate.
    pub learning_rate: f64,
    /// Its directory, from the study's.
    pub dir: String,
    /// Where it was computed: `cpu`, or the GPU.
    pub device: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it diverged, if it did.
    pub diverged: Option<Divergence>,
    /// Steps done.
    pub steps: u64,
    /// Steps that its config asks for: the budget.
    pub planned_steps: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Most steps between two evaluations: what the test accuracy's times to target are exact to.
    pub evaluate_every: u64,
    /// Number of parameters.
    pub parameters: usize,
    /// Accuracy on the test images at the last evaluation; absent if there was none.
    pub test_accuracy: Option<f64>,
    /// The best of all evaluations.
    pub best_test_accuracy: Option<f64>,
    /// Loss on the test images at the last evaluation.
    pub test_loss: Option<f64>,
    /// Mean training loss over all steps: the area under the loss curve, divided by its length. Absent if the run
    /// diverged or ended early.
    pub mean_loss: Option<f64>,
    /// For each target the steps that it took; absent if it was not reached within the budget, or the run diverged.
    pub steps_to_target: Vec<Option<u64>>,
    /// The training loss in at most 60 blocks of steps of equal length.
    pub curve: Curve,
    /// For each target that was reached and is not held at the end, the steps after which it was no longer; see
    /// [`crate::study::curve::Courses::lost`].
    #[serde(default)]
    pub lost: Vec<Option<u64>>,
    /// Images of a step; 0 in records of earlier versions, which do not say.
    #[serde(default)]
    pub batch_size: usize,
    /// Images that the test accuracy is counted over: it is exact to one of them. 0 as above.
    #[serde(default)]
    pub test_images: usize,
    /// Accuracy of guessing: one over the number of classes. 0 as above.
    #[serde(default)]
    pub chance: f64,
    /// Names of the rules that found a fault or a warning in it.
    #[serde(default)]
    pub faults: Vec<String>,
}

impl RunRecord {
    /// True if target number `at` was reached and is not held at the end.
    pub fn has_lost(&self, at: usize) -> bool {
        self.lost.get(at).is_some_and(Option::is_some)
    }
}

/// A run that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its directory, from the study's.
    pub dir: String,
    /// The error, in words.
    pub error: String,
}
