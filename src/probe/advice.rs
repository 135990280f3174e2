//! Advice on a start whose signal does not come through, in sentences.

use crate::findings::remedy;
use crate::init::Aim;
use crate::probe::evidence::Evidence;
use crate::probe::record::{Direction, Trend, Verdict};
use crate::probe::words::ALIKE;
use crate::probe::zeros::Cause;
use crate::theory::length::straight_leak;

/// Factor over the whole depth beyond which, or beyond whose inverse, nets learnt later than where the signal holds.
const SLOWS: f64 = 1e3;

/// All advice on a start, each sentence once.
pub(super) fn all(evidence: &Evidence<'_>) -> Vec<String> {
    let Verdict { forward, backward, likeness, .. } = evidence.verdict;
    let mut advice = vec![for_course(evidence, forward), for_course(evidence, backward)];
    if likeness.is_some_and(|correlation| correlation > ALIKE) {
        advice.push(for_likeness(evidence));
    }
    advice.extend(for_zeros(evidence));
    advice.retain(|text| !text.is_empty());
    advice
}

/// Advice on a signal that is lost on its way, or that takes steps to be made up for; empty where it needs none.
pub(super) fn for_course(evidence: &Evidence<'_>, direction: &Direction) -> String {
    let lost = matches!(direction.trend, Trend::Explodes | Trend::Vanishes);
    let slows = direction.total.is_some_and(|factor| !(1.0 / SLOWS..=SLOWS).contains(&factor));
    match remedy::is_chain(&evidence.experiment.model) {
        false if lost => remedy::FOR_BRANCHES.into(),
        true if lost => for_lengths(evidence),
        true if slows => format!("it trains, but sooner where the signal holds: {}", for_lengths(evidence)),
        true | false => String::new(),
    }
}

/// Against zeros that do not go away by themselves.
pub(super) fn for_zeros(evidence: &Evidence<'_>) -> Vec<String> {
    let Evidence { report, verdict, zeros, .. } = evidence;
    let mut advice = Vec::new();
    if verdict.forward.trend == Trend::Zero {
        let end = report.layers.iter().rposition(|layer| layer.activation != "identity");
        advice.push(match end.and_then(|end| zeros.forward[end].as_ref()) {
            Some(Cause::Images) => "give images that are not 0".into(),
            Some(Cause::Off(layer)) => turn_on(layer),
            Some(Cause::Weights(_) | Cause::Alpha(_) | Cause::Loss) | None => {
                "no signal reaches the output: draw the weights, init.preset = \"kaiming\"".to_string()
            }
        });
    }
    let first = report.layers.iter().position(|layer| layer.activation != "identity");
    if let (Trend::Holds | Trend::Grows | Trend::Shrinks, Some(Some(Cause::Off(layer)))) =
        (verdict.forward.trend, first.map(|first| &zeros.backward[first]))
    {
        advice.push(turn_on(layer));
    }
    if zeros.backward.last().is_some_and(|cause| *cause == Some(Cause::Loss)) {
        advice.push("nothing is learnt from this loss: give data with labels of two classes or more".into());
    }
    advice
}

fn turn_on(layer: &str) -> String {
    format!("let units of {layer} be on: draw its weights around 0, and start biases at 0")
}

/// Against lengths that explode or vanish in a plain chain.
fn for_lengths(evidence: &Evidence<'_>) -> String {
    let report = evidence.report;
    let inside = report.layers.iter().filter_map(|layer| layer.fan_in_inside).fold(1.0, f64::min);
    remedy::for_lengths(report.far.as_ref().map(|far| far.variance_w), inside, evidence.experiment.model.activation)
}

/// Against inputs that become alike; empty where norms or shortcuts take part.
pub(super) fn for_likeness(evidence: &Evidence<'_>) -> String {
    let (depth, model) = (evidence.report.depth, &evidence.experiment.model);
    if !remedy::is_chain(model) {
        return String::new();
    }
    let presets: Vec<String> = [Aim::ALL[1], Aim::ALL[2]]
        .iter()
        .filter(|aim| aim.solve(crate::activation::Activation::Relu, depth).is_ok())
        .map(|aim| format!("\"{}\"", aim.preset()))
        .collect();
    if straight_leak(model.activation).is_some() && !presets.is_empty() {
        format!("init.preset = {} keeps inputs apart: it gives activation = \"relu\" a leak", presets.join(" or "))
    } else {
        "keep inputs apart: fewer layers, or shortcuts (residual = \"rezero\")".into()
    }
}
