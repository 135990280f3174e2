//! Events of a run, for whoever shows it.

use crate::model::ObservedLayer;
use crate::model::observe::Observed;
use crate::record::rows::{EpochRow, StepRow};

/// Event of a run, for whoever shows it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The run begins, or goes on, at this step of so many.
    Begin {
        /// Steps done before.
        step: u64,
        /// Steps of the whole run.
        total: u64,
        /// Steps of an epoch.
        per_epoch: u64,
    },
    /// A step was taken.
    Step {
        /// Row that was recorded.
        row: &'a StepRow,
        /// Images of the batch.
        images: usize,
        /// The layers' statistics, if they were due.
        observed: &'a Observed,
    },
    /// The test images were evaluated; the layers' statistics on them stand beside their names.
    Evaluated {
        /// Row that was recorded.
        row: &'a EpochRow,
        /// The observed layers.
        layers: &'a [ObservedLayer],
        /// Statistics that were observed in them.
        observed: &'a Observed,
    },
}
