//! The parameters before training.

use crate::config::init::InitConfig;
use crate::config::model::{ModelConfig, ResidualStart};
use crate::init::{InitError, InitRule};
use crate::model::{Layer, Network, Op, Param, Role};

/// Every parameter's starting values, in PyTorch's order. Each comes from the stream of its own name, so that one
/// layer's draws do not depend on another's.
///
/// An aim must have been carried out ([`crate::config::fit`]); the rules are taken as they stand.
///
/// # Errors
/// A rule that cannot fill a parameter's shape; names the parameter.
pub fn start(network: &Network, init: &InitConfig, model: &ModelConfig, seed: u64) -> Result<Vec<Vec<f32>>, InitError> {
    let mut values = Vec::with_capacity(network.params.len());
    for (i, param) in network.params.iter().enumerate() {
        values.push(match param.role {
            Role::Weight => {
                weight_rule(network, init, i).weight.sample(seed, &param.name, &param.shape, param.activation)?
            }
            // A bias comes right after its weight.
            Role::Bias => weight_rule(network, init, i - 1).bias.sample(seed, &param.name, param.len(), param.fan_in),
            Role::NormWeight => vec![1.0; param.len()],
            Role::NormBias => vec![0.0; param.len()],
            Role::Scalar(start) => vec![start as f32],
        });
    }
    if model.residual.is_some_and(|residual| residual.start == ResidualStart::Fixup) {
        fixup(network, &mut values, last_weight(network));
    }
    Ok(values)
}

/// Expected standard deviation of a weight's entries at the start (before LSUV), if its rule has one.
pub fn expected_std(network: &Network, init: &InitConfig, index: usize) -> Option<f64> {
    let param = &network.params[index];
    let rule = weight_rule(network, init, index);
    rule.weight.std(&param.shape, param.activation).ok().flatten()
}

/// The rule that starts weight `index`; the only weight of a network is its last.
pub fn weight_rule(network: &Network, init: &InitConfig, index: usize) -> InitRule {
    let own = if Some(index) == last_weight(network) {
        init.last
    } else if network.params.iter().position(|param| param.role == Role::Weight) == Some(index) {
        init.first
    } else {
        None
    };
    own.unwrap_or(init.rule)
}

fn last_weight(network: &Network) -> Option<usize> {
    network.params.iter().rposition(|param| param.role == Role::Weight)
}

/// Fixup (Zhang et al. 2019, section 3.2): residual branches of m layers, L of them in the network, start L^(−1/(2m−2))
/// times as large, the last layer of each and the classifier at 0.
fn fixup(network: &Network, values: &mut [Vec<f32>], last: Option<usize>) {
    let is_weight = |layer: &&Layer| layer.weight.is_some_and(|i| network.params[i].role == Role::Weight);
    let blocks: Vec<Vec<usize>> = network
        .layers
        .iter()
        .filter_map(|layer| match &layer.op {
            Op::Residual(body) => Some(body.iter().filter(is_weight).filter_map(|layer| layer.weight).collect()),
            _ => None,
        })
        .collect();
    for block in &blocks {
        let scale = (blocks.len() as f64).powf(-1.0 / (2 * block.len() - 2) as f64) as f32;
        for &weight in block {
            values[weight].iter_mut().for_each(|w| *w *= scale);
        }
        if let Some(&weight) = block.last() {
            values[weight].fill(0.0);
        }
    }
    if let Some(last) = last {
        values[last].fill(0.0);
        let bias = |param: &Param| param.role == Role::Bias;
        if network.params.get(last + 1).is_some_and(bias) {
            values[last + 1].fill(0.0);
        }
    }
}
