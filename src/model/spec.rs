//! A network as a list of modules, before shapes are known.

use crate::activation::Activation;

/// A module as the user writes it, before shapes are known; a list of them is a network.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerSpec {
    /// y = Wx + b with `out` outputs.
    Linear {
        /// Outputs.
        out: usize,
        /// Whether there is a bias.
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
        /// Whether there is a bias.
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
        /// Whether the output is a vector.
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
