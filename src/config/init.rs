//! `[init]`: how the parameters start.

use serde::Serialize;

use crate::activation::Activation;
use crate::config::key::{Key, Keys, Optional, choice, count, form, number};
use crate::config::node::Node;
use crate::config::parametrisation::Parametrisation;
use crate::config::range::{ABOVE_0, AT_LEAST_1};
use crate::config::{ConfigError, Section, Value, choices};
use crate::init::{Aim, BiasInit, Gain, InitRule, Preset, WeightInit};

/// The start of a network's parameters, as the section `[init]` of a config says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InitConfig {
    /// Weights and biases of every layer, bar the first and the last if they have their own rules.
    #[serde(flatten)]
    pub rule: InitRule,
    /// Aim from which theory derives gains and activations, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<Aim>,
    /// The first layer's own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<InitRule>,
    /// The last layer's own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<InitRule>,
    /// How start and rates follow the width.
    #[serde(skip_serializing_if = "Parametrisation::is_standard")]
    pub parametrisation: Parametrisation,
    /// Width of the widest hidden layer at which μP is the standard parametrisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_width: Option<usize>,
    /// Data-dependent rescaling after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lsuv: Option<LsuvConfig>,
}

/// Settings of LSUV, layer-sequential unit variance: weights are rescaled, layer by layer, until a batch has unit variance
/// behind each (Mishkin & Matas 2016).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LsuvConfig {
    /// Distance of a layer's std from 1 at which the layer is done.
    pub tolerance: f64,
    /// Most rescalings of one layer.
    pub max_iterations: usize,
    /// Number of training images in the batch that is measured.
    pub images: usize,
    /// The value of a layer whose std becomes 1.
    pub of: LsuvTarget,
    /// Method that moves each layer's mean to 0, or none.
    pub mean: LsuvMean,
}

/// The value of a layer whose standard deviation LSUV measures and brings to 1.
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
    /// Leaves the mean where it is.
    Keep,
    /// The bias takes the pre-activation's mean off.
    Bias,
    /// The shift of a ReLU-family activation takes the activation's mean off, as in lesson 8.
    Shift,
}

const LSUV: Optional<Option<LsuvConfig>> = form(
    "lsuv",
    "true for the defaults of [init.lsuv], false, or that table",
    read_lsuv,
    "Rescales each layer by what data shows: layer-sequential unit variance (Mishkin & Matas 2016).",
)
.example("true")
.or("nothing is rescaled");
const PRESET: Optional<(InitRule, Option<Aim>)> = choice(
    "preset",
    || {
        let plain = choices::presets().map(|(name, rule)| (name, (rule, None), ""));
        let aims = Aim::ALL.map(|aim| (aim.preset(), (InitConfig::kaiming().rule, Some(aim)), aim.help()));
        plain.chain(aims).collect()
    },
    "Weights and biases together, or an aim.",
)
.example("kaiming")
.or("it is kaiming; with lsuv, orthogonal of gain 1");
const AIM: Optional<()> = elsewhere(
    "aim",
    "a name, or a table with its kind and parameters",
    "What theory is to make of gains and of the activation.",
)
.example("moment_matched")
.or("it is the preset's");
const FIRST: Optional<()> = elsewhere("first", "a table", "The first layer's own preset, weight, bias.")
    .example(OF_LAYER)
    .or("it starts as the others");
const LAST: Optional<()> = elsewhere("last", "a table", "The last layer's own preset, weight, bias.")
    .example(OF_LAYER)
    .or("it starts as the others");

const PARAMETRISATION: Key<Parametrisation> = choice(
    "parametrisation",
    || {
        vec![
            ("standard", Parametrisation::Standard, "The rules alone look at sizes; all parameters share the rate."),
            (
                "mup",
                Parametrisation::Mup,
                "Maximal update (Yang et al. 2021, table 3): rates and starts by layer and width.",
            ),
        ]
    },
    "How start and learning rates follow the width.",
)
.default("standard");
const BASE_WIDTH: Optional<usize> =
    count("base_width", "With mup: width of the widest hidden layer at which both parametrisations are one.")
        .within(&[AT_LEAST_1])
        .example("64")
        .or("parametrisation is standard");

/// A start of a layer of its own.
const OF_LAYER: &str = "{ preset = \"torch\" }";

/// The keys of `[init]`.
pub(crate) const KEYS: &[Keys] = &[
    Keys {
        path: "init",
        when: "",
        keys: &[&LSUV, &PRESET, &AIM, &choices::WEIGHT, &choices::BIAS, &FIRST, &LAST, &PARAMETRISATION, &BASE_WIDTH],
    },
    Keys { path: "init.first", when: "", keys: &[&choices::PRESET, &choices::WEIGHT, &choices::BIAS] },
    Keys { path: "init.last", when: "", keys: &[&choices::PRESET, &choices::WEIGHT, &choices::BIAS] },
    Keys { path: "init.lsuv", when: "", keys: &[&OF, &MEAN, &TOLERANCE, &MAX_ITERATIONS, &IMAGES] },
];

/// A key that [`choices`] reads.
const fn elsewhere(name: &'static str, words: &'static str, help: &'static str) -> Key<()> {
    form(name, words, |_| Ok(()), help)
}

impl InitConfig {
    /// Kaiming normal, fan_in, gain of each layer's activation, zero biases.
    pub fn kaiming() -> Self {
        Self {
            rule: Preset::Kaiming.rule(),
            aim: None,
            first: None,
            last: None,
            parametrisation: Parametrisation::Standard,
            base_width: None,
            lsuv: None,
        }
    }

    /// The base width, where μP is asked for.
    pub fn base(&self) -> Option<usize> {
        self.base_width.filter(|_| self.parametrisation == Parametrisation::Mup)
    }

