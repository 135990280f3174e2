//! `[model]`: the kind of network and its sizes.

use serde::{Serialize, Serializer};

use crate::activation::Activation;
use crate::config::key::{Key, Keys, Optional, choice, count, form, number};
pub use crate::config::norm::{NormConfig, NormKind, NormPosition};
use crate::config::range::{AT_LEAST_1, FRACTION};
use crate::config::reader::TABLES;
pub use crate::config::residual::{ResidualConfig, ResidualStart};
pub use crate::config::stage::{PoolConfig, PoolKind, Stage};
use crate::config::{ConfigError, Section, Value, choices};

/// A network as a config describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelConfig {
    /// MLP or CNN, with sizes.
    #[serde(flatten)]
    pub body: Body,
    /// φ after every layer but the last.
    pub activation: Activation,
    /// Which linear layers and convolutions have biases.
    pub bias: Biases,
    /// Probability of dropout in training: behind each hidden activation of an MLP; in a CNN behind the head and the activations
    /// of `hidden`. Absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// Normalisation of every hidden layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm: Option<NormConfig>,
    /// Residual connections around groups of layers that keep their shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual: Option<ResidualConfig>,
}

/// Which linear layers and convolutions have biases. In configs and records: `true`, `false` or `"output"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Biases {
    /// All.
    All,
    /// The output layer alone, as is usual beside batch norm.
    Output,
    /// None.
    None,
}

impl Biases {
    /// True if the layers before the output have biases.
    pub fn hidden(self) -> bool {
        self == Self::All
    }

    /// True if the output layer has biases.
    pub fn output(self) -> bool {
        self != Self::None
    }
}

impl Serialize for Biases {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_bool(true),
            Self::Output => serializer.serialize_str("output"),
            Self::None => serializer.serialize_bool(false),
        }
    }
}

/// The layers before the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Fully connected hidden layers of these widths.
    Mlp {
        /// Outputs of each hidden layer.
        widths: Vec<usize>,
    },
    /// Convolution stages, then pooling or flattening, then fully connected hidden layers.
    Cnn {
        /// The stages in order.
        stages: Vec<Stage>,
        /// Step that turns the last image into a vector.
        head: Head,
        /// Widths of fully connected layers between the head and the output.
        hidden: Vec<usize>,
    },
}

/// The step from the last image to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Mean over all pixels.
    GlobalAverage,
    /// All values.
    Flatten,
}

/// The kinds, before their sizes are read.
#[derive(Clone, Copy)]
enum Kind {
    Mlp,
    Cnn,
}

const KIND: Key<Kind> = choice(
    "kind",
    || {
        vec![
            ("mlp", Kind::Mlp, "Fully connected hidden layers."),
            ("cnn", Kind::Cnn, "Stages of convolutions, a head, fully connected hidden layers."),
        ]
    },
    "The kind of network.",
);
const ACTIVATION: Key<Activation> =
    form("activation", choices::ACTIVATION, choices::activation, "φ after every layer but the last.").default("relu");
const BIAS: Key<Biases> = form(
    "bias",
    "true, false or \"output\"",
    read_biases,
    "Whether layers have biases; \"output\": the last one alone.",
)
.default("true");
const DROPOUT: Key<f64> =
    number("dropout", "Probability that a hidden value is left out in a training step; 0 for none.")
        .within(&[FRACTION])
        .default("0.0");
const NORM: Key<Option<NormConfig>> =
    form("norm", "a kind of [model.norm], or that table", NormConfig::read, "Normalisation of every hidden layer.")
        .default("none");
const RESIDUAL: Optional<ResidualConfig> = form(
    "residual",
    "a start of [model.residual], or that table",
    ResidualConfig::read,
    "Connections around groups of layers that keep their shape.",
)
.example("plain")
.or("there are none");

const WIDTH: Optional<usize> =
    count("width", "Outputs of each hidden layer.").within(&[AT_LEAST_1]).example("100").or("`widths` is required");
const DEPTH: Optional<usize> =
    count("depth", "Hidden layers, at most 10000.").within(&[AT_LEAST_1]).example("10").or("`widths` is required");
const WIDTHS: Optional<Vec<usize>> =
    form("widths", "an array of counts", |value| value.counts(), "Outputs of each hidden layer, one by one.")
        .example("[50, 50]")
        .or("`width` and `depth` are required");

const STAGES: Key<Vec<Stage>> = form(
    "stages",
    TABLES,
    |value| value.to_sections()?.into_iter().map(Stage::read).collect(),
    "The convolutions, a [[model.stages]] for each stage.",
)
.example("[{ channels = 8 }]");
const HEAD: Key<Head> = choice(
    "head",
    || {
        vec![
            ("global_average", Head::GlobalAverage, "Mean over all pixels."),
            ("flatten", Head::Flatten, "All values."),
        ]
    },
    "From the last image to a vector.",
)
.default("global_average");
const HIDDEN: Key<Vec<usize>> = form(
    "hidden",
    "an array of counts",
    |value| value.counts(),
    "Outputs of each fully connected layer between the head and the output.",
)
.default("[]");

