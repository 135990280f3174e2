//! Training for its losses and accuracies alone, without a directory of records.

use crate::record::rows::EpochRow;
use crate::train::engine::Compute;
use crate::train::event::Event;
use crate::train::group::train_into;
use crate::train::prepare::{Plan, TrainError};
use crate::train::sinks::memory::{Memory, Rows};

/// Trains as planned on the CPU, to the end, and returns what `epochs.csv` would hold; `evaluated` sees each row as it
/// comes. If the run diverges the rows end before the last evaluation. Layers are not observed, and no target ends it.
///
/// # Errors
/// None on the CPU but those of its libraries.
pub fn train_unrecorded(
    plan: &Plan,
    threads: usize,
    mut evaluated: impl FnMut(&EpochRow),
) -> Result<Vec<EpochRow>, TrainError> {
    let mut plan = plan.clone();
    plan.experiment.train.target_accuracy = None;
    let stats = &mut plan.experiment.stats;
    (stats.every, stats.histogram_every, stats.sharpness_every) = (0, 0, 0);
    let mut rows = Rows::default();
    let memory = Memory::new(&mut rows);
    train_into(&plan, &Compute::Cpu { threads }, vec![Box::new(memory)], &false.into(), |event| match event {
        Event::Evaluated { row, .. } => evaluated(row),
        Event::Begin { .. } | Event::Step { .. } => {}
    })?;
    Ok(rows.epochs)
}