    /// Reads `[init]` of a network with `activation`; whether an aim suits the network is not known here.
    pub(crate) fn read(section: &Section<'_>, activation: Activation) -> Result<Self, ConfigError> {
        let lsuv = section.find(&LSUV)?.flatten();
        let default = if lsuv.is_some() {
            // The paper's orthonormal start.
            InitRule { weight: WeightInit::Orthogonal { gain: Gain::Given(1.0) }, bias: BiasInit::Zeros }
        } else {
            Self::kaiming().rule
        };
        let (base, of_preset) = section.find(&PRESET)?.unwrap_or((default, None));
        let aim = choices::aim(section, AIM.name(), activation)?.or(of_preset.map(|aim| aim.usual_for(activation)));
        let bias = aim.and_then(Aim::bias);
        let rule = choices::weight_and_bias(section, InitRule { bias: bias.unwrap_or(base.bias), ..base })?;
        if bias.is_some_and(|bias| bias != rule.bias) {
            return Err(section
                .error(choices::BIAS.name(), "is set by the aim critical: give its variance as init.aim.variance_b"));
        }
        let of_layer = |key| -> Result<Option<InitRule>, ConfigError> {
            let Some(layer) = section.section(key)? else { return Ok(None) };
            let own = choices::rule(&layer, rule)?;
            layer.finish()?;
            Ok(Some(own))
        };
        let (first, last) = (of_layer(FIRST.name())?, of_layer(LAST.name())?);
        let (parametrisation, base_width) = (section.get(&PARAMETRISATION)?, section.find(&BASE_WIDTH)?);
        match (parametrisation, base_width) {
            (Parametrisation::Standard, Some(_)) => {
                return Err(
                    section.error(BASE_WIDTH.name(), "is for parametrisation = \"mup\"; add that, or leave it out")
                );
            }
            (Parametrisation::Mup, None) => {
                let expected =
                    "the width of the widest hidden layer at which rates and starts are as given, such as 64";
                return Err(section.missing(BASE_WIDTH.name(), expected, "64"));
            }
            (Parametrisation::Standard, None) | (Parametrisation::Mup, Some(_)) => {}
        }
        Ok(Self { rule, aim, first, last, parametrisation, base_width, lsuv })
    }
}

/// The rule for weights that `value` is: a name, or a table with its kind and parameters.
///
/// # Errors
/// It is none.
pub fn weight_rule(value: &Value<'_>) -> Result<WeightInit, ConfigError> {
    choices::weight(value)
}

/// The rule for biases that `value` is, likewise.
///
/// # Errors
/// It is none.
pub fn bias_rule(value: &Value<'_>) -> Result<BiasInit, ConfigError> {
    choices::bias(value)
}

/// The activation that `value` is: a name, a text such as `relu - 0.5`, or a table.
///
/// # Errors
/// It is none.
pub fn activation(value: &Value<'_>) -> Result<Activation, ConfigError> {
    choices::activation(value)
}

const OF: Key<LsuvTarget> = choice(
    "of",
    || {
        vec![
            ("pre_activation", LsuvTarget::PreActivation, "The pre-activation z, as the paper does."),
            ("activation", LsuvTarget::Activation, "The activation h = φ(z), as lesson 8 does."),
        ]
    },
    "Whose std becomes 1.",
)
.default("activation");
const MEAN: Optional<LsuvMean> = choice(
    "mean",
    || {
        vec![
            ("keep", LsuvMean::Keep, "Nothing."),
            ("bias", LsuvMean::Bias, "The bias takes the pre-activation's mean off."),
            ("shift", LsuvMean::Shift, "The shift of a ReLU-family activation takes the activation's mean off."),
        ]
    },
    "What moves the mean to 0.",
)
.or("it is shift for the activation, bias for the pre-activation");
const TOLERANCE: Key<f64> =
    number("tolerance", "A layer is done when its std is within this of 1.").within(&[ABOVE_0]).default("1e-3");
const MAX_ITERATIONS: Key<usize> =
    count("max_iterations", "Rescalings of one layer at most.").within(&[AT_LEAST_1]).default("20");
const IMAGES: Key<usize> = count("images", "Training images that are measured.").within(&[AT_LEAST_1]).default("512");

/// `true | false | { … }`.
fn read_lsuv(value: &Value<'_>) -> Result<Option<LsuvConfig>, ConfigError> {
    match (value.as_bool(), value.as_section()) {
        (Some(false), _) => Ok(None),
        (Some(true), _) => LsuvConfig::read(Section::new(&Node::empty_table(), value.path())).map(Some),
        (None, Some(section)) => LsuvConfig::read(section).map(Some),
        (None, None) => Err(value.wrong("true, false or a table")),
    }
}

impl LsuvConfig {
    fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let of = section.get(&OF)?;
        let usual = if of == LsuvTarget::Activation { LsuvMean::Shift } else { LsuvMean::Bias };
        let mean = section.find(&MEAN)?.unwrap_or(usual);
        if (of, mean) == (LsuvTarget::Activation, LsuvMean::Bias) {
            let advice =
                "must be \"shift\" or \"keep\" with of = \"activation\": a bias before φ would change the std again";
            return Err(section.conflict(MEAN.name(), OF.name, advice));
        }
        if (of, mean) == (LsuvTarget::PreActivation, LsuvMean::Shift) {
            return Err(section.conflict(
                MEAN.name(),
                OF.name,
                "must be \"bias\" or \"keep\" with of = \"pre_activation\"",
            ));
        }
        let config = Self {
            tolerance: section.get(&TOLERANCE)?,
            max_iterations: section.get(&MAX_ITERATIONS)?,
            images: section.get(&IMAGES)?,
            of,
            mean,
        };
        section.finish()?;
        Ok(config)
    }
}
