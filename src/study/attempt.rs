//! Outcome of an attempt at a run.

use crate::record::summary::{Outcome, Summary};
use crate::train::TrainError;

/// How an attempt at a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// It ended, by finishing or by diverging, and its records are on disk.
    Ended(Box<Summary>),
    /// It could not be carried out.
    Failed(String),
    /// Another process is at it.
    Elsewhere,
    /// It was stopped, or not begun before the stop.
    Stopped,
}

impl From<Result<Summary, TrainError>> for Attempt {
    fn from(result: Result<Summary, TrainError>) -> Self {
        match result {
            Ok(summary) if summary.outcome == Outcome::Interrupted => Self::Stopped,
            Ok(summary) => Self::Ended(Box::new(summary)),
            Err(error) => Self::Failed(error.in_study()),
        }
    }
}
