//! The verdict in plain words: what was found, and what to change.

use crate::config::Experiment;
use crate::config::model::ModelConfig;
use crate::init::Aim;
use crate::probe::report::{Condition, Direction, FarReport, LayerReport, ProbeReport, Trend, Verdict};
use crate::probe::verdict::gradient_length;
use crate::theory::length::straight_leak;

/// Correlation of images of different classes above which a layer sees them as one.
const ALIKE: f64 = 0.95;

/// What was found, in sentences.
pub(super) fn findings(report: &ProbeReport, hidden: &[&LayerReport], verdict: &Verdict) -> Vec<String> {
    let (Some(first), Some(last)) = (hidden.first(), hidden.last()) else { return Vec::new() };
    let ends = |of: fn(&LayerReport) -> Option<f64>, from: &LayerReport, to: &LayerReport| {
        [(of(from), from.name.clone()), (of(to), to.name.clone())]
    };
    let lengths = ends(|layer| layer.z_second_moment.median, first, last);
    let gradients = ends(gradient_length, last, first);
    let mut findings = vec![
        way(report, "forwards E[z^2]", lengths, &verdict.forward),
        way(report, "backwards the gradient's squared length", gradients, &verdict.backward),
    ];
    if let (Some(before), Some(after)) = (report.input.correlation_different, verdict.likeness) {
        let what = if after > ALIKE { "become nearly one input" } else { "stay apart" };
        findings.push(format!(
            "images of different classes {what}: correlation {before:.2} of the images themselves, {after:.3} in {}",
            last.name
        ));
    }
    findings.extend(conditions(report));
    findings.extend(report.far.as_ref().map(depth));
    if verdict.checked > 0 {
        let band = 100.0 * report.confidence;
        let (inside, checked) = (verdict.inside, verdict.checked);
        findings.push(format!("{inside} of {checked} measured numbers lie in their {band} % band"));
    }
    findings
}

/// What a signal does on its way.
fn way(report: &ProbeReport, name: &str, ends: [(Option<f64>, String); 2], direction: &Direction) -> String {
    let mut text = match direction.trend {
        Trend::Explodes => format!("{name} explodes"),
        Trend::Vanishes => format!("{name} vanishes"),
        Trend::Holds => format!("{name} holds"),
        Trend::Zero => return format!("{name} is 0, behind weights that start at 0: the first step moves those alone"),
    };
    let [(from, first), (to, last)] = ends;
    if let (Some(from), Some(to), true) = (from, to, first != last) {
        text += &format!(": {} in {first}, {} in {last}", short(from), short(to));
    }
    if let Some(factor) = direction.per_layer {
        text += &format!(", a factor {} a layer at the end", short(factor));
    }
    if let Some(layer) = direction.leaves_floats_at.and_then(|place| report.layers.get(place - 1)) {
        text += &format!("; its values leave the range of floats at {}", layer.name);
    } else if let Some(depth) = direction.leaves_floats_after.filter(|depth| *depth < 1e5) {
        text += &format!("; it would leave the range of floats after {depth:.0} such layers");
    }
    text
}

/// Whether (10) and (14) hold, of the layers behind an activation.
fn conditions(report: &ProbeReport) -> Option<String> {
    let of = |condition: fn(&LayerReport) -> Option<Condition>, name: &str| {
        let all: Vec<Condition> = report.layers.iter().skip(1).filter_map(condition).collect();
        let middle = all.get(all.len() / 2)?.value;
        let (holding, layers) = (all.iter().filter(|condition| condition.holds).count(), all.len());
        Some(format!("({name}) holds in {holding} of {layers} layers (in the middle its value is {})", short(middle)))
    };
    let both = [of(|layer| layer.forward_condition, "10"), of(|layer| layer.backward_condition, "14")];
    let text: Vec<String> = both.into_iter().flatten().collect();
    (!text.is_empty()).then(|| format!("of He et al. 2015, {}", text.join(" and ")))
}

