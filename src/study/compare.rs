//! Every arm against the baseline, seed by seed.
//!
//! What a verdict rests on: for each seed the arm and the baseline see the same batches and draw the same numbers, so the
//! logarithm of their steps' ratio is one number a seed. Student's interval of these is exact for normal logarithms at any
//! number of seeds; with five seeds a sign or permutation test of pairs can never fall below 1/16, and a percentile bootstrap
//! is too narrow. A verdict needs p < 0.01 after Holm's correction: with 0.05 one in twenty studies of equal arms would name
//! a winner.
//!
//! Where runs did not reach the target within the budget, there is no such logarithm, only a bound, and its spread says nothing:
//! were it by chance whether a run trains at all, Student's test would tell equal arms apart in up to 3 % of studies of three
//! seeds, and in 8 % with six arms. There the log-rank test decides, over all divisions of the runs into two groups
//! ([`log_rank`]): exact for runs that do not depend on each other, and cautious for pairs that go alike, as those of a seed do.
//! If all n runs of one arm reach the target and none of the other, more can be said (the unconditional test of Barnard 1945):
//! where a run gets there with probability p, alike or independently in the pairs, this happens with at most 2·(p(1 − p))ⁿ, which
//! is never above 2/4ⁿ. For five pairs that is 0.002, where the divisions give 2/252 = 0.008. An arm of which, as of the
//! baseline, no run gets there cannot be told apart whatever the level, and Holm's correction does not count it (Tarone 1990).

use crate::rng;
use crate::stats::bootstrap::percentile_interval;
use crate::stats::multiple::holm;
use crate::stats::paired::paired_mean;
use crate::stats::sign::sign_test;
use crate::stats::survival::{Time, all_or_none, log_rank};
use crate::study::comparison::{Bound, Comparison, Difference, Ratio, TargetComparison, Test, Verdict};
use crate::study::record::{Measure, RunRecord, Target};
use crate::study::summarise::times;
use crate::study::verdict::{decide, sentence};

/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;
const RESAMPLES: usize = 2000;

/// Compares all arms but the baseline at every point, in the order of the runs.
pub fn compare(runs: &[RunRecord], baseline: &str, targets: &[Target]) -> Vec<Comparison> {
    let mut points: Vec<&[String]> = Vec::new();
    for run in runs {
        if !points.contains(&run.point.as_slice()) {
            points.push(&run.point);
        }
    }
    points.into_iter().flat_map(|point| at_point(runs, point, baseline, targets)).collect()
}

fn at_point(runs: &[RunRecord], point: &[String], baseline: &str, targets: &[Target]) -> Vec<Comparison> {
    let here: Vec<&RunRecord> = runs.iter().filter(|run| run.point == point).collect();
    let of = |arm: &str| here.iter().copied().filter(|run| run.arm == arm).collect::<Vec<_>>();
    let base = of(baseline);
    let mut arms: Vec<&str> = Vec::new();
    for run in here.iter().filter(|run| run.arm != baseline) {
        if !arms.contains(&run.arm.as_str()) {
            arms.push(&run.arm);
        }
    }
    if base.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<Comparison> = arms.iter().map(|arm| against(&of(arm), &base, targets)).collect();
    (0..targets.len()).for_each(|target| correct(&mut all, target));
    let tests = all.iter().filter_map(|comparison| comparison.targets[0].ratio).filter(Ratio::is_tested).count();
    for comparison in &mut all {
        comparison.verdict = comparison.targets[0].verdict;
        comparison.text = sentence(comparison, baseline, tests);
    }
    all
}

/// Holm's correction over the arms of a point, and the verdicts that follow.
fn correct(comparisons: &mut [Comparison], target: usize) {
    let ratios = comparisons.iter_mut().filter_map(|comparison| comparison.targets[target].ratio.as_mut());
    let ratios: Vec<&mut Ratio> = ratios.filter(|ratio| ratio.is_tested()).collect();
    let adjusted = holm(&ratios.iter().map(|ratio| ratio.p_value).collect::<Vec<_>>());
    ratios.into_iter().zip(adjusted).for_each(|(ratio, p)| ratio.p_holm = p);
    for comparison in comparisons {
        let at = &mut comparison.targets[target];
        at.verdict = decide(at.ratio.as_ref());
    }
}

