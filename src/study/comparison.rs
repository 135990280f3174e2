//! Results of a study as plain data: a summary of every arm, and its comparison with the baseline.

use serde::{Deserialize, Serialize};

use crate::study::curve::Curve;
use crate::study::predict::PredictedDepth;
use crate::study::target::Target;

/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// The runs of one arm at one point of the grid, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// Name of the arm.
    pub arm: String,
    /// The point of the grid.
    pub point: Vec<String>,
    /// Runs that ended.
    pub runs: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// The learning rate of the runs.
    pub learning_rate: f64,
    /// Runs that reached each target of the study, and when.
    pub targets: Vec<TargetSummary>,
    /// Test accuracy at the end of the runs that did not diverge.
    pub test_accuracy: Option<Spread>,
    /// Mean training loss over the run, of the runs that took all their steps.
    pub mean_loss: Option<Spread>,
    /// The mean of the runs' thinned loss curves; a gap where one of them is not finite.
    pub curve: Curve,
    /// The depth and its limit by mean field theory, for plain MLPs of equal widths.
    pub predicted_depth: Option<PredictedDepth>,
    /// Sentences on what a mean and a deviation hide: runs that lost their target again, and runs that learn beside runs that do not.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// How soon the runs of an arm reached a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// The target.
    pub target: Target,
    /// Runs that reached it within the budget.
    pub reached: usize,
    /// Steps after which half of the runs had reached it; absent if fewer ever did.
    pub median_steps: Option<f64>,
    /// Geometric mean of the steps; a run that did not reach the target counts with its budget.
    pub mean_steps: f64,
    /// Kaplan–Meier curve: after so many steps, the share of runs that have not reached it.
    pub survival: Vec<(f64, f64)>,
    /// Runs that reached it and ended without it.
    #[serde(default)]
    pub lost: usize,
}

/// Mean and spread over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, n − 1 in the denominator; absent for one run.
    pub std: Option<f64>,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// The median: where some runs learn and others do not, no run may be near the mean.
    #[serde(default)]
    pub median: Option<f64>,
    /// The quartiles: a quarter of the runs lies below the first, a quarter above the second.
    #[serde(default)]
    pub quartiles: Option<[f64; 2]>,
}

/// An arm against the baseline at one point of the grid, seed by seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the arm.
    pub arm: String,
    /// The point of the grid.
    pub point: Vec<String>,
    /// Verdict about the time to the first target.
    pub verdict: Verdict,
    /// The verdict as a sentence, with its numbers.
    pub text: String,
    /// Difference in time for each target of the study.
    pub targets: Vec<TargetComparison>,
    /// Test accuracy at the end, arm minus baseline, of pairs in which neither diverged.
    pub test_accuracy: Option<Difference>,
    /// Mean training loss, arm minus baseline, likewise.
    pub mean_loss: Option<Difference>,
    /// Loss on the test images at the end, arm minus baseline, likewise.
    #[serde(default)]
    pub test_loss: Option<Difference>,
    /// The verdicts about accuracy and loss at the end as a sentence; empty where no pair can be compared.
    #[serde(default)]
    pub at_end: String,
    /// How likely a run of the arm ends more accurate than one of the baseline; a run that diverged ends below all others.
    #[serde(default)]
    pub more_accurate: Option<Ahead>,
}

/// How an arm stands against the baseline: in the time to a target, in accuracy, or in loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fewer steps to the target.
    Sooner,
    /// More steps, or never within the budget.
    Later,
    /// The whole interval lies within the margin around no difference, and holds it.
    NoDifferenceSeen,
    /// Fewer than three pairs, which say nothing.
    TooFewSeeds,
    /// A higher accuracy, or a higher loss.
    Higher,
    /// A lower one.
    Lower,
    /// Neither a difference nor its absence is shown: the interval leaves room.
    NotEstablished,
    /// No run of either reached the target: nothing is known of the time to it.
    NeitherReaches,
}

