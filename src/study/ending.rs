//! Accuracy and losses at the end, arm minus baseline, seed by seed.
//!
//! A difference a seed, and Student's interval and test of their mean, as for the time to a target. They are right where
//! differences are near normal; they are not where some runs learn and others stay near chance, for then a difference is one of
//! three: were it by chance which runs learn, three seeds would name a better arm in 3 of 100 studies of equal ones. A run has
//! learnt whose accuracy at the end lies more than half as far above chance as the best of both arms' runs. If all have, Student's
//! test decides; if all of one arm and none of the other, p is never below 2/4ⁿ ([`all_or_none`]); otherwise never below that
//! of all divisions of the runs into two groups ([`permutation_test`]).
//!
//! A reading is exact to one of the images that it is a mean over, and the spread of the differences is never taken to be
//! smaller than such readings make it: five equal differences on 30 images are not proof without end.

use crate::inference::multiple::holm;
use crate::inference::paired::paired_mean;
use crate::inference::permutation::permutation_test;
use crate::inference::spread::mean;
use crate::inference::survival::all_or_none;
use crate::study::comparison::{Comparison, Difference, Judged, Test, Verdict};
use crate::study::outcomes::learnt_above;
use crate::study::record::RunRecord;
use crate::study::verdict::{MIN_PAIRS, accuracy_margin, judge_difference, loss_margin};

/// A number that each run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Accuracy on the test images.
    TestAccuracy,
    /// Loss on the test images.
    TestLoss,
    /// Mean training loss over all steps.
    MeanLoss,
}

impl Ending {
    pub(super) const ALL: [Self; 3] = [Self::TestAccuracy, Self::TestLoss, Self::MeanLoss];

    /// Name in those of random streams.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TestAccuracy => "test accuracy",
            Self::TestLoss => "test loss",
            Self::MeanLoss => "mean loss",
        }
    }

    /// The measure's value of a run that did not diverge.
    fn value(self, run: &RunRecord) -> Option<f64> {
        let value = match self {
            Self::TestAccuracy => run.test_accuracy,
            Self::TestLoss => run.test_loss,
            Self::MeanLoss => run.mean_loss,
        };
        value.filter(|value| value.is_finite() && run.diverged.is_none())
    }

    /// Variance of a reading that is exact to one of its images: one more right or wrong moves an accuracy by 1/N, and a loss
    /// by about as much.
    fn resolution_variance(self, run: &RunRecord) -> f64 {
        let images = match self {
            Self::TestAccuracy | Self::TestLoss => run.test_images as f64,
            Self::MeanLoss => (run.batch_size as u64 * run.steps) as f64,
        };
        if images > 0.0 { images.powi(-2) / 12.0 } else { 0.0 }
    }

    fn margin(self, means: [f64; 2]) -> f64 {
        match self {
            Self::TestAccuracy => accuracy_margin(means),
            Self::TestLoss | Self::MeanLoss => loss_margin(means),
        }
    }

    /// Its difference in a comparison.
    pub(super) fn of(self, comparison: &mut Comparison) -> &mut Option<Difference> {
        match self {
            Self::TestAccuracy => &mut comparison.test_accuracy,
            Self::TestLoss => &mut comparison.test_loss,
            Self::MeanLoss => &mut comparison.mean_loss,
        }
    }
}

/// The mean difference over `pairs` (arm, baseline) in which both runs ended with a number. `bootstrap` makes the percentile
/// interval. The verdict is made by [`correct`].
pub(super) fn difference(
    pairs: &[[&RunRecord; 2]],
    ending: Ending,
    confidence: f64,
    bootstrap: impl Fn(&[f64]) -> [f64; 2],
) -> Option<Difference> {
    let whole = |pair: &&[&RunRecord; 2]| pair.iter().all(|run| ending.value(run).is_some());
    let pairs: Vec<[&RunRecord; 2]> = pairs.iter().filter(whole).copied().collect();
    let of = |which: usize| pairs.iter().filter_map(|pair| ending.value(pair[which])).collect::<Vec<f64>>();
    let values = [of(0), of(1)];
    let differences: Vec<f64> = values[0].iter().zip(&values[1]).map(|(arm, base)| arm - base).collect();
    let variance: f64 = pairs.iter().flatten().map(|run| ending.resolution_variance(run)).sum();
    let found = paired_mean(&differences, confidence, variance / pairs.len() as f64)?;
    let learnt = learnt(&pairs);
    let (test, least_p) = match learnt {
        [arm, base] if arm == pairs.len() && base == arm => (Test::Student, 0.0),
        [arm, base] if arm.abs_diff(base) == pairs.len() => (Test::AllOrNone, all_or_none(pairs.len())),
        _ => (Test::Permutation, permutation_test(&values[0], &values[1])),
    };
    let p_value = found.p_value.max(least_p);
    // Accuracies lie between 0 and 1, so no difference is larger than 1.
    let most = if ending == Ending::TestAccuracy { 1.0 } else { f64::INFINITY };
    Some(Difference {
        pairs: found.pairs,
        mean: found.mean,
        interval: found.interval.map(|end| end.clamp(-most, most)),
        bootstrap: bootstrap(&differences),
        p_value,
        judged: Some(Judged {
            verdict: Verdict::TooFewSeeds,
            leaning: None,
            p_holm: p_value,
            tests: 1,
            test,
            margin: ending.margin([mean(&values[0]), mean(&values[1])]),
            learnt,
        }),
    })
}

/// Pairs in which the arm's run has learnt, and pairs in which the baseline's has.
fn learnt(pairs: &[[&RunRecord; 2]]) -> [usize; 2] {
    let accuracy = |run: &RunRecord| run.test_accuracy.unwrap_or(f64::NAN);
    let best = pairs.iter().flatten().map(|run| accuracy(run)).fold(0.0, f64::max);
    [0, 1].map(|which| {
        let has = |pair: &&[&RunRecord; 2]| accuracy(pair[which]) > learnt_above(pair[which].chance, best);
        pairs.iter().filter(has).count()
    })
}

/// Holm's correction over the arms of a point, and the verdicts that follow. Arms with too few pairs for any verdict are no tests.
pub(super) fn correct(comparisons: &mut [Comparison], ending: Ending) {
    let found = comparisons.iter_mut().filter_map(|comparison| ending.of(comparison).as_mut());
    let mut found: Vec<&mut Difference> = found.filter(|difference| difference.pairs >= MIN_PAIRS).collect();
    let adjusted = holm(&found.iter().map(|difference| difference.p_value).collect::<Vec<_>>());
    let tests = found.len();
    for (difference, p_holm) in found.iter_mut().zip(adjusted) {
        if let Some(judged) = &mut difference.judged {
            (judged.p_holm, judged.tests) = (p_holm, tests);
        }
        judge_difference(difference);
    }
}
