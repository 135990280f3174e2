//! How a weight layer's parameters are distributed, as far as theory can use it.

use crate::config::model::ResidualStart;
use crate::config::resolve::Resolved;
use crate::init::law::Law;
use crate::init::{Fans, fans};
use crate::model::{Layer, Network, initialise};

/// Zero-mean draws of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WeightLaw {
    /// fan_in·Var(w), as the rule promises.
    pub variance_w: f64,
    /// fan_out·Var(w).
    pub variance_back: f64,
    /// Variance of the biases.
    pub variance_b: f64,
    /// True if a convolution's weights are at the centre of the window alone.
    pub centre_only: bool,
    /// True if the weight is orthogonal, so that it strays less than independent draws.
    pub orthogonal: bool,
    /// True if its entries are independent and normal, so that exact laws hold.
    pub normal: bool,
}

/// The law of weight layer `layer`, or why it has none that theory can use.
pub(super) fn weight_law(network: &Network, config: &Resolved, layer: &Layer) -> Result<WeightLaw, String> {
    let index = layer.weight.ok_or("it has no weight")?;
    let init = &config.init;
    if config.model.residual.is_some_and(|residual| residual.start == ResidualStart::Fixup) {
        return Err("fixup rescales weights and starts some at 0".into());
    }
    if init.lsuv.is_some() {
        return Err("init.lsuv sets the scale from data".into());
    }
    let param = &network.params[index];
    let rule = initialise::weight_rule(network, init, index);
    let (law, scale) = rule.weight.law_and_scale();
    let structure = law.structure(scale);
    if let Some(reason) = structure.unpredictable {
        return Err(reason.into());
    }
    let std = initialise::expected_std(network, config, index).ok_or("its weights have no std that is known before")?;
    let Fans { fan_in, fan_out } = fans(&param.shape).map_err(|error| error.to_string())?;
    let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
    let variance_b = if layer.bias.is_none() { 0.0 } else { rule.bias.variance(fan_in)? };
    Ok(WeightLaw {
        variance_w: fan_in * std * std,
        variance_back: fan_out * std * std,
        variance_b,
        centre_only: structure.centre_only,
        orthogonal: structure.orthogonal,
        normal: law == Law::Normal,
    })
}
