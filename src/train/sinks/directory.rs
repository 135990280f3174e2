//! The sinks of a run's directory.

use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Open, Sink};
use crate::train::sinks::{beginning, checkpoint, epochs, histograms, layers, model, steps, summary, tensorboard};
use crate::train::start::Start;

/// In the order in which they are told. What promises other files comes after those: a checkpoint, and last of all the summary, after
/// which the checkpoint goes.
const SINKS: [Open; 9] = [
    beginning::open,
    steps::open,
    layers::open,
    epochs::open,
    model::open,
    histograms::open,
    tensorboard::open,
    summary::open,
    checkpoint::open,
];

/// Opens the records of a run.
///
/// # Errors
/// They cannot be written or read, or are of another run.
pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Vec<Box<dyn Sink + 'a>>, TrainError> {
    let opened: Vec<_> = SINKS.iter().map(|open| open(dir, start)).collect::<Result<_, _>>()?;
    // Nothing was changed so far, and from here on the run is whole again.
    dir.reopen()?;
    opened.into_iter().flatten().map(|begin| begin(start)).collect()
}
