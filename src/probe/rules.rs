//! The table of rules about a start, before any training. A further finding is a row here and a function that finds it.

use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::probe::advice;
use crate::probe::evidence::Evidence;
use crate::probe::record::{Direction, Trend, Verdict};
use crate::probe::words::{self, ALIKE};
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::theory::trainable::{EXPLODES, VANISHES};

/// A rule about a start.
type OfStart = fn(&Evidence<'_>, f64) -> Option<Found>;

const DEPTH: &str = "docs/depth.md: the limits between which nets trained";
const SLOWS: &str = "docs/depth.md: such nets trained later than those whose signal holds";
const FORWARD: &str = "factor on E[z²] from the first hidden layer to the last";
const BACKWARD: &str = "factor on the gradient's squared length from the last hidden layer to the first";

/// The rules, in the order in which findings of one severity are told.
#[rustfmt::skip]
pub const RULES: &[Rule<OfStart>] = &[
    Rule { name: "no_signal", severity: Fault, threshold: 0.0, find: no_signal,
        measure: "values that are exactly 0 and that no step moves", source: "what is 0 passes nothing on" },
    Rule { name: "vanishing_signal", severity: Fault, threshold: VANISHES, find: |e, _| forwards(e, &[Trend::Vanishes]),
        measure: FORWARD, source: DEPTH },
    Rule { name: "exploding_signal", severity: Fault, threshold: EXPLODES, find: |e, _| forwards(e, &[Trend::Explodes]),
        measure: "the same", source: DEPTH },
    Rule { name: "vanishing_gradient", severity: Fault, threshold: VANISHES, find: |e, _| backwards(e, &[Trend::Vanishes]),
        measure: BACKWARD, source: DEPTH },
    Rule { name: "exploding_gradient", severity: Fault, threshold: EXPLODES, find: |e, _| backwards(e, &[Trend::Explodes]),
        measure: "the same", source: DEPTH },
    Rule { name: "drifting_signal", severity: Warning, threshold: 1e3, find: |e, threshold| drifts(&e.verdict.forward, threshold).then(|| forwards(e, CHANGES))?,
        measure: "factor on E[z²], or its inverse, where the signal neither vanishes nor explodes", source: SLOWS },
    Rule { name: "drifting_gradient", severity: Warning, threshold: 1e3, find: |e, threshold| drifts(&e.verdict.backward, threshold).then(|| backwards(e, CHANGES))?,
        measure: "the same of the gradient's squared length", source: SLOWS },
    Rule { name: "inputs_alike", severity: Warning, threshold: ALIKE, find: alike,
        measure: "correlation of images of different classes in the last hidden layer", source: DEPTH },
    Rule { name: "departs_from_prediction", severity: Warning, threshold: 0.9, find: departs,
        measure: "share of the measured numbers in their 99.9 % bands", source: "those of one seed stray together from layer to layer: 0.97 of our starts' do" },
    Rule { name: "departs_from_exact_law", severity: Warning, threshold: 0.99, find: departs_from_law,
        measure: "share of one image's steps from layer to layer in the 99.9 % bands of their exact law", source: "Hanin & Nica 2018: independent over layers and seeds" },
    Rule { name: "born_dead", severity: Warning, threshold: 1e-3, find: born_dead,
        measure: "probability that a network lets nothing of one image through", source: "Lu et al. 2020: 1 - (1 - 2^-n)^layers" },
    Rule { name: "signal_course", severity: Note, threshold: 1e3, find: |e, threshold| (!drifts(&e.verdict.forward, threshold)).then(|| forwards(e, KEPT))?,
        measure: "as drifting_signal, within these limits", source: DEPTH },
    Rule { name: "gradient_course", severity: Note, threshold: 1e3, find: |e, threshold| (!drifts(&e.verdict.backward, threshold)).then(|| backwards(e, KEPT))?,
        measure: "as drifting_gradient, within these limits", source: DEPTH },
    Rule { name: "zeros_by_design", severity: Note, threshold: 0.0, find: by_design,
        measure: "values that are exactly 0 until the first steps move them", source: "He et al. 2016, Zhang et al. 2019 (Fixup), Bachlechner et al. 2021 (ReZero)" },
    Rule { name: "inputs_apart", severity: Note, threshold: ALIKE, find: apart,
        measure: "as inputs_alike", source: DEPTH },
    Rule { name: "he_conditions", severity: Note, threshold: crate::findings::remedy::TOLERANCE, find: |e, _| words::conditions(e.report).map(note),
        measure: "distance from 1 of the left sides of (10) and (14)", source: "He et al. 2015" },
    Rule { name: "trainable_depth", severity: Note, threshold: 0.0, find: |e, _| e.report.far.as_ref().map(words::depth).map(note),
        measure: "hidden layers up to which the gradient stays where nets trained", source: DEPTH },
    Rule { name: "as_predicted", severity: Note, threshold: 0.9, find: as_predicted,
        measure: "as departs_from_prediction", source: "Poole et al. 2016, Schoenholz et al. 2017; bands as in docs/depth.md" },
    Rule { name: "as_the_exact_law", severity: Note, threshold: 0.99, find: as_the_law,
        measure: "as departs_from_exact_law", source: "Hanin & Nica 2018" },
    Rule { name: "without_dropout", severity: Note, threshold: 0.0, find: |e, _| e.experiment.model.dropout.map(words::dropout).map(note),
        measure: "probability of dropout", source: "predictions are those of evaluations" },
    Rule { name: "nothing_to_change", severity: Note, threshold: 0.0, find: |e, _| advice::all(e).is_empty().then(|| note("nothing to change at this depth".into())),
        measure: "advice of the rules above", source: "no rule has any" },
];

/// Courses of a signal that is neither lost nor 0.
const CHANGES: &[Trend] = &[Trend::Grows, Trend::Shrinks];
const KEPT: &[Trend] = &[Trend::Grows, Trend::Shrinks, Trend::Holds];

/// Applies all rules to a start.
pub(super) fn of_start(evidence: &Evidence<'_>) -> Vec<Finding> {
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(evidence, rule.threshold)?))).collect())
}

