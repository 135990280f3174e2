//! The target of a run: the question that a study asks of each of its runs.

use serde::{Deserialize, Serialize};

use crate::numerals::without_rounding;

/// A value that a run should reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Which number.
    pub measure: Measure,
    /// How high, or how low.
    pub value: f64,
}

/// A number that a target is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Accuracy on the test images, at an evaluation.
    TestAccuracy,
    /// Training loss, as the mean over the last [`LOSS_WINDOW`] steps.
    TrainLoss,
}

/// Steps over which the training loss is averaged for a target.
pub const LOSS_WINDOW: usize = 20;

impl Measure {
    /// Name of the measure in study files and tables of runs.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestAccuracy => "test_accuracy",
            Self::TrainLoss => "train_loss",
        }
    }
}

impl Target {
    /// `test accuracy 95 %` or `train loss 0.3`.
    pub fn text(&self) -> String {
        match self.measure {
            Measure::TestAccuracy => format!("test accuracy {} %", without_rounding(100.0 * self.value)),
            Measure::TrainLoss => format!("train loss {}", self.value),
        }
    }
}
