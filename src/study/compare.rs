//! Every arm against the baseline, seed by seed.
//!
//! What a verdict rests on: for each seed the arm and the baseline see the same batches and draw the same numbers, so the
//! logarithm of their steps' ratio is one number a seed. Student's interval of these is exact for normal logarithms at any
//! number of seeds; with five seeds a sign or permutation test of pairs can never fall below 1/16, and a percentile bootstrap
//! is too narrow. A verdict needs p < 0.01 after Holm's correction: with 0.05 one in twenty studies of equal arms would name
//! a winner. The correction is over the arms of a point, for each target, for accuracy and for each loss apart: at most one in a
//! hundred studies of equal arms names a winner in any one of them.
//!
//! Where runs did not reach the target within the budget, there is no such logarithm, only a bound, and its spread says nothing:
//! were it by chance whether a run trains at all, Student's test would tell equal arms apart in up to 3 % of studies of three
//! seeds, and in 8 % with six arms. There the log-rank test decides, over all divisions of the runs into two groups
//! ([`log_rank`]): exact for runs that do not depend on each other, and cautious for pairs that go alike, as those of a seed do.
//! If all n runs of one arm reach the target and none of the other, more can be said (the unconditional test of Barnard 1945):
//! where a run gets there with probability p, alike or independently in the pairs, this happens with at most 2·(p(1 − p))ⁿ, which
//! is never above 2/4ⁿ. For five pairs that is 0.002, where the divisions give 2/252 = 0.008. An arm of which, as of the
//! baseline, no run gets there cannot be told apart whatever the level, and Holm's correction does not count it (Tarone 1990).
//!
//! Accuracy and losses at the end are judged beside it ([`crate::study::ending`]). Where arm and baseline differ in batch
//! size, time is counted in images seen: a step is then not the same amount of data, nor are the batches the same.

use crate::inference::bootstrap::percentile_interval;
use crate::inference::multiple::holm;
use crate::inference::paired::paired_mean;
use crate::inference::sign::sign_test;
use crate::inference::survival::{Time, all_or_none, log_rank, log_rank_excess};
use crate::rng;
use crate::study::ahead;
use crate::study::comparison::{Bound, CONFIDENCE, Comparison, Ratio, TargetComparison, Test, Unit, Verdict};
use crate::study::ending::{self, Ending};
use crate::study::record::{PairRecord, RunRecord};
use crate::study::sentence::{about_end, about_target};
use crate::study::spread::on_all_cores;
use crate::study::summarise::time_of;
use crate::study::target::{Measure, Target};
use crate::study::verdict::{MIN_PAIRS, judge_time, way_of};

const RESAMPLES: usize = 2000;

/// Compares all arms but the baseline at every point, in the order of the runs.
pub fn compare(runs: &[RunRecord], baseline: &str, targets: &[Target]) -> Vec<Comparison> {
    compare_with(runs, baseline, targets, RESAMPLES)
}

/// [`compare`] with so many samples of each bootstrap, on which no verdict rests: they take nearly all of the time.
pub(super) fn compare_with(
    runs: &[RunRecord],
    baseline: &str,
    targets: &[Target],
    resamples: usize,
) -> Vec<Comparison> {
    let of_point = |point: &&[String]| at_point(runs, point, baseline, targets, resamples);
    on_all_cores(&points_of(runs), of_point).into_iter().flatten().collect()
}

fn points_of(runs: &[RunRecord]) -> Vec<&[String]> {
    let mut points: Vec<&[String]> = Vec::new();
    for run in runs {
        if !points.contains(&run.point.as_slice()) {
            points.push(&run.point);
        }
    }
    points
}

fn at_point(
    runs: &[RunRecord],
    point: &[String],
    baseline: &str,
    targets: &[Target],
    resamples: usize,
) -> Vec<Comparison> {
    let here: Vec<&RunRecord> = runs.iter().filter(|run| run.point == point).collect();
    let of = |arm: &str| here.iter().copied().filter(|run| run.arm == arm).collect::<Vec<_>>();
    let base = of(baseline);
    if base.is_empty() {
        return Vec::new();
    }
    let arms = arms_of(&here).into_iter().filter(|arm| *arm != baseline);
    let mut all: Vec<Comparison> = arms.map(|arm| against(&of(arm), &base, targets, resamples)).collect();
    judge(&mut all, targets, |_| baseline);
    all
}

/// The arms that have runs, in the order of the runs.
fn arms_of<'a>(runs: &[&'a RunRecord]) -> Vec<&'a str> {
    let mut arms: Vec<&str> = Vec::new();
    for run in runs {
        if !arms.contains(&run.arm.as_str()) {
            arms.push(&run.arm);
        }
    }
    arms
}

