//! Remedies for a start, in words: the same advice before training, from the probe, and after it.

use crate::activation::Activation;
use crate::config::model::ModelConfig;
use crate::findings::evidence::Evidence;
use crate::init::{Aim, fans};
use crate::model::initialise::expected_std;
use crate::theory::length::straight_leak;

/// How far from 1 still counts as 1.
pub(crate) const TOLERANCE: f64 = 0.01;

/// Against lengths that explode or vanish in a plain chain of weights with fan_in·Var(w) = `variance_w`, if that is known. `inside` is
/// the least share of a layer's taps that fall inside the image.
pub(crate) fn for_lengths(variance_w: Option<f64>, inside: f64, activation: Activation) -> String {
    let Some(variance_w) = variance_w else {
        return "draw the weights around 0 with the activation's gain: init.preset = \"kaiming\"".into();
    };
    match straight_leak(activation) {
        Some((leak, _)) => {
            let chi = variance_w * (1.0 + leak * leak) / 2.0;
            if (chi - 1.0).abs() > TOLERANCE {
                let factor = (1.0 / chi).sqrt();
                let shifted = activation.relu_form().is_some_and(|form| form.shift != 0.0);
                let shift = if shifted { "; a shift of the activation leaves chi as it is" } else { "" };
                format!(
                    "multiply the weights' std by {factor:.4}, which makes chi 1 and keeps the signal, as init.preset = \"kaiming\" \
                     does{shift}"
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
        None if Aim::Critical { variance_b: 0.0 }.solve(activation, 1).is_ok() => {
            "take the critical weight variance: init.preset = \"critical\"".into()
        }
        None => "keep the pre-activation's second moment at 1: init.preset = \"moment-matched\"".into(),
    }
}

/// Against the same where shortcuts or norms take part.
pub(crate) const FOR_BRANCHES: &str =
    "let residual branches start at 0: residual = \"rezero\", or \"fixup\" without norm";

/// True if layers follow each other without norms and shortcuts.
pub(crate) fn is_chain(model: &ModelConfig) -> bool {
    model.norm.is_none() && model.residual.is_none()
}

/// Against a signal or gradient of a run's start that does not come through.
pub(super) fn for_start(evidence: &Evidence<'_>) -> String {
    let Some(experiment) = &evidence.experiment else { return "start from init.preset = \"kaiming\"".into() };
    if !is_chain(&experiment.model) {
        return FOR_BRANCHES.into();
    }
    for_lengths(middle_variance(evidence), 1.0, experiment.model.activation)
}

/// fan_in·Var(w) of the weight in the middle of the network, as its rule promises.
fn middle_variance(evidence: &Evidence<'_>) -> Option<f64> {
    let (network, resolved) = (evidence.network.as_ref()?, evidence.resolved.as_ref()?);
    let weights: Vec<usize> = network.flat_layers().iter().filter_map(|layer| layer.weight).collect();
    let middle = *weights.get(weights.len() / 2)?;
    let std = expected_std(network, resolved, middle)?;
    Some(fans(&network.params[middle].shape).ok()?.fan_in as f64 * std * std)
}

/// A learning rate in a config's words.
pub(super) fn rate(lr: f64) -> String {
    format!("optimizer.lr = {}", crate::numerals::rounded_to_three(lr))
}
