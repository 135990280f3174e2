//! Objective of a network: the loss, its targets and its gradient.

use std::ops::Range;

use crate::cpu::loss::LossSums;
use crate::loss::of_values_on_slices;

pub use crate::loss::Loss;

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
    match targets {
        Targets::Labels(labels) => (loss.row().on_slices)(outputs, classes, labels, scale, gradient),
        Targets::Values(values) => of_values_on_slices(outputs, values.iter().copied(), scale, gradient),
    }
}
