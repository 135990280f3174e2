//! `[model]`: the kind of network and its sizes.

use serde::{Serialize, Serializer};

use crate::activation::Activation;
use crate::config::check::{at_least_one, fraction, positive};
use crate::config::{ConfigError, Section, choices};

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
    /// Whether the layers before the output have biases.
    pub fn hidden(self) -> bool {
        self == Self::All
    }

    /// Whether the output layer has one.
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
        /// What turns the last image into a vector.
        head: Head,
        /// Widths of fully connected layers between the head and the output.
        hidden: Vec<usize>,
    },
}

/// Convolutions of the same width.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Output channels of every layer.
    pub channels: usize,
    /// Layers.
    pub layers: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride of the first layer; the others have 1.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Pooling after the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolConfig>,
}

/// Pooling over windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PoolConfig {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// Window size.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Padding (maximum only).
    pub padding: usize,
}

/// Maximum or mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Maximum.
    Max,
    /// Mean.
    Average,
}

/// From the last image to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Mean over all pixels.
    GlobalAverage,
    /// All values.
    Flatten,
}

/// Normalisation layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NormConfig {
    /// Over the batch or over each sample.
    pub kind: NormKind,
    /// Before or after the activation.
    pub position: NormPosition,
    /// Added to the variance.
    pub eps: f64,
    /// Share of the batch in batch norm's running estimates.
    pub momentum: f64,
}

/// Over the batch or over each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Ioffe & Szegedy 2015.
    Batch,
    /// Ba et al. 2016.
    Layer,
}

/// Before or after the activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// Linear, norm, activation.
    Before,
    /// Linear, activation, norm.
    After,
}

/// Residual blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ResidualConfig {
    /// Weight layers in a block.
    pub layers: usize,
    /// How the blocks start.
    pub start: ResidualStart,
}

/// How residual blocks start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidualStart {
    /// x + F(x) with F initialised like any other layers.
    Plain,
    /// Zhang et al. 2019: scaled branches that start at zero, scalar biases and a multiplier.
    Fixup,
    /// Bachlechner et al. 2021: x + α·F(x), α = 0 at the start.
    Rezero,
}

impl ModelConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        #[derive(Clone, Copy)]
        enum Kind {
            Mlp,
            Cnn,
        }
        let body = match section.required_choice("kind", &[("mlp", Kind::Mlp), ("cnn", Kind::Cnn)])? {
            Kind::Mlp => read_mlp(&section)?,
            Kind::Cnn => read_cnn(&section)?,
        };
        let config = Self {
            body,
            activation: choices::activation(&section, "activation")?.unwrap_or(Activation::Relu),
            bias: read_biases(&section)?,
            norm: read_norm(&section)?,
            residual: read_residual(&section)?,
        };
        if config.norm.is_some() && config.residual.is_some_and(|r| r.start == ResidualStart::Fixup) {
            return Err(section.error("norm", "must be \"none\" with residual = \"fixup\", which does without"));
        }
        section.finish()?;
        Ok(config)
    }
}

/// `widths = […]`, or `width` and `depth` (weight layers before the output).
fn read_mlp(section: &Section<'_>) -> Result<Body, ConfigError> {
    let (width, depth) = (at_least_one(section, "width")?, at_least_one(section, "depth")?);
    let widths = match (section.usize_list("widths")?, width, depth) {
        (Some(widths), None, None) => widths,
        (Some(_), ..) => return Err(section.error("widths", "stands for `width` and `depth`: give one or the other")),
        (None, Some(width), Some(depth)) if depth <= MAX_LAYERS => vec![width; depth],
        (None, _, Some(depth)) if depth > MAX_LAYERS => return Err(too_deep(section, "depth", depth)),
        (None, Some(_), None) => return Err(section.missing("depth", "the number of hidden layers")),
        (None, None, Some(_)) => return Err(section.missing("width", "the outputs of each hidden layer")),
        (None, ..) => {
            return Err(section.missing("widths", "a list such as [50], or `width` and `depth`"));
        }
    };
    if widths.len() > MAX_LAYERS {
        return Err(too_deep(section, "widths", widths.len()));
    }
    Ok(Body::Mlp { widths })
}

/// Deeper networks are refused: most likely a misplaced number.
const MAX_LAYERS: usize = 10_000;

fn too_deep(section: &Section<'_>, key: &str, found: usize) -> ConfigError {
    section.error(key, format!("gives {found} layers; at most {MAX_LAYERS} are possible"))
}

fn read_cnn(section: &Section<'_>) -> Result<Body, ConfigError> {
    let stages = section.required_sections("stages")?.into_iter().map(read_stage).collect::<Result<Vec<_>, _>>()?;
    let layers = stages.iter().fold(0, |sum: usize, stage| sum.saturating_add(stage.layers));
    if layers > MAX_LAYERS {
        return Err(too_deep(section, "stages", layers));
    }
    let heads = [("global_average", Head::GlobalAverage), ("flatten", Head::Flatten)];
    let head = section.choice("head", &heads)?.unwrap_or(Head::GlobalAverage);
    Ok(Body::Cnn { stages, head, hidden: section.usize_list("hidden")?.unwrap_or_default() })
}

