//! Turns comparisons into the sentences that explain their verdicts. No sentence denies what its own numbers show.

use crate::inference::survival::all_or_none;
use crate::numerals::factor;
use crate::study::comparison::{
    Ahead, Bound, Comparison, Difference, Ratio, TargetComparison, Test, Verdict, leaning_text,
};
use crate::study::verdict::{LEVEL, MIN_PAIRS, TIME_MARGIN};

/// A bound closer to 1 than this factor tells less than who got there.
const TELLING: f64 = 1.05;

/// The verdict about the first target with the numbers behind it.
pub(super) fn about_target(comparison: &Comparison, baseline: &str) -> String {
    let at = &comparison.targets[0];
    let (arm, target) = (&comparison.arm, at.target.text());
    let ratio = match &at.ratio {
        _ if at.verdict == Verdict::NeitherReaches => {
            let counts = format!("0/{} against 0/{} of {baseline}", at.runs, at.baseline_runs);
            return format!("{arm}: neither reaches {target}, {counts}");
        }
        None => return format!("{arm}: {}; fewer than two seeds can be compared with {baseline}", at.verdict.text()),
        Some(ratio) => ratio,
    };
    let verdict = leaning_text(at.verdict, at.leaning) + &room(at, ratio);
    let p =
        probability(ratio.p_value, ratio.p_holm, ratio.tests, &format!("after correction over {} arms", ratio.tests));
    format!("{arm}: {verdict}; {}, n = {}, {p}", numbers(at, ratio, baseline), ratio.pairs)
}

/// Says how much is missing to a verdict, or how far a verdict of no difference reaches.
fn room(at: &TargetComparison, ratio: &Ratio) -> String {
    match at.verdict {
        Verdict::NotEstablished if ratio.test == Test::AllOrNone && ratio.p_value < 0.05 => {
            format!(": {} seeds like these would tell", seeds_to_tell(ratio.pairs, ratio.tests))
        }
        Verdict::NotEstablished if ratio.test == Test::LogRank && ratio.way.is_none() && ratio.p_value < 0.05 => {
            ", for who gets there sooner and who gets there more often disagree".into()
        }
        Verdict::NoDifferenceSeen => format!(" beyond a factor of {TIME_MARGIN}"),
        Verdict::NotEstablished
        | Verdict::Sooner
        | Verdict::Later
        | Verdict::Higher
        | Verdict::Lower
        | Verdict::NeitherReaches
        | Verdict::TooFewSeeds => String::new(),
    }
}

/// Seeds after which all of one and none of the other would be a verdict.
fn seeds_to_tell(pairs: usize, tests: usize) -> usize {
    let enough = |&seeds: &usize| seeds >= MIN_PAIRS && tests as f64 * all_or_none(seeds) < LEVEL;
    (pairs + 1..).find(enough).expect("the probability falls to nothing")
}

/// The arm's time to the target in the baseline's.
pub(super) fn numbers(at: &TargetComparison, ratio: &Ratio, baseline: &str) -> String {
    let times = format!("{} times the {}", factor(ratio.ratio), ratio.unit.name());
    let [low, high] = ratio.interval.map(factor);
    let who = who(at, ratio);
    match ratio.bound {
        Bound::None => format!("{times} of {baseline} (95 % interval {low} to {high})"),
        // A bound says nothing about the far side, and nothing at all if it is 1.
        _ if !tells(ratio) => format!("{who} of {baseline}"),
        Bound::AtMost | Bound::AtLeast => format!("{who} of {baseline}, {}{times}", ratio.bound.words()),
        Bound::Unknown => format!("{who} of {baseline}, {times} if the others had got there with their last"),
    }
}

/// The ratio as a number beside others: tested, and one that says more than who got there. Where no run of the arm did, and the baseline
/// did not always, what is known of neither would look like a measurement.
pub fn told(at: &TargetComparison) -> Option<Ratio> {
    let unknown = at.reached == 0 && at.ratio.is_some_and(|ratio| ratio.bound == Bound::Unknown);
    at.ratio.filter(|ratio| ratio.is_tested() && tells(ratio) && !unknown)
}

/// True if a ratio that is a bound says more than who got there.
fn tells(ratio: &Ratio) -> bool {
    match ratio.bound {
        Bound::None => true,
        Bound::AtMost => ratio.ratio < 1.0 / TELLING,
        Bound::AtLeast => ratio.ratio > TELLING,
        Bound::Unknown => !(1.0 / TELLING..=TELLING).contains(&ratio.ratio),
    }
}

/// Who got there, and who did not stay.
fn who(at: &TargetComparison, ratio: &Ratio) -> String {
    // Pairs with a common budget: what an arm reached beyond it does not count.
    let cut =
        at.runs == ratio.pairs && at.baseline_runs == ratio.pairs && ratio.reached != [at.reached, at.baseline_reached];
    let [arm, base] = match cut {
        true => ratio.reached.map(|reached| format!("{reached}/{}", ratio.pairs)),
        false => [(at.reached, at.runs), (at.baseline_reached, at.baseline_runs)].map(|(n, of)| format!("{n}/{of}")),
    };
    let lost = |lost: usize| if lost == 0 { String::new() } else { format!(" ({lost} of which lost it again)") };
    let within = if cut { " within the smaller budget" } else { "" };
    format!("reached by {arm}{} against {base}{}{within}", lost(at.lost), lost(at.baseline_lost))
}