/// Corrects the p-values over all of these comparisons, and says what follows; `baseline` names the other arm of each.
fn judge<'a>(all: &mut [Comparison], targets: &[Target], baseline: impl Fn(usize) -> &'a str) {
    (0..targets.len()).for_each(|target| correct(all, target));
    Ending::ALL.into_iter().for_each(|ending| ending::correct(all, ending));
    for (i, comparison) in all.iter_mut().enumerate() {
        comparison.verdict = comparison.targets[0].verdict;
        comparison.text = about_target(comparison, baseline(i));
        comparison.at_end = about_end(comparison, baseline(i));
    }
}

/// Compares every arm with every other at every point, each pair once: an arm with those before it. The correction is over all pairs of a
/// point, so that a pair needs more evidence than it does with the baseline alone.
pub fn all_pairs(runs: &[RunRecord], targets: &[Target]) -> Vec<PairRecord> {
    let here: Vec<&RunRecord> = runs.iter().collect();
    points_of(runs).into_iter().flat_map(|point| pairs_at(&here, point, targets)).collect()
}

fn pairs_at(runs: &[&RunRecord], point: &[String], targets: &[Target]) -> Vec<PairRecord> {
    let here: Vec<&RunRecord> = runs.iter().copied().filter(|run| run.point == point).collect();
    let of = |arm: &str| here.iter().copied().filter(|run| run.arm == arm).collect::<Vec<_>>();
    let arms = arms_of(&here);
    let names: Vec<[&str; 2]> =
        arms.iter().enumerate().flat_map(|(i, arm)| arms[..i].iter().map(move |other| [*arm, *other])).collect();
    let compared = names.iter().map(|[arm, other]| against(&of(arm), &of(other), targets, RESAMPLES));
    let mut all: Vec<Comparison> = compared.collect();
    judge(&mut all, targets, |i| names[i][1]);
    let pair = |(comparison, names): (Comparison, &[&str; 2])| PairRecord { against: names[1].into(), comparison };
    all.into_iter().zip(&names).map(pair).collect()
}

/// Holm's correction over the arms of a point, and the verdicts that follow. Arms with too few pairs for any verdict are no tests.
fn correct(comparisons: &mut [Comparison], target: usize) {
    let ratios = comparisons.iter_mut().filter_map(|comparison| comparison.targets[target].ratio.as_mut());
    let ratios: Vec<&mut Ratio> = ratios.filter(|ratio| ratio.is_tested() && ratio.pairs >= MIN_PAIRS).collect();
    let adjusted = holm(&ratios.iter().map(|ratio| ratio.p_value).collect::<Vec<_>>());
    let tests = ratios.len();
    ratios.into_iter().zip(adjusted).for_each(|(ratio, p)| (ratio.p_holm, ratio.tests) = (p, tests));
    comparisons.iter_mut().for_each(|comparison| judge_time(comparison, target));
}

fn against(arm: &[&RunRecord], base: &[&RunRecord], targets: &[Target], resamples: usize) -> Comparison {
    let pairs: Vec<Pair<'_>> = arm
        .iter()
        .filter_map(|run| Some(Pair { arm: run, base: base.iter().find(|other| other.seed == run.seed)? }))
        .collect();
    // The same draws from either side.
    let mut names = [arm[0].arm.as_str(), base[0].arm.as_str()];
    names.sort_unstable();
    let place = format!("bootstrap/{}/{}", names.join("/"), arm[0].point.join("/"));
    let resampled = |what: &str, values: &[f64]| bootstrap(values, &format!("{place}/{what}"), resamples);
    let unit = pairs.first().map_or(Unit::Steps, Pair::unit);
    let target = |(at, &target): (usize, &Target)| {
        let all =
            |runs: &[&RunRecord]| runs.iter().map(|run| in_units(run, time_of(run, at), unit)).collect::<Vec<Time>>();
        let (mine, theirs) = (all(arm), all(base));
        let logs: Vec<f64> = pairs.iter().map(|pair| pair.log_ratio(at)).collect();
        let lost = |runs: &[&RunRecord]| runs.iter().filter(|run| run.has_lost(at)).count();
        TargetComparison {
            target,
            reached: mine.iter().filter(|time| time.event).count(),
            runs: arm.len(),
            baseline_reached: theirs.iter().filter(|time| time.event).count(),
            baseline_runs: base.len(),
            ratio: ratio(&pairs, at, target.measure, unit, |logs| resampled(&format!("target {at}"), logs)),
            log_rank_p: log_rank(&mine, &theirs),
            sign_p: sign_test(&logs),
            verdict: Verdict::TooFewSeeds,
            leaning: None,
            lost: lost(arm),
            baseline_lost: lost(base),
            sooner: ahead::sooner(&mine, &theirs),
        }
    };
    let both: Vec<[&RunRecord; 2]> = pairs.iter().map(|pair| [pair.arm, pair.base]).collect();
    let difference =
        |ending: Ending| ending::difference(&both, ending, CONFIDENCE, |values| resampled(ending.name(), values));
    Comparison {
        arm: arm[0].arm.clone(),
        point: arm[0].point.clone(),
        verdict: Verdict::TooFewSeeds,
        text: String::new(),
        targets: targets.iter().enumerate().map(target).collect(),
        test_accuracy: difference(Ending::TestAccuracy),
        mean_loss: difference(Ending::MeanLoss),
        test_loss: difference(Ending::TestLoss),
        at_end: String::new(),
        more_accurate: ahead::more_accurate(arm, base),
    }
}