impl Verdict {
    /// The verdict in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Sooner => "sooner",
            Self::Later => "later",
            Self::NoDifferenceSeen => "no difference seen",
            Self::TooFewSeeds => "too few seeds to say",
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::NotEstablished => "not established",
            Self::NeitherReaches => "neither reaches it",
        }
    }
}

/// A verdict in words, with the way that it leans.
pub fn leaning_text(verdict: Verdict, leaning: Option<Verdict>) -> String {
    leaning.map_or_else(|| verdict.text().into(), |way| format!("{}, leaning {}", verdict.text(), way.text()))
}

/// An arm's steps to a target against the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetComparison {
    /// The target.
    pub target: Target,
    /// Runs of the arm that reached it.
    pub reached: usize,
    /// Runs of the arm.
    pub runs: usize,
    /// Runs of the baseline that reached it.
    pub baseline_reached: usize,
    /// Runs of the baseline.
    pub baseline_runs: usize,
    /// Steps of the arm over steps of the baseline; absent for fewer than two pairs.
    pub ratio: Option<Ratio>,
    /// p-value of the log-rank test over all runs, pairs or not; exact for up to 20 of them.
    pub log_rank_p: f64,
    /// p-value of the exact sign test over pairs.
    pub sign_p: f64,
    /// Verdict about the time to this target.
    pub verdict: Verdict,
    /// Side that the interval or p < 0.05 (uncorrected) speaks for, sooner or later, where no verdict is established.
    #[serde(default)]
    pub leaning: Option<Verdict>,
    /// Runs of the arm that reached it and ended without it.
    #[serde(default)]
    pub lost: usize,
    /// Runs of the baseline that reached it and ended without it.
    #[serde(default)]
    pub baseline_lost: usize,
    /// How likely a run of the arm reaches it sooner than one of the baseline; runs that do not reach it are equal.
    #[serde(default)]
    pub sooner: Option<Ahead>,
}

/// How likely a run of one arm is ahead of a run of another with any seed; equal runs count half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// The share of all pairs of a run of each, whatever their seeds (Mann–Whitney).
    pub probability: f64,
    /// Limits of its 95 % interval; see [`crate::inference::superiority`].
    pub interval: [f64; 2],
    /// Runs of the arm and of the baseline.
    pub runs: [usize; 2],
}

/// Unit in which time to a target is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Steps of the optimiser.
    #[default]
    Steps,
    /// Images seen, steps times the batch size: where arm and baseline differ in it, a step is not the same amount of data.
    Images,
}

impl Unit {
    /// Name of the unit in sentences and CSV files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Images => "images",
        }
    }
}

/// A ratio of steps (or of images seen), from logarithms of pairs. A run that never reached the target counts with its budget,
/// so that its pair is drawn towards 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Pairs of runs with the same seed.
    pub pairs: usize,
    /// Geometric mean of the ratios; below 1 the arm is sooner.
    pub ratio: f64,
    /// Limits of its 95 % interval (Student); where the ratio is a bound, the bound's.
    pub interval: [f64; 2],
    /// Limits of its 95 % percentile bootstrap interval: no shape is assumed, but for few pairs it is too narrow.
    pub bootstrap: [f64; 2],
    /// Which way the true ratio is further from 1 than this one, because runs did not reach the target.
    pub bound: Bound,
    /// Which test the p-values are of.
    pub test: Test,
    /// p-value of equal arms.
    pub p_value: f64,
    /// p-value after Holm's correction over the arms of the point that were tested.
    pub p_holm: f64,
    /// How many these were.
    #[serde(default)]
    pub tests: usize,
    /// Unit in which time is counted.
    #[serde(default)]
    pub unit: Unit,
    /// Pairs in which the arm, and in which the baseline, reached the target within the budget that both have.
    #[serde(default)]
    pub reached: [usize; 2],
    /// Sooner or later; absent where the order of those that get there and their number disagree, or nobody does.
    #[serde(default)]
    pub way: Option<Verdict>,
}

