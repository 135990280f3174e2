//! The table of rules about a learning rate range test.

use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::study::range_test::{LEAST_FALL, MARGIN, Outcome, RangeTest, Suggestion};

/// A range test and its outcome.
pub struct Tested<'a> {
    /// The losses.
    pub test: &'a RangeTest,
    /// The reading of them.
    pub outcome: Outcome,
    /// The highest rate that was asked for.
    pub high: f64,
}

/// A rule about a range test.
type OfTest = fn(&Tested<'_>, f64) -> Option<Found>;

const LEAST: &str = "smaller changes are the luck of the batches";

/// The rules; of each test one speaks.
#[rustfmt::skip]
pub const RULES: &[Rule<OfTest>] = &[
    Rule { name: "first_loss_not_finite", severity: Fault, threshold: 0.0, find: not_finite,
        measure: "losses before one is NaN or infinite", source: "none may be" },
    Rule { name: "loss_rises", severity: Warning, threshold: LEAST_FALL, find: rises,
        measure: "fall of the smoothed loss, as a share of its first value, where it rises by more", source: LEAST },
    Rule { name: "loss_stays", severity: Warning, threshold: LEAST_FALL, find: flat,
        measure: "fall of the smoothed loss, as a share of its first value, where it rises no more than that", source: LEAST },
    Rule { name: "range_ends_early", severity: Warning, threshold: LEAST_FALL, find: still_falling,
        measure: "rise of the smoothed loss from its lowest to the end of the range, as a share of its first value", source: LEAST },
    Rule { name: "answers_alike", severity: Warning, threshold: 0.0, find: blind,
        measure: "how far the loss falls below that of a net that gives every image the same answer",
        source: "such a net knows only how frequent each label is" },
    Rule { name: "valley", severity: Note, threshold: MARGIN, find: valley,
        measure: "the middle of the valley over the suggested rate", source: "deep nets that trained at the middle itself were thrown back on most seeds" },
];

/// Applies all rules to a range test.
pub fn of_test(tested: &Tested<'_>) -> Vec<Finding> {
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(tested, rule.threshold)?))).collect())
}

/// The rates of the first and of the last step.
fn ends(test: &RangeTest) -> [f64; 2] {
    [test.rates.first(), test.rates.last()].map(|rate| rate.copied().unwrap_or(f64::NAN))
}

fn not_finite(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let text = "the first loss is not finite, before anything was learnt: no suggestion";
    (tested.outcome == Outcome::NotFinite).then(|| Found::new(text, "`initlab probe` shows the start"))
}

fn rises(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let [first, _] = ends(tested.test);
    let text = format!("the loss never falls, it rises from {first:.1e} on: no suggestion");
    (tested.outcome == Outcome::Rises).then(|| Found::new(text, "try lower rates with --low"))
}

fn flat(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let Outcome::Flat([least, most]) = tested.outcome else { return None };
    let [first, last] = ends(tested.test);
    let text = format!(
        "the loss never falls: from {first:.1e} to {last:.1e} it stays between {least:.4} and {most:.4}: no suggestion"
    );
    Some(Found::new(text, "try another range with --low and --high, or more --steps"))
}

fn still_falling(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let [_, last] = ends(tested.test);
    let text = format!("the loss still falls at {last:.1e}, where the range ends: no suggestion");
    let advice = format!("raise it, as with --high {:.1e}", 10.0 * tested.high);
    (tested.outcome == Outcome::StillFalling).then(|| Found::new(text, advice))
}

fn suggested(rate: f64) -> String {
    format!("suggested learning rate {rate:.2e}, half of the middle of the valley")
}

fn blind(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let Outcome::Blind(Suggestion { rate, .. }) = tested.outcome else { return None };
    let text = format!(
        "{}, but the loss falls no further than that of a net which gives every image the same answer",
        suggested(rate)
    );
    Some(Found::new(text, format!("more --steps than {} tell more", tested.test.rates.len())))
}

fn valley(tested: &Tested<'_>, _: f64) -> Option<Found> {
    let Outcome::Valley(Suggestion { rate, lowest }) = tested.outcome else { return None };
    let text = format!("{}; lowest loss at {lowest:.2e}, beyond it training suffers", suggested(rate));
    Some(Found::new(text, format!("train with --lr {rate:.2e}")))
}