fn read_stage(section: Section<'_>) -> Result<Stage, ConfigError> {
    let kernel = match section.value("kernel") {
        None => [3, 3],
        Some(value) => match (value.as_usize(), value.as_array()) {
            (Some(size), _) => [size, size],
            (None, Some(items)) => {
                let sizes: Option<Vec<_>> = items.iter().map(|item| item.as_usize()).collect();
                sizes
                    .and_then(|sizes| <[usize; 2]>::try_from(sizes).ok())
                    .ok_or_else(|| value.wrong("a size or [height, width]"))?
            }
            _ => return Err(value.wrong("a size or [height, width]")),
        },
    };
    if kernel.contains(&0) {
        return Err(section.error("kernel", "must be at least 1, found 0"));
    }
    let stage = Stage {
        channels: at_least_one(&section, "channels")?
            .ok_or_else(|| section.missing("channels", "the output channels of the stage"))?,
        layers: at_least_one(&section, "layers")?.unwrap_or(1),
        kernel,
        stride: at_least_one(&section, "stride")?.unwrap_or(1),
        padding: section.usize("padding")?.unwrap_or(kernel[0].max(kernel[1]) / 2),
        pool: section.section("pool")?.map(read_pool).transpose()?,
    };
    section.finish()?;
    Ok(stage)
}

fn read_pool(section: Section<'_>) -> Result<PoolConfig, ConfigError> {
    let kinds = [("max", PoolKind::Max), ("average", PoolKind::Average)];
    let kind = section.required_choice("kind", &kinds)?;
    let kernel = at_least_one(&section, "kernel")?.unwrap_or(2);
    let stride = at_least_one(&section, "stride")?.unwrap_or(kernel);
    let padding = section.usize("padding")?.unwrap_or(0);
    if kind == PoolKind::Average && padding > 0 {
        return Err(section.error("padding", "must be 0 for average pooling"));
    }
    if padding > kernel / 2 {
        let most = kernel / 2;
        return Err(section.error(
            "padding",
            format!(
                "must be at most half of the pooling window (PyTorch's rule), {most} for {kernel}; found {padding}"
            ),
        ));
    }
    section.finish()?;
    Ok(PoolConfig { kind, kernel, stride, padding })
}

/// `bias = true | false | "output"`.
fn read_biases(section: &Section<'_>) -> Result<Biases, ConfigError> {
    let Some(value) = section.value("bias") else { return Ok(Biases::All) };
    match (value.as_bool(), value.as_str()) {
        (Some(true), _) => Ok(Biases::All),
        (Some(false), _) => Ok(Biases::None),
        (None, Some("output")) => Ok(Biases::Output),
        _ => Err(value.wrong("true, false or \"output\"")),
    }
}

/// `norm = "none" | "batch" | "layer"`, or a table with `kind`, `position`, `eps`, `momentum`.
fn read_norm(section: &Section<'_>) -> Result<Option<NormConfig>, ConfigError> {
    let kinds = [("none", None), ("batch", Some(NormKind::Batch)), ("layer", Some(NormKind::Layer))];
    let Some(value) = section.value("norm") else { return Ok(None) };
    let usual = |kind| NormConfig { kind, position: NormPosition::Before, eps: 1e-5, momentum: 0.1 };
    let Some(table) = value.as_section() else { return Ok(value.choice(&kinds)?.map(usual)) };
    let Some(kind) = table.required_choice("kind", &kinds)? else {
        table.finish()?;
        return Ok(None);
    };
    let positions = [("before", NormPosition::Before), ("after", NormPosition::After)];
    let default = usual(kind);
    let norm = NormConfig {
        kind,
        position: table.choice("position", &positions)?.unwrap_or(default.position),
        eps: positive(&table, "eps")?.unwrap_or(default.eps),
        momentum: fraction(&table, "momentum")?.unwrap_or(default.momentum),
    };
    table.finish()?;
    Ok(Some(norm))
}

/// `residual = "plain" | "fixup" | "rezero"`, or a table with `start` and `layers`.
fn read_residual(section: &Section<'_>) -> Result<Option<ResidualConfig>, ConfigError> {
    let starts = [("plain", ResidualStart::Plain), ("fixup", ResidualStart::Fixup), ("rezero", ResidualStart::Rezero)];
    let Some(value) = section.value("residual") else { return Ok(None) };
    let Some(table) = value.as_section() else {
        return Ok(Some(ResidualConfig { layers: 2, start: value.choice(&starts)? }));
    };
    let start = table.choice("start", &starts)?.unwrap_or(ResidualStart::Plain);
    let layers = at_least_one(&table, "layers")?.unwrap_or(2);
    if start == ResidualStart::Fixup && layers < 2 {
        return Err(table.error("layers", "must be at least 2 for fixup, whose scale is L^(-1/(2m-2))"));
    }
    table.finish()?;
    Ok(Some(ResidualConfig { layers, start }))
}
