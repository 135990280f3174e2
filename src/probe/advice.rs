//! Advice on a start whose signal does not come through, in sentences.

use crate::config::Experiment;
use crate::config::model::ModelConfig;
use crate::findings::remedy;
use crate::init::Aim;
use crate::probe::record::{ProbeRecord, Trend, Verdict};
use crate::probe::words::ALIKE;
use crate::probe::zeros::{Cause, Zeros};
use crate::theory::length::straight_leak;

/// Factor over the whole depth beyond which, or beyond whose inverse, nets learnt later than where the signal holds.
const SLOWS: f64 = 1e3;

/// True if a signal that changes by `factor` costs steps.
fn slows(factor: f64) -> bool {
    !(1.0 / SLOWS..=SLOWS).contains(&factor)
}

/// Advice on the start, in sentences.
pub(super) fn advice(report: &ProbeRecord, verdict: &Verdict, zeros: &Zeros, experiment: &Experiment) -> Vec<String> {
    let model = &experiment.model;
    let trends = [verdict.forward.trend, verdict.backward.trend];
    let moves = trends.iter().any(|trend| matches!(trend, Trend::Explodes | Trend::Vanishes));
    let slows = [&verdict.forward, &verdict.backward].iter().any(|way| way.total.is_some_and(slows));
    let alike = verdict.likeness.is_some_and(|c| c > ALIKE);
    let mut advice = Vec::new();
    if !remedy::is_chain(model) {
        if moves {
            advice.push(remedy::FOR_BRANCHES.into());
        }
    } else {
        if moves {
            advice.push(for_lengths(report, experiment));
        } else if slows {
            advice.push(format!("it trains, but sooner where the signal holds: {}", for_lengths(report, experiment)));
        }
        if alike {
            advice.push(for_likeness(report.depth, model));
        }
    }
    advice.extend(for_zeros(report, verdict, zeros));
    if advice.is_empty() {
        advice.push("nothing to change at this depth".into());
    }
    advice
}

/// Against zeros that do not go away by themselves.
fn for_zeros(report: &ProbeRecord, verdict: &Verdict, zeros: &Zeros) -> Vec<String> {
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
fn for_lengths(report: &ProbeRecord, experiment: &Experiment) -> String {
    let inside = report.layers.iter().filter_map(|layer| layer.fan_in_inside).fold(1.0, f64::min);
    remedy::for_lengths(report.far.as_ref().map(|far| far.variance_w), inside, experiment.model.activation)
}

/// Against inputs that become alike.
fn for_likeness(depth: usize, model: &ModelConfig) -> String {
    let presets: Vec<String> = [Aim::ALL[1], Aim::ALL[2]]
        .iter()
        .filter(|aim| aim.solve(crate::activation::Activation::Relu, depth).is_ok())
        .map(|aim| format!("\"{}\"", aim.preset()))
        .collect();
    if straight_leak(model.activation).is_some() && !presets.is_empty() {
        format!("keep inputs apart with a leak: activation = \"relu\" and init.preset = {}", presets.join(" or "))
    } else {
        "keep inputs apart: fewer layers, or shortcuts (residual = \"rezero\")".into()
    }
}