/// A time of a run in the unit of the comparison.
fn in_units(run: &RunRecord, time: Time, unit: Unit) -> Time {
    let each = match unit {
        Unit::Steps => 1.0,
        Unit::Images => run.batch_size as f64,
    };
    Time { at: time.at * each, ..time }
}

/// Two runs with the same seed.
struct Pair<'a> {
    arm: &'a RunRecord,
    base: &'a RunRecord,
}

impl Pair<'_> {
    /// The unit in which both can be compared: steps, unless their batch sizes differ.
    fn unit(&self) -> Unit {
        if self.arm.batch_size == self.base.batch_size { Unit::Steps } else { Unit::Images }
    }

    /// When the arm (0) and the baseline (1) reached target number `at`, or how long each was observed in vain: up to the smaller
    /// budget.
    fn times(&self, at: usize) -> [Time; 2] {
        let whole = |run: &RunRecord| Time { at: run.planned_steps as f64, event: false };
        let budgets = [self.arm, self.base].map(|run| in_units(run, whole(run), self.unit()).at);
        let budget = budgets[0].min(budgets[1]);
        [self.arm, self.base].map(|run| {
            let time = in_units(run, time_of(run, at), self.unit());
            if time.event && time.at <= budget { time } else { Time { at: budget, event: false } }
        })
    }

    fn log_ratio(&self, at: usize) -> f64 {
        let [arm, base] = self.times(at).map(|time| time.at.max(1.0).ln());
        arm - base
    }

    /// Variance of the logarithms' difference because accuracies are looked at every so many steps: g²/12 for each time.
    fn resolution_variance(&self, at: usize, measure: Measure) -> f64 {
        let of = |run: &RunRecord, reached: bool| {
            let grid = if measure == Measure::TestAccuracy { run.evaluate_every as f64 } else { 1.0 };
            if reached { (grid / time_of(run, at).at.max(1.0)).powi(2) / 12.0 } else { 0.0 }
        };
        let [arm, base] = self.times(at);
        of(self.arm, arm.event) + of(self.base, base.event)
    }
}

fn ratio(
    pairs: &[Pair<'_>],
    at: usize,
    measure: Measure,
    unit: Unit,
    resampled: impl Fn(&[f64]) -> [f64; 2],
) -> Option<Ratio> {
    let logs: Vec<f64> = pairs.iter().map(|pair| pair.log_ratio(at)).collect();
    let variances: f64 = pairs.iter().map(|pair| pair.resolution_variance(at, measure)).sum();
    let mean = paired_mean(&logs, CONFIDENCE, variances / pairs.len() as f64)?;
    let times = [0, 1].map(|which| pairs.iter().map(|pair| pair.times(at)[which]).collect::<Vec<Time>>());
    let reached = [0, 1].map(|which| times[which].iter().filter(|time| time.event).count());
    let bound = match reached.map(|n| n < pairs.len()) {
        [false, false] => Bound::None,
        [true, false] => Bound::AtLeast,
        [false, true] => Bound::AtMost,
        [true, true] => Bound::Unknown,
    };
    let (test, p_value) = match reached {
        [0, 0] => (Test::Nothing, 1.0),
        [arm, base] if arm == pairs.len() && base == arm => (Test::Student, mean.p_value),
        [arm, base] if arm.abs_diff(base) == pairs.len() => (Test::AllOrNone, all_or_none(pairs.len())),
        _ => (Test::LogRank, log_rank(&times[0], &times[1])),
    };
    let ratio = Ratio {
        pairs: mean.pairs,
        ratio: mean.mean.exp(),
        interval: mean.interval.map(f64::exp),
        bootstrap: resampled(&logs).map(f64::exp),
        bound,
        test,
        p_value,
        p_holm: p_value,
        tests: 1,
        unit,
        reached,
        way: None,
    };
    Some(Ratio { way: way_of(&ratio, log_rank_excess(&times[0], &times[1])), ..ratio })
}

fn bootstrap(values: &[f64], stream: &str, resamples: usize) -> [f64; 2] {
    let mut draws = rng::rng(0, stream);
    let below = |n: usize| rng::below(&mut draws, n as u32) as usize;
    percentile_interval(values, CONFIDENCE, resamples, below).expect("there are two values")
}
