//! Bare chains of ReLU layers, of which the length of one input is measured: no data, no training.

use std::sync::Arc;

use crate::activation::Activation;
use crate::init::InitRule;
use crate::model::cpu::CpuModel;
use crate::model::{Activations, LayerSpec, Network, Role, Shape};

/// Layers of `width` units with a ReLU behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub inputs: usize,
    pub width: usize,
    pub depth: usize,
    pub bias: bool,
}

impl Chain {
    /// A model to be filled again and again.
    pub fn model(&self) -> CpuModel {
        let layer = [LayerSpec::Linear { out: self.width, bias: self.bias }, LayerSpec::Activation(Activation::Relu)];
        let specs: Vec<LayerSpec> = (0..self.depth).flat_map(|_| layer.clone()).collect();
        let network =
            Network::build(Shape::Flat(self.inputs), &specs, Activations::Fused).expect("vectors fit linear layers");
        CpuModel::new(Arc::new(network), 1)
    }
}

/// Draws the start of `model` by `rule` from streams of `name`, and returns the mean square of its last layer for `input`, over that
/// of `input`.
pub(super) fn length(model: &mut CpuModel, rule: InitRule, (seed, name): (u64, &str), input: &[f32]) -> f64 {
    let network = Arc::clone(model.network());
    for (i, param) in network.params.iter().enumerate() {
        let stream = format!("papers/{name}/{}", param.name);
        let values = match param.role {
            Role::Bias => rule.bias.sample(seed, &stream, param.len(), param.fan_in),
            Role::Weight | Role::NormWeight | Role::NormBias | Role::Scalar(_) => {
                rule.weight.sample(seed, &stream, &param.shape, param.activation).expect("the rule fits a linear layer")
            }
        };
        model.set_param(i, &values);
    }
    let mean_square =
        |values: &[f32]| values.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / values.len() as f64;
    let mut last = 0.0;
    model.inspect(input, |_, gradient| gradient.fill(0.0), |_, output| last = mean_square(output));
    last / mean_square(input)
}
