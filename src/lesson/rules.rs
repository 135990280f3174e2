//! The table of rules about a replay of the lesson.

use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::lesson::outcome::{Outcome, Report};
use crate::lesson::verdict::CONFIDENCE;
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Note, Warning};

/// A rule about a replay.
type OfReplay = fn(&Report, f64) -> Option<Found>;

/// The rules, in the order in which findings of one severity are told.
#[rustfmt::skip]
pub const RULES: &[Rule<OfReplay>] = &[
    Rule { name: "outside", severity: Warning, threshold: CONFIDENCE, find: outside,
        measure: "probability of the range in which a further draw falls, for a printed number that lies outside of it", source: "one in a thousand does by chance" },
    Rule { name: "runs_stuck_or_diverged", severity: Warning, threshold: 0.0, find: lost,
        measure: "training runs that stayed at chance or diverged", source: "a range tells nothing of them" },
    Rule { name: "inside", severity: Note, threshold: CONFIDENCE, find: inside,
        measure: "as outside, where every number that was replayed is inside", source: "see outside" },
];

/// Applies all rules to a replay.
pub fn of_replay(report: &Report) -> Vec<Finding> {
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(report, rule.threshold)?))).collect())
}

fn outside(report: &Report, threshold: f64) -> Option<Found> {
    let names = report.outside();
    let text = format!(
        "{} of {} results have a number outside the range of a further draw ({} %): {}",
        names.len(),
        report.results.len(),
        100.0 * threshold,
        names.join(", ")
    );
    (!names.is_empty())
        .then(|| Found::new(text, "the notes beside them say why, where it is known; more --seeds narrow the ranges"))
}

fn inside(report: &Report, threshold: f64) -> Option<Found> {
    let all = report.inside();
    let text = format!(
        "all {all} results that were replayed lie where a further draw falls with a probability of {} %: the printed draws are ordinary",
        100.0 * threshold
    );
    (all > 0 && report.outside().is_empty()).then(|| Found::new(text, ""))
}

fn lost(report: &Report, _: f64) -> Option<Found> {
    let of = |outcome: &Outcome| {
        let row = outcome.numbers.first()?;
        let (stuck, diverged) = (row.stuck(), row.diverged);
        (stuck + diverged > 0).then(|| format!("{} ({stuck} at chance, {diverged} diverged)", outcome.id))
    };
    let all: Vec<String> = report.results.iter().filter_map(of).collect();
    let text = format!("training runs were lost: {}", all.join(", "));
    (!all.is_empty()).then(|| Found::new(text, "clip the gradient's norm (train.clip_norm), or lower the rate"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Samples;
    use crate::lesson::reference::references;
    use crate::lesson::theory::Theory;
    use crate::lesson::verdict::{Row, compare};

    #[test]
    fn each_rule_speaks_where_it_should_and_nowhere_else() {
        let names = |report: &Report| of_replay(report).into_iter().map(|finding| finding.rule).collect::<Vec<_>>();
        let mut report = crate::lesson::report(&references(), &Samples::default(), &Theory::default());
        assert!(names(&report).is_empty(), "nothing was replayed");
        let printed = &references()[0].printed[0];
        let draws = [printed.value; 5];
        let row = |inside: bool, diverged: usize| Row { inside, diverged, ..compare(printed, &draws, None) };
        for (rows, want) in [
            (vec![row(true, 0)], &["inside"][..]),
            (vec![row(true, 2)], &["runs_stuck_or_diverged", "inside"]),
            (vec![row(false, 0), row(true, 0)], &["outside"]),
        ] {
            report.results[0].numbers = rows;
            assert_eq!(names(&report), want);
        }
    }
}
