//! A parameter of the plan: its names, shape and place.

use std::borrow::Cow;

use crate::activation::Activation;

/// Role of a parameter in its layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Weight of a linear or convolution layer.
    Weight,
    /// Bias of a linear or convolution layer.
    Bias,
    /// Weight of a normalisation, 1 at the start.
    NormWeight,
    /// Bias of a normalisation, 0 at the start.
    NormBias,
    /// One learned number that starts at this value.
    Scalar(f64),
}

/// How the kernels store a parameter, compared with PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// PyTorch's order.
    Same,
    /// Within each of the first dimension's slices, `[channels, pixels]` is stored as `[pixels, channels]`.
    ChannelsLast {
        /// Input channels.
        channels: usize,
        /// Kernel or image pixels.
        pixels: usize,
    },
}

/// One named parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `conv2.weight`: the name of its random stream and in records.
    pub name: String,
    /// `4.weight`: the name in PyTorch's `state_dict`.
    pub key: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// First value in the flat array of all parameters.
    pub start: usize,
    /// How the kernels store it.
    pub layout: Layout,
    /// Its role in its layer.
    pub role: Role,
    /// Factor on the learning rate.
    pub lr_scale: f64,
    /// Activation of its layer.
    pub activation: Activation,
    /// fan_in of its layer's weight; 1 where there is none.
    pub fan_in: usize,
}

impl Param {
    /// Values in the tensor.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if the tensor has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat array.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }

    /// From PyTorch's order to the kernels'.
    pub fn to_kernels<'v, T: Copy>(&self, values: &'v [T]) -> Cow<'v, [T]> {
        let Layout::ChannelsLast { channels, pixels } = self.layout else { return values.into() };
        Self::transposed(values, channels, pixels)
    }

    /// From the kernels' order to PyTorch's.
    pub fn to_torch<'v, T: Copy>(&self, values: &'v [T]) -> Cow<'v, [T]> {
        let Layout::ChannelsLast { channels, pixels } = self.layout else { return values.into() };
        Self::transposed(values, pixels, channels)
    }

    /// Each slice `[rows, cols]` as `[cols, rows]`.
    fn transposed<T: Copy>(values: &[T], rows: usize, cols: usize) -> Cow<'_, [T]> {
        values
            .chunks_exact(rows * cols)
            .flat_map(|slice| (0..cols).flat_map(move |j| (0..rows).map(move |i| slice[i * cols + j])))
            .collect()
    }
}
