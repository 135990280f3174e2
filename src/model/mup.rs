//! Maximal update parametrisation, μP (Yang et al. 2021, Tensor Programs V, table 3): what start and learning rates of a layer become
//! at another width than the base's, of which they keep those that the config says.
//!
//! With r_in and r_out the growth of a weight's fan_in and fan_out over the base network's, 1 where a side is given by the data:
//!
//! | | input weights, biases | hidden weights | output weights |
//! |---|---|---|---|
//! | variance at the start, over the base's | 1 | 1/r_in | 1/r_in² |
//! | rate of SGD | r_out | r_out/r_in | 1/r_in |
//! | rate of Adam and others that normalise each value's step | 1 | 1/r_in | 1/r_in |
//!
//! The table's form has no multipliers in the forward pass, so that weights are PyTorch's as they are. A single learned number of a
//! residual branch keeps its rate.

use crate::config::init::InitConfig;
use crate::config::model::ModelConfig;
use crate::model::build::build;
use crate::model::network::Network;
use crate::model::param::{Param, Role};
use crate::model::places::{last_weight, weight_rule};
use crate::optim::{Optimizer, Steps};

/// The network of the base width, where μP is asked for.
fn base(network: &Network, init: &InitConfig, model: &ModelConfig) -> Option<Network> {
    let base = model.of_width(init.base()?).ok()?;
    build(&base, network.input, network.output().len()).ok().filter(|base| base.params.len() == network.params.len())
}

/// Growth of a parameter's fan_in and fan_out over the base's.
fn growth(param: &Param, base: &Param) -> (f64, f64) {
    let out = param.shape[0] as f64 / base.shape[0] as f64;
    match param.role {
        Role::Weight => (param.fan_in as f64 / base.fan_in as f64, out),
        Role::Bias | Role::NormWeight | Role::NormBias => (1.0, out),
        Role::Scalar(_) => (1.0, 1.0),
    }
}

/// The factor on the values that the rule of weight `index` draws; 1 where they stay as they are.
pub fn start_factor(network: &Network, init: &InitConfig, model: &ModelConfig, index: usize) -> f64 {
    let Some(base) = base(network, init, model) else { return 1.0 };
    let (param, base) = (&network.params[index], &base.params[index]);
    let rule = weight_rule(network, init, index).weight;
    let spread = |param: &Param| rule.spread(&param.shape, param.activation).ok().filter(|&spread| spread > 0.0);
    let (Some(own), Some(of_base)) = (spread(param), spread(base)) else { return 1.0 };
    let (r_in, _) = growth(param, base);
    let shrinks = if Some(index) == last_weight(network) { r_in } else { r_in.sqrt() };
    let factor = of_base / own / shrinks;
    // What differs by rounding alone stays as it was drawn.
    if (factor - 1.0).abs() < 1e-12 { 1.0 } else { factor }
}

/// Gives every parameter of `network` its factor on the learning rate.
pub fn set_rates(network: &mut Network, init: &InitConfig, model: &ModelConfig, optimizer: &Optimizer) {
    let Some(base) = base(network, init, model) else { return };
    for (param, base) in network.params.iter_mut().zip(&base.params) {
        let (r_in, r_out) = growth(param, base);
        param.lr_scale *= match optimizer.rule().steps() {
            Steps::Proportional => r_out / r_in,
            Steps::Normalised => 1.0 / r_in,
            // Refused where a config is read.
            Steps::Orthogonal => 1.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use crate::model::Shape;

    /// Name, factor on the std at the start and factor on the learning rate of every parameter.
    fn factors(model: &str, more: &str, optimizer: &str) -> Vec<(String, f64, f64)> {
        let text = format!(
            "model = {{ {model} }}\ninit = {{ parametrisation = 'mup', base_width = 16, {more} }}\noptimizer = {{ {optimizer}, \
             lr = 0.1, weight_decay = 0 }}\ntrain.steps = 1"
        );
        let config = Experiment::parse("mup", &text, &[]).unwrap();
        let mut network = build(&config.model, Shape::Image { channels: 1, height: 8, width: 8 }, 10).unwrap();
        set_rates(&mut network, &config.init, &config.model, &config.optimizer.rule);
        let start = |i: usize, param: &Param| match param.role {
            Role::Weight => start_factor(&network, &config.init, &config.model, i),
            Role::Bias | Role::NormWeight | Role::NormBias | Role::Scalar(_) => 1.0,
        };
        network
            .params
            .iter()
            .enumerate()
            .map(|(i, param)| (param.name.clone(), start(i, param), param.lr_scale))
            .collect()
    }

    #[test]
    fn factors_are_those_of_the_table() {
        const MLP: &str = "kind = 'mlp', widths = [64, 64]";
        for (optimizer, rates) in
            [("kind = 'sgd'", [4.0, 4.0, 1.0, 4.0, 0.25, 1.0]), ("kind = 'adam'", [1.0, 1.0, 0.25, 1.0, 0.25, 1.0])]
        {
            let found = factors(MLP, "preset = 'kaiming'", optimizer);
            let starts: Vec<f64> = found.iter().map(|found| found.1).collect();
            assert_eq!(starts, [1.0, 1.0, 1.0, 1.0, 0.5, 1.0], "{optimizer}");
            assert_eq!(found.iter().map(|found| found.2).collect::<Vec<_>>(), rates, "{optimizer}");
        }
    }

    #[test]
    fn rules_that_do_not_shrink_with_the_width_are_brought_to() {
        let found =
            factors("kind = 'mlp', widths = [64, 64]", "weight = { kind = 'normal', std = 0.1 }", "kind = 'adam'");
        assert_eq!(found.iter().map(|found| found.1).collect::<Vec<_>>(), [1.0, 1.0, 0.5, 1.0, 0.25, 1.0]);
        // Glorot's rule looks at fan_out, too, of which the data's side knows nothing.
        let found = factors("kind = 'mlp', widths = [64, 64]", "preset = 'xavier'", "kind = 'adam'");
        let want = [(128.0f64 / 80.0).sqrt(), 1.0, 1.0, 1.0, (74.0f64 / 26.0).sqrt() / 4.0, 1.0];
        assert!(found.iter().zip(want).all(|((_, found, _), want)| (found - want).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn convolutions_norms_and_branches_have_their_rates() {
        let cnn = "kind = 'cnn', stages = [{ channels = 32 }, { channels = 64, layers = 3 }], norm = 'layer', residual = 'rezero'";
        for (name, _, rate) in factors(cnn, "", "kind = 'sgd'") {
            let want = match name.as_str() {
                "conv1.weight" | "conv1.bias" => 4.0,
                "linear1.weight" => 0.25,
                "linear1.bias" => 1.0,
                _ if name.starts_with("scale") || (name.starts_with("conv") && name.ends_with("weight")) => 1.0,
                _ => 4.0,
            };
            assert_eq!(rate, want, "{name}");
        }
    }

    #[test]
    fn at_the_base_width_nothing_changes() {
        for (name, start, rate) in factors("kind = 'mlp', widths = [16, 8]", "preset = 'torch'", "kind = 'sgd'") {
            assert_eq!((start, rate), (1.0, 1.0), "{name}");
        }
    }
}