fn against(arm: &[&RunRecord], base: &[&RunRecord], targets: &[Target]) -> Comparison {
    let pairs: Vec<Pair<'_>> = arm
        .iter()
        .filter_map(|run| Some(Pair { arm: run, base: base.iter().find(|other| other.seed == run.seed)? }))
        .collect();
    let name = |what: &str| format!("bootstrap/{}/{}/{what}", arm[0].arm, arm[0].point.join("/"));
    let target = |(at, &target): (usize, &Target)| {
        let (mine, theirs) = (times(arm, at), times(base, at));
        let logs: Vec<f64> = pairs.iter().map(|pair| pair.log_ratio(at)).collect();
        TargetComparison {
            target,
            reached: mine.iter().filter(|time| time.event).count(),
            runs: arm.len(),
            baseline_reached: theirs.iter().filter(|time| time.event).count(),
            baseline_runs: base.len(),
            ratio: ratio(&pairs, at, target.measure, &logs, &name(&format!("target {at}"))),
            log_rank_p: log_rank(&mine, &theirs),
            sign_p: sign_test(&logs),
            verdict: Verdict::TooFewSeeds,
        }
    };
    let differences = |value: fn(&RunRecord) -> Option<f64>| -> Vec<f64> {
        pairs.iter().filter_map(|pair| Some(value(pair.arm)? - value(pair.base)?)).collect()
    };
    let accuracy = |run: &RunRecord| run.test_accuracy.filter(|_| run.diverged.is_none());
    Comparison {
        arm: arm[0].arm.clone(),
        point: arm[0].point.clone(),
        verdict: Verdict::TooFewSeeds,
        text: String::new(),
        targets: targets.iter().enumerate().map(target).collect(),
        test_accuracy: difference(&differences(accuracy), &name("test accuracy")),
        mean_loss: difference(&differences(|run| run.mean_loss), &name("mean loss")),
    }
}

/// Two runs with the same seed.
struct Pair<'a> {
    arm: &'a RunRecord,
    base: &'a RunRecord,
}

impl Pair<'_> {
    /// Steps of both that can be compared: up to the smaller budget.
    fn budget(&self) -> u64 {
        self.arm.planned_steps.min(self.base.planned_steps)
    }

    /// Steps of arm and baseline to target number `at`, where they reached it within the common budget.
    fn steps(&self, at: usize) -> [Option<u64>; 2] {
        [self.arm, self.base].map(|run| run.steps_to_target[at].filter(|&steps| steps <= self.budget()))
    }

    /// When the arm (0) or the baseline (1) reached target number `at`, or how long it was watched in vain.
    fn time(&self, at: usize, which: usize) -> Time {
        let steps = self.steps(at)[which];
        Time { at: steps.unwrap_or(self.budget()) as f64, event: steps.is_some() }
    }

    fn log_ratio(&self, at: usize) -> f64 {
        let [arm, base] = self.steps(at).map(|steps| (steps.unwrap_or(self.budget()).max(1) as f64).ln());
        arm - base
    }

    /// Variance of the logarithms' difference because accuracies are looked at every so many steps: g²/12 for each time.
    fn resolution_variance(&self, at: usize, measure: Measure) -> f64 {
        let of = |run: &RunRecord, steps: Option<u64>| {
            let grid = if measure == Measure::TestAccuracy { run.evaluate_every as f64 } else { 1.0 };
            steps.map_or(0.0, |steps| (grid / steps.max(1) as f64).powi(2) / 12.0)
        };
        let [arm, base] = self.steps(at);
        of(self.arm, arm) + of(self.base, base)
    }
}

fn ratio(pairs: &[Pair<'_>], at: usize, measure: Measure, logs: &[f64], stream: &str) -> Option<Ratio> {
    let variances: f64 = pairs.iter().map(|pair| pair.resolution_variance(at, measure)).sum();
    let mean = paired_mean(logs, CONFIDENCE, variances / pairs.len() as f64)?;
    let steps: Vec<[Option<u64>; 2]> = pairs.iter().map(|pair| pair.steps(at)).collect();
    let missed = |which: usize| steps.iter().any(|pair| pair[which].is_none());
    let bound = match (missed(0), missed(1)) {
        (false, false) => Bound::None,
        (true, false) => Bound::AtLeast,
        (false, true) => Bound::AtMost,
        (true, true) => Bound::Unknown,
    };
    let reached = [0, 1].map(|which| steps.iter().filter(|pair| pair[which].is_some()).count());
    let (test, p_value) = match reached {
        [0, 0] => (Test::Nothing, 1.0),
        [arm, base] if arm == pairs.len() && base == arm => (Test::Student, mean.p_value),
        [arm, base] if arm.abs_diff(base) == pairs.len() => (Test::AllOrNone, all_or_none(pairs.len())),
        _ => {
            let times = [0, 1].map(|which| pairs.iter().map(|pair| pair.time(at, which)).collect::<Vec<_>>());
            (Test::LogRank, log_rank(&times[0], &times[1]))
        }
    };
    Some(Ratio {
        pairs: mean.pairs,
        ratio: mean.mean.exp(),
        interval: mean.interval.map(f64::exp),
        bootstrap: bootstrap(logs, stream).map(f64::exp),
        bound,
        test,
        p_value,
        p_holm: p_value,
    })
}

fn difference(values: &[f64], stream: &str) -> Option<Difference> {
    let found = paired_mean(values, CONFIDENCE, 0.0)?;
    let bootstrap = bootstrap(values, stream);
    Some(Difference {
        pairs: found.pairs,
        mean: found.mean,
        interval: found.interval,
        bootstrap,
        p_value: found.p_value,
    })
}

fn bootstrap(values: &[f64], stream: &str) -> [f64; 2] {
    let mut draws = rng::rng(0, stream);
    let below = |n: usize| rng::below(&mut draws, n as u32) as usize;
    percentile_interval(values, CONFIDENCE, RESAMPLES, below).expect("there are two values")
}
