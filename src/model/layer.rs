//! A layer of the plan: what it computes, its shapes, where its parameters are.

use crate::activation::Activation;
use crate::cpu::conv::ConvShape;
use crate::model::shape::Shape;

/// What a layer computes, with its geometry.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// y = Wx + b.
    Linear,
    /// 2-D convolution.
    Conv2d(ConvShape),
    /// Nothing but its activation.
    Activation,
    /// Maximum over windows.
    MaxPool(ConvShape),
    /// Mean over windows.
    AvgPool(ConvShape),
    /// Mean over all pixels.
    GlobalAvgPool,
    /// Image to vector.
    Flatten,
    /// Batch normalisation; `running` is its place in the running estimates (means, then variances).
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Share of the batch in the running estimates.
        momentum: f64,
        /// Start of its estimates.
        running: usize,
    },
    /// Layer normalisation.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// x + body(x).
    Residual(Vec<Layer>),
    /// x·α.
    Scale,
    /// x + β.
    Shift,
}

/// A layer with its shapes and parameters. Weight layers carry their activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `conv2`, `linear1`, … counted by kind.
    pub name: String,
    /// Place in PyTorch's `nn.Sequential`: `4`, or `4.body.2` in a residual block.
    pub key: String,
    /// What it computes.
    pub op: Op,
    /// φ applied to the result.
    pub activation: Activation,
    /// Shape of a sample that comes in.
    pub input: Shape,
    /// Shape of a sample that goes out.
    pub output: Shape,
    /// Index of the weight in [`Network::params`](crate::model::Network::params).
    pub weight: Option<usize>,
    /// Index of the bias in [`Network::params`](crate::model::Network::params).
    pub bias: Option<usize>,
    /// Index in [`Network::observed`](crate::model::Network::observed) if statistics are taken.
    pub observation: Option<usize>,
}

impl Layer {
    /// Whether the output is the input's memory under another shape.
    pub fn passes_through(&self) -> bool {
        matches!(self.op, Op::Flatten) && (self.input.pixels() == 1 || self.input.units() == 1)
    }

    /// Whether it or a layer inside it has parameters.
    pub fn has_params(&self) -> bool {
        match &self.op {
            Op::Residual(body) => body.iter().any(Self::has_params),
            _ => self.weight.is_some() || self.bias.is_some(),
        }
    }
}
