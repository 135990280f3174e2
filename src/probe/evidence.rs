//! The evidence that the rules about a start look at.

use crate::config::Experiment;
use crate::probe::record::{LayerRecord, ProbeRecord, Verdict};
use crate::probe::words::Way;
use crate::probe::zeros::Zeros;

/// Evidence of the rules.
pub struct Evidence<'a> {
    /// Every layer, measured beside predicted.
    pub(super) report: &'a ProbeRecord,
    /// The layers that the signal goes through forwards, and those that the gradient goes through backwards.
    pub(super) ways: [&'a Way<'a>; 2],
    /// The last hidden layer.
    pub(super) last: Option<&'a LayerRecord>,
    /// Exact zeros and their causes.
    pub(super) zeros: &'a Zeros,
    /// The course of the signal in both directions, and how many predictions hold.
    pub(super) verdict: &'a Verdict,
    /// The config.
    pub(super) experiment: &'a Experiment,
}
