//! Carrying out an aim: from `[model]` and `[init]` as they are written to the activation and the gains they stand for.

use thiserror::Error;

use crate::config::init::InitConfig;
use crate::config::model::{Body, ModelConfig};
use crate::init::{Aim, AimError, ByPlace};

/// An aim that does not go with the rest of the config.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ResolveError {
    /// The aim itself is out of reach.
    #[error(transparent)]
    Aim(#[from] AimError),
    /// The network is no plain chain of layers.
    #[error("{aim} is derived for a plain chain of layers; leave out model.{key} or the aim")]
    Chain {
        /// Name of the aim.
        aim: &'static str,
        /// Key of `[model]` that breaks the chain.
        key: &'static str,
    },
    /// The aim needs biases that vary, and the layers have none.
    #[error(
        "{aim} needs biases of variance {variance_b:.5} in every layer, and model.bias leaves them out; \
         set model.bias = true"
    )]
    NoBias {
        /// Name of the aim.
        aim: &'static str,
        /// σ_b².
        variance_b: f64,
    },
    /// LSUV would undo the gains.
    #[error("{aim} sets the gains, and init.lsuv would set them again from data; leave one of the two out")]
    Lsuv {
        /// Name of the aim.
        aim: &'static str,
    },
}

/// A config whose aim, if it had one, has become an activation and gains.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The network, with the aim's activation.
    pub model: ModelConfig,
    /// The start, with the aim's numbers and no aim.
    pub init: InitConfig,
}

impl ModelConfig {
    /// Hidden layers from input to output, each with an activation: the depth L of the theory.
    pub fn depth(&self) -> usize {
        match &self.body {
            Body::Mlp { widths } => widths.len(),
            Body::Cnn { stages, hidden, .. } => stages.iter().map(|stage| stage.layers).sum::<usize>() + hidden.len(),
        }
    }
}