impl Ratio {
    /// True if there was anything to test.
    pub fn is_tested(&self) -> bool {
        self.test != Test::Nothing
    }
}

/// How it is decided whether two arms differ: by who reached the target in the pairs, or who learnt at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// All runs reached it, or learnt: Student's on the logarithms of the ratios, or on the differences.
    Student,
    /// Some did not: log-rank.
    LogRank,
    /// All of one arm and none of the other: 2/4ⁿ for n pairs.
    AllOrNone,
    /// No run reached it: nothing to test, and p = 1.
    Nothing,
    /// Some runs learnt and others did not: the larger of Student's p and that of all divisions of the runs into two groups.
    Permutation,
}

impl Test {
    /// Name in CSV files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::LogRank => "log_rank",
            Self::AllOrNone => "all_or_none",
            Self::Nothing => "nothing",
            Self::Permutation => "permutation",
        }
    }
}

/// How runs that did not reach the target turn a ratio into a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// All reached it.
    None,
    /// The true ratio is at most this: runs of the baseline did not reach it.
    AtMost,
    /// The true ratio is at least this: runs of the arm did not reach it.
    AtLeast,
    /// Both: runs of the arm and of the baseline did not reach it.
    Unknown,
}

impl Bound {
    /// Words before the ratio in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "",
            Self::AtMost => "at most ",
            Self::AtLeast => "at least ",
            Self::Unknown => "about ",
        }
    }

    /// Sign before the ratio in a table.
    pub fn sign(self) -> &'static str {
        match self {
            Self::None => "",
            Self::AtMost => "≤",
            Self::AtLeast => "≥",
            Self::Unknown => "≈",
        }
    }

    /// Name in CSV files.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AtMost => "at_most",
            Self::AtLeast => "at_least",
            Self::Unknown => "unknown",
        }
    }
}

/// A mean of paired differences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Pairs of runs with the same seed.
    pub pairs: usize,
    /// The mean.
    pub mean: f64,
    /// Limits of its 95 % interval (Student).
    pub interval: [f64; 2],
    /// Limits of its 95 % percentile bootstrap interval.
    pub bootstrap: [f64; 2],
    /// p-value of no difference: Student's, and where runs fall into those that learn and those that do not, never below
    /// that of a test that assumes no shape.
    pub p_value: f64,
    /// The verdict, in view of the point's other arms; absent in records of earlier versions.
    #[serde(default)]
    pub judged: Option<Judged>,
}

/// Judgement of a difference at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Side that the interval or p < 0.05 (uncorrected) speaks for, higher or lower, where no verdict is established.
    pub leaning: Option<Verdict>,
    /// p-value after Holm's correction over the arms of the point.
    pub p_holm: f64,
    /// How many these were.
    pub tests: usize,
    /// Which test the p-values are of.
    pub test: Test,
    /// Differences up to this size do not matter; see `study::verdict`.
    pub margin: f64,
    /// Pairs in which the arm's and in which the baseline's run learnt: ended well above chance.
    pub learnt: [usize; 2],
}

/// Seeds that an arm needs, at a point of the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedsNeeded {
    /// Name of the arm.
    pub arm: String,
    /// The point of the grid.
    pub point: Vec<String>,
    /// The factor in the time to the first target that is to be seen.
    pub factor: f64,
    /// The level of the test: 0.01 over the arms that were tested.
    pub level: f64,
    /// Pairs of runs that the deviation is from.
    pub pairs: usize,
    /// Standard deviation of the logarithms of the pairs' ratios; absent where runs did not reach the target, which leaves no spread to
    /// count on.
    pub deviation: Option<f64>,
    /// Seeds with which the factor is seen with probabilities 0.8 and 0.9; absent beyond 10,000, and without a deviation.
    pub seeds: [Option<usize>; 2],
    /// Seeds for 0.8 at the ends of the deviation's 95 % interval; likewise.
    pub between: [Option<usize>; 2],
}
