//! Training for a replay: a config's text with values replaced, one seed, one thread.

use crate::config::Experiment;
use crate::data::{Images, Part, Prepared};
use crate::record::rows::EpochRow;
use crate::train::{Plan, Run, TrainError};

/// The experiment of `text` with `sets` as `--set` takes them.
///
/// # Panics
/// If the built-in texts are broken, which a test rules out.
pub(super) fn experiment(text: &str, sets: &[String], seed: u64) -> Experiment {
    let experiment = Experiment::parse("papers.toml", text, sets).expect("the built-in config is valid");
    Experiment { seed, ..experiment }
}

/// The plan of `experiment` on the images of `data`, with the split and the range of pixels that it asks for.
///
/// # Errors
/// The network or its start is impossible on this data.
pub(super) fn plan(experiment: Experiment, data: &Prepared) -> Result<Plan, TrainError> {
    let data = data.clone().in_range(experiment.data.range);
    Plan::new(experiment, data)
}

/// Every evaluation of a run to its end or its target, on one thread; they end early if it diverges.
///
/// # Errors
/// None on the CPU but those of its libraries.
pub(super) fn evaluations(plan: Plan) -> Result<Vec<EpochRow>, TrainError> {
    Ok(Run::of(plan).run()?.epochs)
}

/// The first `n` images of a part; all where there are no more.
pub(super) fn first_images(data: &Prepared, part: Part, n: usize) -> Images {
    let n = n.min(data.len(part));
    let Images { channels, rows, cols, .. } = data.dataset().train;
    Images {
        pixels: data.pixels(part)[..n * data.values_per_image()].to_vec(),
        labels: data.labels(part)[..n].to_vec(),
        channels,
        rows,
        cols,
    }
}