fn note(text: String) -> Found {
    Found::new(text, "")
}

/// True if a signal changes by this factor, or by its inverse.
fn drifts(direction: &Direction, threshold: f64) -> bool {
    direction.total.is_some_and(|factor| !(1.0 / threshold..=threshold).contains(&factor))
}

/// The signal's course forwards, if it is one of these.
fn forwards(evidence: &Evidence<'_>, trends: &[Trend]) -> Option<Found> {
    let direction = &evidence.verdict.forward;
    let text = words::course(evidence.report, "forwards E[z^2]", evidence.ways[0], direction)?;
    trends.contains(&direction.trend).then(|| Found::new(text, advice::for_course(evidence, direction)))
}

/// The gradient's course backwards, if it is one of these. Where the signal has the same advice it is not told twice.
fn backwards(evidence: &Evidence<'_>, trends: &[Trend]) -> Option<Found> {
    let Verdict { forward, backward, .. } = evidence.verdict;
    let name = "backwards the gradient's squared length";
    let text = words::course(evidence.report, name, evidence.ways[1], backward)?;
    let advice = advice::for_course(evidence, backward);
    let told = advice == advice::for_course(evidence, forward);
    trends.contains(&backward.trend).then(|| Found::new(text, if told { String::new() } else { advice }))
}

fn no_signal(evidence: &Evidence<'_>, _: f64) -> Option<Found> {
    let advice = advice::for_zeros(evidence);
    (!advice.is_empty())
        .then(|| Found::new(words::zeros(evidence.report, evidence.zeros).join("; "), advice.join("; ")))
}

fn by_design(evidence: &Evidence<'_>, _: f64) -> Option<Found> {
    let sentences = words::zeros(evidence.report, evidence.zeros);
    (!sentences.is_empty() && advice::for_zeros(evidence).is_empty()).then(|| note(sentences.join("; ")))
}

fn alike(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let text = words::likeness(evidence.report, evidence.verdict, evidence.last, threshold)?;
    evidence.verdict.likeness.filter(|found| *found > threshold)?;
    Some(Found::new(text, advice::for_likeness(evidence)))
}

fn apart(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    evidence.verdict.likeness.filter(|found| *found <= threshold)?;
    words::likeness(evidence.report, evidence.verdict, evidence.last, threshold).map(note)
}

fn departs(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let verdict = evidence.verdict;
    let departs = (verdict.inside as f64) < threshold * verdict.checked as f64;
    departs.then(|| Found::new(words::in_band(evidence.report, verdict), "the table of layers says which"))
}

fn as_predicted(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let verdict = evidence.verdict;
    let holds = verdict.checked > 0 && verdict.inside as f64 >= threshold * verdict.checked as f64;
    holds.then(|| note(words::in_band(evidence.report, verdict)))
}

/// The share of one image's steps in their exact bands, where the law is known.
fn steps_in_band(evidence: &Evidence<'_>) -> Option<f64> {
    let verdict = evidence.verdict;
    (verdict.steps_checked > 0).then(|| verdict.steps_inside as f64 / verdict.steps_checked as f64)
}

fn departs_from_law(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    steps_in_band(evidence).filter(|share| *share < threshold)?;
    let text = words::in_exact_band(evidence.report, evidence.verdict);
    Some(Found::new(
        text,
        "the weights are not those that the law is of: probe.json has every step under one_image_step",
    ))
}

fn as_the_law(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    steps_in_band(evidence).filter(|share| *share >= threshold)?;
    Some(note(words::in_exact_band(evidence.report, evidence.verdict)))
}

fn born_dead(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let share = evidence.report.born_dead.filter(|share| *share > threshold)?;
    Some(Found::new(
        words::born_dead(share),
        "widen the layers, or init.preset = \"rai\", whose units lean to the positive side",
    ))
}
