//! From numbers to words.

use crate::stats::survival::all_or_none;
use crate::study::comparison::{Bound, Comparison, Ratio, TargetComparison, Test, Verdict};

/// A verdict needs a p-value below this, after Holm's correction.
pub const LEVEL: f64 = 0.01;
/// Fewer pairs say nothing.
const MIN_PAIRS: usize = 3;
/// An interval whose ends differ by more than this factor holds almost any difference.
const WIDEST: f64 = 4.0;

/// What the ratio says.
pub(super) fn decide(ratio: Option<&Ratio>) -> Verdict {
    let Some(ratio) = ratio.filter(|ratio| ratio.pairs >= MIN_PAIRS) else { return Verdict::TooFewSeeds };
    let [low, high] = ratio.interval;
    match ratio.p_holm < LEVEL {
        true if sooner(ratio) => Verdict::Sooner,
        true => Verdict::Later,
        // The clearest outcome that these seeds could have, and yet no proof.
        false if ratio.test == Test::AllOrNone || high > WIDEST * low => Verdict::TooFewSeeds,
        false => Verdict::NoDifferenceSeen,
    }
}

/// Which way the ratio points. Runs that get there with their very last step, against none, are as long on their way as
/// those: the bound tells them apart.
fn sooner(ratio: &Ratio) -> bool {
    ratio.ratio < 1.0 || ratio.ratio == 1.0 && ratio.bound == Bound::AtMost
}

/// The verdict about the first target with the numbers behind it; `tests` arms of the point were tested.
pub(super) fn sentence(comparison: &Comparison, baseline: &str, tests: usize) -> String {
    let at = &comparison.targets[0];
    let (arm, target) = (&comparison.arm, at.target.text());
    let Some(ratio) = &at.ratio else {
        return format!("{arm}: {}; fewer than two seeds can be compared with {baseline}", at.verdict.text());
    };
    if !ratio.is_tested() {
        return format!("{arm}: {}; neither reaches {target}, n = {}", at.verdict.text(), ratio.pairs);
    }
    format!("{arm}: {}{}; {}", at.verdict.text(), lean(at, ratio, tests), numbers(at, ratio, baseline))
}

/// What stands between no verdict and one.
fn lean(at: &TargetComparison, ratio: &Ratio, tests: usize) -> String {
    let side = if sooner(ratio) { "sooner" } else { "later" };
    match at.verdict {
        Verdict::TooFewSeeds if ratio.test == Test::AllOrNone => {
            let enough = |&seeds: &usize| seeds >= MIN_PAIRS && tests as f64 * all_or_none(seeds) < LEVEL;
            let seeds = (ratio.pairs + 1..).find(enough).expect("the probability falls to nothing");
            format!(", leaning {side}: {seeds} seeds like these would tell")
        }
        Verdict::NoDifferenceSeen if ratio.p_holm < 0.05 => format!(", leaning {side}: more seeds would tell"),
        _ => String::new(),
    }
}

fn numbers(at: &TargetComparison, ratio: &Ratio, baseline: &str) -> String {
    let [low, high] = ratio.interval.map(factor);
    // A bound says nothing about the far side.
    let interval = if ratio.bound == Bound::None { format!(" (95 % interval {low} to {high})") } else { String::new() };
    let bound = ratio.bound.words();
    let never = if at.reached + at.baseline_reached < at.runs + at.baseline_runs {
        format!(", reached by {}/{} against {}/{}", at.reached, at.runs, at.baseline_reached, at.baseline_runs)
    } else {
        String::new()
    };
    let p = if ratio.p_holm < 1e-4 { "p < 0.0001".into() } else { format!("p = {}", Significant(ratio.p_holm)) };
    format!("{bound}{} times the steps of {baseline}{interval}{never}, n = {}, {p}", factor(ratio.ratio), ratio.pairs)
}

/// A factor with two digits after the point, or with two digits in all.
pub fn factor(x: f64) -> String {
    if x >= 1000.0 {
        return "over 1000".into();
    }
    if x >= 100.0 {
        format!("{x:.0}")
    } else if x >= 10.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.2}")
    }
}

/// Prints a small probability with at least one digit that is not 0.
struct Significant(f64);

impl std::fmt::Display for Significant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.0 < 0.001 {
            4
        } else if self.0 < 0.01 {
            3
        } else {
            2
        };
        write!(f, "{:.digits$}", self.0)
    }
}
