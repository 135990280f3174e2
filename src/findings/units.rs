//! Findings about units: those that no image reaches any more, and those that are driven into their flat ends.

use crate::findings::evidence::{Evidence, Hidden};
use crate::findings::found::Found;
use crate::findings::remedy::rate;
use crate::numerals::whole_percent;
use crate::theory::moments::moments;

/// Share of dead units that spoils a net.
pub(super) const DEAD: f64 = 0.25;

/// Share of a layer's units that are dead at the last evaluation; without one, in the last recorded step.
fn dead_at_end(layer: &Hidden<'_>) -> Option<f64> {
    let last = |of: &[f32]| of.last().copied().map(f64::from).filter(|share| share.is_finite());
    last(layer.columns.test.get("dead")).or_else(|| last(layer.columns.train.get("dead")))
}

/// The share in all hidden layers, a unit counting as much as another.
fn dead_in_all(evidence: &Evidence<'_>) -> Option<f64> {
    mean_by_units(&evidence.hidden, dead_at_end)
}

fn mean_by_units(layers: &[Hidden<'_>], of: impl Fn(&Hidden<'_>) -> Option<f64>) -> Option<f64> {
    let mut sums = [0.0, 0.0];
    for layer in layers {
        let units = layer.units.unwrap_or(1) as f64;
        sums[0] += units * of(layer)?;
        sums[1] += units;
    }
    (sums[1] > 0.0).then(|| sums[0] / sums[1])
}

/// True if so many units as to spoil the net have died in training.
pub(super) fn died(evidence: &Evidence<'_>) -> bool {
    let share = dead_in_all(evidence).filter(|&share| share > DEAD);
    share.and_then(|share| since(&evidence.hidden, share)).is_some_and(|step| step > 0)
}

/// The step since which at least half of `share` is dead in every recorded batch.
fn since(layers: &[Hidden<'_>], share: f64) -> Option<u64> {
    let steps = &layers.first()?.columns.train.steps;
    let at = |i: usize| mean_by_units(layers, |layer| layer.columns.train.get("dead").get(i).map(|&x| f64::from(x)));
    let alive = (0..steps.len()).rev().find(|&i| at(i).is_none_or(|dead| dead < 0.5 * share));
    steps.get(alive.map_or(0, |i| i + 1)).copied()
}

pub(super) fn dead(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    // What diverged or gets nothing has another fault, of which this is a part.
    if evidence.has_diverged() || evidence.starts_at_0() {
        return None;
    }
    let share = dead_in_all(evidence).filter(|&share| share > threshold)?;
    let (since, advice) = told(evidence, &evidence.hidden, share);
    let what = whole_percent(share);
    Some(Found::new(
        format!("{what} of the hidden units are dead{since}: no image lets a gradient through them"),
        advice,
    ))
}

pub(super) fn dead_layer(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    if evidence.has_diverged() || evidence.starts_at_0() || dead_in_all(evidence)? > DEAD {
        return None;
    }
    let at = evidence.hidden.iter().position(|layer| dead_at_end(layer).is_some_and(|share| share > threshold))?;
    let (layer, share) = (&evidence.hidden[at..=at], dead_at_end(&evidence.hidden[at])?);
    let (since, advice) = told(evidence, layer, share);
    let (what, name) = (whole_percent(share), layer[0].name());
    Some(Found::new(format!("{what} of the units of {name} are dead{since}"), advice))
}

/// Since when units are dead, and what helps.
fn told(evidence: &Evidence<'_>, layers: &[Hidden<'_>], share: f64) -> (String, String) {
    match since(layers, share) {
        Some(0) => (
            " from the first step on".into(),
            "let units be on at the start: weights around 0, biases at 0, or init.preset = \"rai\"; lsuv helps, too"
                .into(),
        ),
        step => {
            let since = step.map_or_else(String::new, |step| format!(" since step {step}"));
            let lower = evidence.experiment.as_ref().map_or_else(
                || "lower the rate".into(),
                |experiment| format!("lower the rate ({})", rate(experiment.optimizer.lr / 3.0)),
            );
            (since, format!("{lower}, warm it up (schedule.warmup_steps), or give units a leak (leaky_relu)"))
        }
    }
}

pub(super) fn saturated(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let slope = |layer: &Hidden<'_>| {
        let phi = layer.activation.filter(|phi| phi.largest_std().is_finite())?;
        let q = layer.at_start("pre_second_moment")?;
        let most = moments(phi, 1e-6).slope_square;
        Some(moments(phi, q).slope_square / most)
    };
    let layer = evidence.hidden.iter().find(|layer| slope(layer).is_some_and(|slope| slope < threshold))?;
    let (share, phi) = (whole_percent(slope(layer)?), layer.activation?);
    let deviation = crate::numerals::three_digits(layer.at_start("pre_std")?);
    let text = format!(
        "{} saturates at the first step: pre-activations of deviation {deviation} leave {phi} a mean squared slope of {share} of its \
         largest",
        layer.name()
    );
    Some(Found::new(text, "draw smaller weights: init.preset = \"xavier\" or \"critical\""))
}
