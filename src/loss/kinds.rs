//! The list of losses.

use serde::Serialize;

use crate::loss::row::Row;
use crate::loss::{cross_entropy, hinge, squared};

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
