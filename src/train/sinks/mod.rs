//! Whoever listens to a run: a file for each. No sink knows another, and the loop knows none by name.
//!
//! A new sink of a run's directory is a file here, and its `mod` and its line in `SINKS`; a new file of a run is a row of
//! [`RunDir`]'s table, too.

mod beginning;
mod checkpoint;
mod curvature;
mod epochs;
mod histograms;
mod json_lines;
mod layers;
mod listen;
pub mod memory;
mod model;
mod noise;
mod sharpness;
mod steps;
mod summary;
mod table;
mod tensorboard;

use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::start::Start;

pub use listen::{Begin, Ended, Evaluation, Kept, Open, Seen, Sink, Step};

/// In the order in which they are told. What promises other files comes after those: a checkpoint, and last of all the summary, after
/// which the checkpoint goes.
const SINKS: &[Open] = &[
    beginning::open,
    steps::open,
    layers::open,
    epochs::open,
    noise::open,
    sharpness::open,
    model::open,
    histograms::open,
    json_lines::open,
    tensorboard::open,
    summary::open,
    checkpoint::open,
];

/// Opens the records of a run: the sinks of its directory.
///
/// # Errors
/// They cannot be written or read, or are of another run.
pub fn in_directory<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Vec<Box<dyn Sink + 'a>>, TrainError> {
    let opened: Vec<_> = SINKS.iter().map(|open| open(dir, start)).collect::<Result<_, _>>()?;
    // Nothing was changed so far, and from here on the run is whole again.
    dir.reopen()?;
    opened.into_iter().flatten().map(|begin| begin(start)).collect()
}
