//! A layer as it is written, and as the plan has it: what it computes, its shapes, where its parameters are.

use crate::activation::Activation;
use crate::cpu::conv::ConvShape;
use crate::model::shape::Shape;

/// A module as the user writes it, before shapes are known; a list of them is a network.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerSpec {
    /// y = Wx + b with `out` outputs.
    Linear {
        /// Outputs.
        out: usize,
        /// True if there is a bias.
        bias: bool,
    },
    /// 2-D convolution (cross-correlation, as everywhere in the field).
    Conv2d {
        /// Output channels.
        out: usize,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Step between windows.
        stride: usize,
        /// Zeros around the image.
        padding: usize,
        /// True if there is a bias.
        bias: bool,
    },
    /// φ, element by element.
    Activation(Activation),
    /// Maximum over windows.
    MaxPool {
        /// Window size.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Padding, which never wins.
        padding: usize,
    },
    /// Mean over windows.
    AvgPool {
        /// Window size.
        kernel: usize,
        /// Step between windows.
        stride: usize,
    },
    /// Mean over all pixels: an image of one pixel, or a vector if `flatten`.
    GlobalAvgPool {
        /// True if the output is a vector.
        flatten: bool,
    },
    /// Image to vector, in PyTorch's order (channel, row, column).
    Flatten,
    /// Batch normalisation per channel.
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Share of the batch in the running estimates.
        momentum: f64,
    },
    /// Layer normalisation over the whole sample.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// Dropout: in training each value is 0 with probability p and 1/(1 − p) times as large otherwise; elsewhere it stays.
    Dropout {
        /// Probability of a value to be dropped, from 0 up to but not including 1.
        p: f64,
    },
    /// x + body(x).
    Residual(Vec<Self>),
    /// x·α with one learned number α.
    Scale {
        /// α at the start.
        start: f64,
        /// Factor on the learning rate.
        lr_scale: f64,
    },
    /// x + β with one learned number β, 0 at the start.
    Shift {
        /// Factor on the learning rate.
        lr_scale: f64,
    },
}

impl LayerSpec {
    /// Names the kind of the layer; in a layer's name its number follows.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Conv2d { .. } => "conv",
            Self::Activation(_) => "act",
            Self::MaxPool { .. } => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::GlobalAvgPool { .. } => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::BatchNorm { .. } => "batch_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Dropout { .. } => "dropout",
            Self::Residual(_) => "residual",
            Self::Scale { .. } => "scale",
            Self::Shift { .. } => "shift",
        }
    }
}

/// Operation of a layer, with its geometry.
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
    /// Values dropped at random in training.
    Dropout {
        /// Probability of a value to be dropped.
        p: f64,
    },
    /// x + body(x).
    Residual(Vec<Layer>),
    /// x·α.
    Scale,
    /// x + β.
    Shift,
}

/// Kinds of layers that plan and theory treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Wx + b and φ of it: linear layers and convolutions.
    Weights,
    /// φ alone.
    Activation,
    /// The largest of several pixels.
    Maximum,
    /// The mean of several pixels.
    Mean,
    /// Values as they were, in another shape.
    Reshape,
    /// Rescaled by the batch's or the sample's own moments.
    Norm,
    /// Numbers times each value, or added to it; dropout has no parameter and is the identity outside of training.
    Scalar,
    /// x + body(x).
    Sum,
}

impl Op {
    /// Which family it belongs to.
    pub fn family(&self) -> Family {
        match self {
            Self::Linear | Self::Conv2d(_) => Family::Weights,
            Self::Activation => Family::Activation,
            Self::MaxPool(_) => Family::Maximum,
            Self::AvgPool(_) | Self::GlobalAvgPool => Family::Mean,
            Self::Flatten => Family::Reshape,
            Self::BatchNorm { .. } | Self::LayerNorm { .. } => Family::Norm,
            Self::Residual(_) => Family::Sum,
            Self::Dropout { .. } | Self::Scale | Self::Shift => Family::Scalar,
        }
    }

    /// True if it is the identity outside of training, so that a network that is only looked at can do without it.
    pub fn acts_only_in_training(&self) -> bool {
        match self {
            Self::Dropout { .. } => true,
            Self::Linear
            | Self::Conv2d(_)
            | Self::Activation
            | Self::MaxPool(_)
            | Self::AvgPool(_)
            | Self::GlobalAvgPool
            | Self::Flatten
            | Self::BatchNorm { .. }
            | Self::LayerNorm { .. }
            | Self::Residual(_)
            | Self::Scale
            | Self::Shift => false,
        }
    }

    /// Its windows, if it has some.
    pub fn windows(&self) -> Option<&ConvShape> {
        match self {
            Self::Conv2d(shape) | Self::MaxPool(shape) | Self::AvgPool(shape) => Some(shape),
            Self::Linear
            | Self::Activation
            | Self::GlobalAvgPool
            | Self::Flatten
            | Self::BatchNorm { .. }
            | Self::LayerNorm { .. }
            | Self::Dropout { .. }
            | Self::Residual(_)
            | Self::Scale
            | Self::Shift => None,
        }
    }
}

/// A layer with its shapes and parameters. Weight layers carry their activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `conv2`, `linear1`, … counted by kind.
    pub name: String,
    /// Place in PyTorch's `nn.Sequential`: `4`, or `4.body.2` in a residual block.
    pub key: String,
    /// Operation that the layer computes.
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
    /// True if the output is the input's memory under another shape.
    pub fn passes_through(&self) -> bool {
        matches!(self.op, Op::Flatten) && (self.input.pixels() == 1 || self.input.units() == 1)
    }

    /// The layers inside a residual block; none of any other layer.
    pub fn body(&self) -> &[Self] {
        if let Op::Residual(body) = &self.op { body } else { &[] }
    }

    /// True if the layer, or one inside it, has parameters.
    pub fn has_params(&self) -> bool {
        self.weight.is_some() || self.bias.is_some() || self.body().iter().any(Self::has_params)
    }
}
