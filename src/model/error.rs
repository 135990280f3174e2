//! Networks that cannot be built.

use thiserror::Error;

use crate::model::shape::Shape;

/// A network that cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NetworkError {
    /// A window larger than its padded input.
    #[error(
        "{layer}: a window of {kernel:?} does not fit its {input} input with padding {padding}; use fewer strided layers, a smaller kernel or more padding"
    )]
    Window {
        /// Name of the layer.
        layer: String,
        /// Window height and width.
        kernel: [usize; 2],
        /// Shape of its input.
        input: Shape,
        /// Padding on every side.
        padding: usize,
    },
    /// Max pooling with windows that may lie in the padding alone.
    #[error(
        "{layer}: padding {padding} is more than half of the pooling window of {kernel}, so windows could lie outside of the image; \
         take at most {}, PyTorch's rule",
        kernel / 2
    )]
    PoolPadding {
        /// Name of the layer.
        layer: String,
        /// Window height and width.
        kernel: usize,
        /// Padding on every side.
        padding: usize,
    },
    /// An image layer after a vector, or the other way round.
    #[error("{layer}: needs {expected} as input, found {found}; {advice}")]
    Kind {
        /// Name of the layer.
        layer: String,
        /// Kind of input that the layer needs.
        expected: &'static str,
        /// Shape that comes in.
        found: Shape,
        /// Advice on what to change.
        advice: &'static str,
    },
    /// A size that must not be zero.
    #[error("{layer}: {what} must be at least 1, found 0")]
    Zero {
        /// Name of the layer.
        layer: String,
        /// Name of the size that is zero.
        what: &'static str,
    },
    /// A number outside of the layer's range.
    #[error("{layer}: {what} must be {range}, found {found}")]
    Number {
        /// Name of the layer.
        layer: String,
        /// Name of the number.
        what: &'static str,
        /// Where it must lie, in words.
        range: &'static str,
        /// The number, as it is printed.
        found: String,
    },
    /// A residual block that changes the shape.
    #[error("{layer}: x + body(x) needs equal shapes, but the body makes {output} of {input}")]
    Residual {
        /// Name of the block.
        layer: String,
        /// Shape that comes in.
        input: Shape,
        /// Shape that the body makes.
        output: Shape,
    },
    /// More parameters than the program handles.
    #[error("{layer}: the network has more than {limit} parameters or values in a sample; make it smaller")]
    TooLarge {
        /// Name of the layer that goes over.
        layer: String,
        /// The limit.
        limit: usize,
    },
    /// Residual blocks are asked for, but nothing can be in one.
    #[error(
        "residual: no {layers} layers in a row keep their shape; give some the width of the one before (and stride 1), or leave residual out"
    )]
    NoBlocks {
        /// Layers of a block.
        layers: usize,
    },
    /// No layer at all.
    #[error("the network has no layer; add one")]
    Empty,
}