/// Carries out the aim of `init` for the network of `model`; without an aim both stay as they are.
///
/// # Errors
/// The aim is out of reach, or something else in the config contradicts it.
pub fn resolve(model: &ModelConfig, init: &InitConfig) -> Result<Resolved, ResolveError> {
    let (mut model, mut init) = (model.clone(), *init);
    let Some(aim) = init.aim.take() else { return Ok(Resolved { model, init }) };
    let name = aim.name();
    for (key, given) in [("norm", model.norm.is_some()), ("residual", model.residual.is_some())] {
        if given {
            return Err(ResolveError::Chain { aim: name, key });
        }
    }
    if init.lsuv.is_some() {
        return Err(ResolveError::Lsuv { aim: name });
    }
    let resolved = aim.solve(model.activation, model.depth())?;
    if let Aim::Critical { variance_b } = aim
        && variance_b > 0.0
        && !model.bias.hidden()
    {
        return Err(ResolveError::NoBias { aim: name, variance_b });
    }
    let ByPlace { first, middle, last } = aim.rules(init.rule, &resolved)?;
    model.activation = resolved.activation;
    // A layer's own rule is what the user wants there, whatever the aim.
    init = InitConfig { first: init.first.or(Some(first)), rule: middle, last: init.last.or(Some(last)), ..init };
    Ok(Resolved { model, init })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::config::Experiment;
    use crate::init::{BiasInit, Gain, InitRule, WeightInit};

    fn experiment(model: &str, init: &str) -> Experiment {
        let text = format!("[model]\n{model}\n[init]\n{init}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
        Experiment::parse("x.toml", &text, &[]).unwrap()
    }

    fn gain(rule: InitRule) -> f64 {
        let (WeightInit::KaimingNormal { gain, .. } | WeightInit::Orthogonal { gain }) = rule.weight else {
            panic!("{rule:?}")
        };
        gain.value(Activation::Relu)
    }

    #[test]
    fn a_preset_is_its_aim_with_kaiming_weights_and_the_saved_config_reads_back() {
        for aim in Aim::ALL {
            let model = "kind = 'mlp'\nwidth = 50\ndepth = 20";
            let preset = experiment(model, &format!("preset = '{}'", aim.preset()));
            assert_eq!(preset, experiment(model, &format!("aim = '{}'", aim.name())));
            assert_eq!(preset.init.aim, Some(aim));
            assert_eq!(Experiment::parse("x.toml", &preset.to_toml(), &[]).unwrap(), preset);
        }
    }

    #[test]
    fn the_depth_of_mlps_and_cnns_is_that_of_their_hidden_layers() {
        let cnn =
            "kind = 'cnn'\nstages = [{ channels = 4, layers = 9 }, { channels = 8, layers = 9 }]\nhidden = [7, 7]";
        for model in ["kind = 'mlp'\nwidth = 50\ndepth = 20", cnn] {
            let read = experiment(model, "preset = 'depth-aware'\nweight = 'orthogonal'");
            let resolved = resolve(&read.model, &read.init).unwrap();
            let Activation::GeneralRelu { leak, .. } = resolved.model.activation else { panic!("{resolved:?}") };
            assert!((leak - 0.694315).abs() < 1e-6);
            assert!((gain(resolved.init.rule) - 1.173498).abs() < 1e-6);
            assert_eq!((gain(resolved.init.last.unwrap()), resolved.init.aim), (1.0, None));
        }
    }

    #[test]
    fn curved_activations_start_and_end_with_the_gain_of_what_is_behind_them() {
        let read = experiment("kind = 'mlp'\nwidths = [5, 5]\nactivation = 'gelu'", "preset = 'moment-matched'");
        let init = resolve(&read.model, &read.init).unwrap().init;
        assert_eq!((gain(init.first.unwrap()), gain(init.rule)), (1.0, gain(init.last.unwrap())));
        assert!((gain(init.rule) - 1.533530).abs() < 1e-6);
    }

    #[test]
    fn biases_of_a_critical_start_have_their_variance() {
        let init = "aim = { kind = 'critical', variance_b = 0.05 }";
        let read = experiment("kind = 'mlp'\nwidths = [5]\nactivation = 'tanh'", init);
        let resolved = resolve(&read.model, &read.init).unwrap().init;
        assert_eq!(resolved.rule.bias, BiasInit::Normal { std: 0.05f64.sqrt() });
        assert!((gain(resolved.rule).powi(2) - 1.76095).abs() < 1e-5);
    }

    #[test]
    fn a_critical_start_takes_the_bias_variance_that_its_activation_needs() {
        for (activation, variance_w, variance_b) in [
            ("relu", 2.0, 0.0),
            ("tanh", 1.0, 0.0),
            ("selu", 0.476771, 0.0),
            ("gelu", 1.98306, 0.17292),
            ("silu", 1.98800, 0.55514),
        ] {
            for init in ["preset = 'critical'", "aim = 'critical'", "aim = { kind = 'critical' }"] {
                let read = experiment(&format!("kind = 'mlp'\nwidths = [5]\nactivation = '{activation}'"), init);
                let Some(Aim::Critical { variance_b: found }) = read.init.aim else { panic!("{read:?}") };
                assert!((found - variance_b).abs() < 1e-5, "{activation}: {found}");
                let resolved = resolve(&read.model, &read.init).unwrap().init;
                assert!((gain(resolved.rule).powi(2) - variance_w).abs() < 1e-5, "{activation}: {resolved:?}");
                // The saved config names the variance, and is the same experiment.
                assert_eq!(Experiment::parse("x.toml", &read.to_toml(), &[]).unwrap(), read);
            }
        }
    }

    #[test]
    fn a_critical_start_that_needs_biases_is_refused_to_a_network_without() {
        for bias in ["false", "'output'"] {
            let model = format!("kind = 'mlp'\nwidths = [5]\nactivation = 'gelu'\nbias = {bias}");
            let text =
                format!("[model]\n{model}\n[init]\npreset = 'critical'\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
            let refused = Experiment::parse("x.toml", &text, &[]).unwrap_err().to_string();
            let one_line = refused.replace("\n  ", " ");
            let parts = ["x.toml:7", "needs biases of variance 0.17292 in every layer", "model.bias = true"];
            assert!(parts.iter().all(|part| one_line.contains(part)), "{refused}");
        }
    }

    #[test]
    fn without_an_aim_nothing_changes() {
        let read = experiment("kind = 'mlp'\nwidths = [5]", "preset = 'torch'");
        let resolved = resolve(&read.model, &read.init).unwrap();
        assert_eq!((resolved.model, resolved.init), (read.model, read.init));
        assert_eq!(WeightInit::LecunNormal.with_gain(2.0), None);
        assert_eq!(WeightInit::Orthogonal { gain: Gain::Given(1.0) }.with_gain(2.0), None);
    }
}