/// How deep the start stays trainable.
fn depth(far: &FarReport) -> String {
    if let Some(depth) = far.trainable_depth {
        return format!("trainable to about {depth:.0} layers, six depth scales (Schoenholz et al. 2017)");
    }
    let chance = far.width_depth.map_or("and its length settles".into(), |layers| {
        format!("but by chance the length of one network of this width strays by a factor e in some {layers:.0} layers")
    });
    format!("no depth scale limits it, chi being 1, {chance}")
}

/// What to change, in sentences.
pub(super) fn advice(report: &ProbeReport, verdict: &Verdict, experiment: &Experiment) -> Vec<String> {
    let model = &experiment.model;
    let trends = [verdict.forward.trend, verdict.backward.trend];
    let moves = trends.iter().any(|trend| matches!(trend, Trend::Explodes | Trend::Vanishes));
    let alike = verdict.likeness.is_some_and(|c| c > ALIKE);
    let mut advice = Vec::new();
    if model.norm.is_some() || model.residual.is_some() {
        if moves {
            advice.push("let residual branches start at 0: residual = \"rezero\", or \"fixup\" without norm".into());
        }
    } else {
        if moves {
            advice.push(for_lengths(report, experiment));
        }
        if alike {
            advice.push(for_likeness(report.depth, model));
        }
    }
    if trends[0] == Trend::Zero {
        advice.push("no signal reaches the output: draw the weights, init.preset = \"kaiming\"".into());
    }
    if advice.is_empty() {
        advice.push("nothing to change at this depth".into());
    }
    advice
}

/// Against lengths that explode or vanish in a plain chain.
fn for_lengths(report: &ProbeReport, experiment: &Experiment) -> String {
    let Some(far) = &report.far else {
        return "draw the weights around 0 with the activation's gain: init.preset = \"kaiming\"".into();
    };
    let activation = experiment.model.activation;
    match straight_leak(activation) {
        Some((leak, _)) => {
            let chi = far.variance_w * (1.0 + leak * leak) / 2.0;
            let inside = report.layers.iter().filter_map(|layer| layer.fan_in_inside).fold(1.0, f64::min);
            if (chi - 1.0).abs() > Condition::TOLERANCE {
                let factor = (1.0 / chi).sqrt();
                format!(
                    "multiply the weights' std by {factor:.4}, which makes chi 1 (init.preset = \"kaiming\"); \
                     a shift of the activation leaves chi as it is"
                )
            } else if inside < 0.99 {
                format!(
                    "chi is 1, but taps on the padding meet zeros (at worst a share of {inside:.2} is inside the image): \
                     pad less, stay at larger images, or rescale with init.lsuv"
                )
            } else {
                "chi is 1, so it is chance: take wider layers, or a shift (general_relu), with which the length settles"
                    .into()
            }
        }
        None if Aim::Critical { variance_b: 0.0 }.fit(activation, 1).is_ok() => {
            "take the critical weight variance: init.preset = \"critical\"".into()
        }
        None => "keep the pre-activation's second moment at 1: init.preset = \"moment-matched\"".into(),
    }
}

/// Against inputs that become alike.
fn for_likeness(depth: usize, model: &ModelConfig) -> String {
    let presets: Vec<String> = [Aim::ALL[1], Aim::ALL[2]]
        .iter()
        .filter(|aim| aim.fit(crate::activation::Activation::Relu, depth).is_ok())
        .map(|aim| format!("\"{}\"", aim.preset()))
        .collect();
    if straight_leak(model.activation).is_some() && !presets.is_empty() {
        format!("keep inputs apart with a leak: activation = \"relu\" and init.preset = {}", presets.join(" or "))
    } else {
        "keep inputs apart: fewer layers, or shortcuts (residual = \"rezero\")".into()
    }
}

/// Three digits, with a power of ten where there are many zeros.
fn short(x: f64) -> String {
    if x == 0.0 {
        "0".into()
    } else if (1e-3..1e4).contains(&x.abs()) {
        let digits = (2 - x.abs().log10().floor() as i32).clamp(0, 5) as usize;
        format!("{x:.digits$}")
    } else {
        format!("{x:.2e}")
    }
}
