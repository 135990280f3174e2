//! Which of a config's rules starts which weight.

use crate::config::init::InitConfig;
use crate::init::{InitRule, LayerPlace};
use crate::model::{Network, Role};

/// The rule that starts weight `index`; the only weight of a network is its last.
pub fn weight_rule(network: &Network, init: &InitConfig, index: usize) -> InitRule {
    let last = Some(index) == last_weight(network);
    let first = network.params.iter().position(|param| param.role == Role::Weight) == Some(index);
    let place = LayerPlace::of(first, last);
    let own = match place {
        LayerPlace::Last | LayerPlace::Only => init.last,
        LayerPlace::First => init.first,
        LayerPlace::Middle => None,
    };
    own.unwrap_or_else(|| InitRule { weight: init.rule.weight.at(place), ..init.rule })
}

/// The output layer's weight.
pub(super) fn last_weight(network: &Network) -> Option<usize> {
    network.params.iter().rposition(|param| param.role == Role::Weight)
}
