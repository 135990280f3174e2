//! `[init]`: how the parameters start.

use serde::Serialize;

use crate::activation::Activation;
use crate::config::check::{at_least_one, positive};
use crate::config::{ConfigError, Section, choices};
use crate::init::{Aim, BiasInit, Gain, InitRule, WeightInit, preset};

/// How the parameters of a network start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InitConfig {
    /// Weights and biases of every layer, bar the first and the last if they have their own rules.
    #[serde(flatten)]
    pub rule: InitRule,
    /// What theory is to make of gains and activations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<Aim>,
    /// The first layer's own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<InitRule>,
    /// The last layer's own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<InitRule>,
    /// Data-dependent rescaling after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsuv: Option<LsuvConfig>,
}

/// Layer-sequential unit-variance initialisation (Mishkin & Matas 2016).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LsuvConfig {
    /// A layer is done when its std is within this of 1.
    pub tolerance: f64,
    /// Rescalings of one layer at most.
    pub max_iterations: usize,
    /// Training images that are measured.
    pub images: usize,
    /// Whose std becomes 1.
    pub of: LsuvTarget,
    /// What moves the mean to 0.
    pub mean: LsuvMean,
}

/// What LSUV measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LsuvTarget {
    /// The pre-activation z, as the paper does.
    PreActivation,
    /// The activation h = φ(z), as lesson 8 does.
    Activation,
}

/// How LSUV moves a layer's mean after its weight is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LsuvMean {
    /// Not at all.
    Keep,
    /// The bias takes the pre-activation's mean off.
    Bias,
    /// The shift of a ReLU-family activation takes the activation's mean off, as in lesson 8.
    Shift,
}

impl InitConfig {
    /// Kaiming normal, fan_in, gain of each layer's activation, zero biases.
    pub fn kaiming() -> Self {
        Self { rule: preset("kaiming").expect("a listed preset"), aim: None, first: None, last: None, lsuv: None }
    }

    /// Reads `[init]` of a network with `activation`; whether an aim suits the network is not known here.
    pub(crate) fn read(section: &Section<'_>, activation: Activation) -> Result<Self, ConfigError> {
        let lsuv = section.section("lsuv")?.map(LsuvConfig::read).transpose()?;
        let default = if lsuv.is_some() {
            // The paper's orthonormal start.
            InitRule { weight: WeightInit::Orthogonal { gain: Gain::Given(1.0) }, bias: BiasInit::Zeros }
        } else {
            Self::kaiming().rule
        };
        let (base, of_preset) = read_preset(section)?.unwrap_or((default, None));
        let aim = choices::aim(section, "aim", activation)?.or(of_preset.map(|aim| aim.usual_for(activation)));
        let bias = aim.and_then(Aim::bias);
        let rule = choices::weight_and_bias(section, InitRule { bias: bias.unwrap_or(base.bias), ..base })?;
        if bias.is_some_and(|bias| bias != rule.bias) {
            return Err(section.error("bias", "is set by the aim critical: give its variance as init.aim.variance_b"));
        }
        let of_layer = |key| -> Result<Option<InitRule>, ConfigError> {
            let Some(layer) = section.section(key)? else { return Ok(None) };
            let own = choices::rule(&layer, rule)?;
            layer.finish()?;
            Ok(Some(own))
        };
        Ok(Self { rule, aim, first: of_layer("first")?, last: of_layer("last")?, lsuv })
    }
}

/// The rule and the aim of `preset`.
fn read_preset(section: &Section<'_>) -> Result<Option<(InitRule, Option<Aim>)>, ConfigError> {
    let plain = choices::presets().into_iter().map(|(name, rule)| (name, (rule, None)));
    let aims = Aim::ALL.map(|aim| (aim.preset(), (InitConfig::kaiming().rule, Some(aim))));
    section.choice("preset", &plain.chain(aims).collect::<Vec<_>>())
}

impl LsuvConfig {
    fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let targets = [("pre_activation", LsuvTarget::PreActivation), ("activation", LsuvTarget::Activation)];
        let of = section.choice("of", &targets)?.unwrap_or(LsuvTarget::Activation);
        let means = [("keep", LsuvMean::Keep), ("bias", LsuvMean::Bias), ("shift", LsuvMean::Shift)];
        let usual = if of == LsuvTarget::Activation { LsuvMean::Shift } else { LsuvMean::Bias };
        let mean = section.choice("mean", &means)?.unwrap_or(usual);
        if (of, mean) == (LsuvTarget::Activation, LsuvMean::Bias) {
            let advice =
                "must be \"shift\" or \"keep\" with of = \"activation\": a bias before φ would change the std again";
            return Err(section.error("mean", advice));
        }
        if (of, mean) == (LsuvTarget::PreActivation, LsuvMean::Shift) {
            return Err(section.error("mean", "must be \"bias\" or \"keep\" with of = \"pre_activation\""));
        }
        let config = Self {
            tolerance: positive(&section, "tolerance")?.unwrap_or(1e-3),
            max_iterations: at_least_one(&section, "max_iterations")?.unwrap_or(20),
            images: at_least_one(&section, "images")?.unwrap_or(512),
            of,
            mean,
        };
        section.finish()?;
        Ok(config)
    }
}
