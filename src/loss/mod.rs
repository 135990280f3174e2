//! Losses that training can minimise: a file for each, its form on slices beside its form on tensors.
//!
//! A new loss is a file here, and its line in each of the lists below.

use serde::Serialize;

mod cross_entropy;
mod hinge;
mod row;
mod squared;
#[cfg(test)]
mod tests;

pub use row::{OnSlices, OnTensors, Row};
pub use squared::{of_values_on_slices, of_values_on_tensors};

/// Loss that training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Cross-entropy of the softmax against the labels.
    CrossEntropy,
    /// Mean squared error: against one-hot labels, or, with one output, against the label as a number.
    Mse,
    /// Mean squared error of one output against the digit as a number (lesson 8's first loss).
    MseDigit,
    /// Multi-class hinge of Weston & Watkins, the mean over classes.
    Hinge,
}

impl Loss {
    /// Every loss; the first is what a config without one means.
    pub const ALL: [Self; 4] = [Self::CrossEntropy, Self::Mse, Self::MseDigit, Self::Hinge];

    /// Returns the loss's row, which has its names and its forms.
    pub fn row(self) -> &'static Row {
        match self {
            Self::CrossEntropy => &cross_entropy::ROW,
            Self::Mse => &squared::MSE,
            Self::MseDigit => &squared::MSE_DIGIT,
            Self::Hinge => &hinge::ROW,
        }
    }

    /// The loss of the best answer that is the same for every image: the entropy of the labels, or their variance. A net that
    /// has learnt nothing of the images has no less.
    pub fn blind(self, labels: &[u8], classes: usize) -> f64 {
        (self.row().blind)(labels, classes)
    }
}
