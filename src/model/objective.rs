//! What a network is trained for: the loss, its targets and its gradient.

use std::ops::Range;

use crate::cpu::loss::{self, LossSums};

/// What the outputs are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of the softmax against the labels.
    CrossEntropy,
    /// Mean squared error: against one-hot labels, or, with one output, against the label as a number.
    Mse,
}

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// Class of each sample.
    Labels(&'a [u8]),
    /// A number for each sample (one output, mean squared error).
    Values(&'a [f32]),
}

impl Targets<'_> {
    pub(super) fn slice(&self, range: Range<usize>) -> Self {
        match self {
            Self::Labels(labels) => Self::Labels(&labels[range]),
            Self::Values(values) => Self::Values(&values[range]),
        }
    }
}

/// The loss of `outputs` (`[rows, classes]`), and its gradient times `scale` in `gradient`.
///
/// # Panics
/// If labels are below no class, or there is not one target for each row.
pub fn loss_and_gradient(
    loss: Loss,
    outputs: &[f32],
    classes: usize,
    targets: Targets<'_>,
    scale: f32,
    gradient: &mut [f32],
) -> LossSums {
    match (loss, targets) {
        (Loss::CrossEntropy, Targets::Labels(labels)) => loss::cross_entropy(outputs, classes, labels, scale, gradient),
        (Loss::Mse, Targets::Labels(labels)) if classes == 1 => {
            loss::mse_value(outputs, labels.iter().map(|&l| f32::from(l)), scale, gradient)
        }
        (Loss::Mse, Targets::Labels(labels)) => loss::mse_one_hot(outputs, classes, labels, scale, gradient),
        (_, Targets::Values(values)) => loss::mse_value(outputs, values.iter().copied(), scale, gradient),
    }
}