/// The keys of `[model]`.
pub(crate) const KEYS: &[Keys] = &[
    Keys { path: "model", when: "", keys: &[&KIND, &ACTIVATION, &BIAS, &DROPOUT, &NORM, &RESIDUAL] },
    Keys { path: "model", when: "kind = \"mlp\"", keys: &[&WIDTH, &DEPTH, &WIDTHS] },
    Keys { path: "model", when: "kind = \"cnn\"", keys: &[&STAGES, &HEAD, &HIDDEN] },
];

impl ModelConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let body = match section.get(&KIND)? {
            Kind::Mlp => read_mlp(&section)?,
            Kind::Cnn => read_cnn(&section)?,
        };
        let config = Self {
            body,
            activation: section.get(&ACTIVATION)?,
            bias: section.get(&BIAS)?,
            dropout: Some(section.get(&DROPOUT)?).filter(|p| *p > 0.0),
            norm: section.get(&NORM)?,
            residual: section.find(&RESIDUAL)?,
        };
        if config.norm.is_some() && config.residual.is_some_and(|r| r.start == ResidualStart::Fixup) {
            return Err(section.conflict(
                NORM.name,
                RESIDUAL.name(),
                "must be \"none\" with residual = \"fixup\", which does without",
            ));
        }
        section.finish()?;
        Ok(config)
    }

    /// True if only weights, biases and φ stand between input and output, besides a CNN's pooling and reshaping: what maps of lengths
    /// that go from layer to layer take for granted.
    pub fn is_plain(&self) -> bool {
        // By name, so that whoever adds a key considers it here.
        let Self { body: _, activation: _, bias: _, dropout, norm, residual } = self;
        dropout.is_none() && norm.is_none() && residual.is_none()
    }
}

/// `widths = […]`, or `width` and `depth` (weight layers before the output).
fn read_mlp(section: &Section<'_>) -> Result<Body, ConfigError> {
    let (width, depth) = (section.find(&WIDTH)?, section.find(&DEPTH)?);
    let widths = match (section.find(&WIDTHS)?, width, depth) {
        (Some(widths), None, None) => widths,
        (Some(_), ..) => {
            let other = if width.is_some() { WIDTH.name() } else { DEPTH.name() };
            let message = "stands for `width` and `depth`: give one or the other";
            return Err(section.conflict(WIDTHS.name(), other, message));
        }
        (None, Some(width), Some(depth)) if depth <= MAX_LAYERS => vec![width; depth],
        (None, _, Some(depth)) if depth > MAX_LAYERS => return Err(too_deep(section, DEPTH.name(), depth)),
        (None, Some(_), None) => return Err(section.missing_key(&DEPTH, "the number of hidden layers")),
        (None, None, Some(_)) if section.is_changed(DEPTH.name()) => {
            let message = "takes the place of `widths`, which differ, and needs a width; add `--set model.width=50`";
            return Err(section.error(DEPTH.name(), message));
        }
        (None, None, Some(_)) => return Err(section.missing_key(&WIDTH, "the outputs of each hidden layer")),
        (None, ..) => {
            return Err(section.missing_key(&WIDTHS, "a list such as [50], or `width` and `depth`"));
        }
    };
    if widths.len() > MAX_LAYERS {
        return Err(too_deep(section, WIDTHS.name(), widths.len()));
    }
    Ok(Body::Mlp { widths })
}

/// Deeper networks are refused: most likely a misplaced number.
const MAX_LAYERS: usize = 10_000;

fn too_deep(section: &Section<'_>, key: &str, found: usize) -> ConfigError {
    section.error(key, format!("gives {found} layers; at most {MAX_LAYERS} are possible"))
}

fn read_cnn(section: &Section<'_>) -> Result<Body, ConfigError> {
    let stages = section.get(&STAGES)?;
    let layers = stages.iter().fold(0, |sum: usize, stage| sum.saturating_add(stage.layers));
    if layers > MAX_LAYERS {
        return Err(too_deep(section, STAGES.name, layers));
    }
    Ok(Body::Cnn { stages, head: section.get(&HEAD)?, hidden: section.get(&HIDDEN)? })
}

/// `true | false | "output"`.
fn read_biases(value: &Value<'_>) -> Result<Biases, ConfigError> {
    match (value.as_bool(), value.as_str()) {
        (Some(true), _) => Ok(Biases::All),
        (Some(false), _) => Ok(Biases::None),
        (None, Some("output")) => Ok(Biases::Output),
        (None, _) => Err(value.wrong("true, false or \"output\"")),
    }
}