/// The verdicts about accuracy and loss at the end; empty where there is none.
pub(super) fn about_end(comparison: &Comparison, baseline: &str) -> String {
    let accuracy = part("accuracy", comparison.test_accuracy.as_ref(), 100.0, 2, " points");
    let loss = part("test loss", comparison.test_loss.as_ref(), 1.0, 3, "");
    // Who learns is the same for both.
    let learnt = comparison.test_accuracy.as_ref().map_or_else(String::new, learnt);
    let accuracy = accuracy.map(|accuracy| accuracy + &learnt);
    let parts: Vec<String> = [accuracy, loss].into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    let ahead = comparison.more_accurate.map(|ahead| how_often(&ahead, baseline));
    let parts: Vec<String> = parts.into_iter().chain(ahead).collect();
    let pairs = comparison.test_accuracy.or(comparison.test_loss).map_or(0, |difference| difference.pairs);
    let left = comparison.targets.first().is_some_and(|at| pairs < at.runs.min(at.baseline_runs));
    let of = if left { format!(", in the {pairs} pairs of which neither diverged") } else { String::new() };
    format!("{} at the end{of}: {}", comparison.arm, parts.join("; "))
}

/// The verdict about one number, in units of 1/`scale` with at least so many digits.
fn part(what: &str, found: Option<&Difference>, scale: f64, least: usize, unit: &str) -> Option<String> {
    let difference = found?;
    let judged = difference.judged?;
    let [low, high] = difference.interval.map(|end| scale * end);
    let digits = digits(high - low, least);
    let within = if judged.verdict == Verdict::NoDifferenceSeen {
        format!(" beyond {:.*}{unit}", least.max(3), scale * judged.margin)
    } else {
        String::new()
    };
    let verdict = leaning_text(judged.verdict, judged.leaning);
    let p = probability(difference.p_value, judged.p_holm, judged.tests, "corrected");
    let mean = scale * difference.mean;
    Some(format!(
        "{what} {verdict}{within}: {mean:+.digits$}{unit} (95 % interval {low:+.digits$} to {high:+.digits$}), {p}"
    ))
}

/// How likely a run of the arm ends more accurate than one of the baseline.
fn how_often(ahead: &Ahead, baseline: &str) -> String {
    let [found, low, high] = [ahead.probability, ahead.interval[0], ahead.interval[1]].map(|p| format!("{p:.2}"));
    format!("more accurate than a run of {baseline} with probability {found} (95 % interval {low} to {high})")
}

/// Digits after the point that show an interval of this width, and no fewer than these.
fn digits(width: f64, least: usize) -> usize {
    if width > 0.0 { (1.0 - width.log10().floor()).clamp(least as f64, 9.0) as usize } else { least }
}

/// Who learnt, where that decides.
fn learnt(difference: &Difference) -> String {
    let Some(judged) = difference.judged else { return String::new() };
    let [arm, base] = judged.learnt;
    match judged.test {
        Test::AllOrNone | Test::Permutation if arm + base > 0 => {
            format!(" ({arm}/{} against {base}/{} learn)", difference.pairs, difference.pairs)
        }
        Test::Permutation => " (none learns)".into(),
        Test::AllOrNone | Test::Student | Test::LogRank | Test::Nothing => String::new(),
    }
}

/// A p-value alone, and what a correction makes of it.
fn probability(alone: f64, corrected: f64, tests: usize, after: &str) -> String {
    let [alone, corrected] = [alone, corrected].map(significant);
    match tests {
        0 | 1 => format!("p {alone}"),
        _ if alone == corrected => format!("p {alone} alone and {after}"),
        _ => format!("p {alone} alone, {} {after}", corrected.trim_start_matches("= ")),
    }
}

/// `= p` with at least one digit that is not 0, and enough of them near the level; or `< 0.0001`.
fn significant(p: f64) -> String {
    let digits = match p {
        p if p < 1e-4 => return "< 0.0001".into(),
        p if p < 0.001 => 4,
        p if (0.95 * LEVEL..LEVEL).contains(&p) => 4,
        p if p < 0.1 => 3,
        _ => 2,
    };
    format!("= {p:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_says_what_its_correction_makes_of_it() {
        for (alone, corrected, tests, want) in [
            (0.003, 0.003, 1, "p = 0.003"),
            (0.002, 0.012, 6, "p = 0.002 alone, 0.012 corrected"),
            (0.002, 0.0096, 6, "p = 0.002 alone, 0.0096 corrected"),
            (0.4, 1.0, 2, "p = 0.40 alone, 1.00 corrected"),
            (1e-9, 6e-9, 6, "p < 0.0001 alone and corrected"),
            (1e-9, 0.0005, 6, "p < 0.0001 alone, 0.0005 corrected"),
        ] {
            assert_eq!(probability(alone, corrected, tests, "corrected"), want);
        }
    }
}
