//! Batch sizes that do not suit the data: too small for batch norm, larger than all of it.

use thiserror::Error;

use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::model::{Network, Op};

/// A batch in which a batch norm would take mean and variance from a single value of each channel.
///
/// The value is then its own mean: every output is the bias, whatever the image, no gradient passes, and the running variance moves
/// to 0. PyTorch refuses this too ("Expected more than 1 value per channel when training").
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "leaves a batch of one image ({images} training images in batches of {batch_size}), of which {layer} would normalise one value \
     for each channel to 0; {}",
    advice(*.batch_size, *.images)
)]
pub struct OneValue {
    /// Name of the batch norm.
    pub layer: String,
    /// Images in a batch.
    pub batch_size: usize,
    /// Training images.
    pub images: usize,
}

fn advice(batch_size: usize, images: usize) -> String {
    let fits = (2..=images).filter(|size| images % size != 1);
    match fits.min_by_key(|size| size.abs_diff(batch_size)) {
        Some(size) => format!("take another, such as {size}, or a norm that looks at one image, `norm = \"layer\"`"),
        None => "train on more images, or with another norm".into(),
    }
}

/// Refuses batches that batch norm makes nothing of, in a run on so many images.
///
/// # Errors
/// Names the first batch norm that would meet one.
pub fn check(experiment: &Experiment, network: &Network, images: usize) -> Result<(), OneValue> {
    let batch_size = experiment.train.batch_size;
    if smallest(batch_size, images, experiment.train.budget) > 1 {
        return Ok(());
    }
    match one_value(network) {
        Some(layer) => Err(OneValue { layer: layer.into(), batch_size, images }),
        None => Ok(()),
    }
}

/// A network in which the images of a batch depend on each other, so that none has a gradient of its own.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "cannot be measured: {layer} lets the images of a batch depend on each other, so that no image has a gradient of its own; leave it \
     out, or take a norm that looks at one image, `norm = \"layer\"`"
)]
pub struct Dependent {
    /// Name of the first batch norm.
    pub layer: String,
}

/// Refuses to measure the noise of gradients in a network with batch norm.
///
/// # Errors
/// Names the first batch norm.
pub fn check_noise(experiment: &Experiment, network: &Network) -> Result<(), Dependent> {
    let layers = network.flat_layers();
    match layers.iter().find(|layer| matches!(layer.op, Op::BatchNorm { .. })) {
        Some(layer) if experiment.stats.noise_every > 0 => Err(Dependent { layer: layer.name.clone() }),
        Some(_) | None => Ok(()),
    }
}

/// The first batch norm for which one image is one value of each channel.
pub fn one_value(network: &Network) -> Option<&str> {
    let layers = network.flat_layers();
    let alone = layers.iter().find(|layer| matches!(layer.op, Op::BatchNorm { .. }) && layer.output.pixels() == 1);
    alone.map(|layer| layer.name.as_str())
}

/// Images in the smallest batch of a run: an epoch's last one, unless the run ends before it.
fn smallest(batch_size: usize, images: usize, budget: Budget) -> usize {
    let steps_per_epoch = images.div_ceil(batch_size);
    let reached = match budget {
        Budget::Epochs(epochs) => epochs > 0,
        Budget::Steps(steps) => steps >= steps_per_epoch,
    };
    let last = images - steps_per_epoch.saturating_sub(1) * batch_size;
    if reached { last } else { batch_size.min(images) }
}

/// Returns a notice where a batch is asked for that the data cannot fill.
pub fn notice(batch_size: usize, images: usize) -> Option<String> {
    (batch_size > images).then(|| {
        format!(
            "train.batch_size {batch_size} is more than the {images} training images: every step takes them all, and is an epoch"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_batch_is_the_last_if_the_run_gets_there() {
        for (batch_size, images, budget, want) in [
            (16, 33, Budget::Epochs(1), 1),
            (16, 33, Budget::Steps(3), 1),
            (16, 33, Budget::Steps(2), 16),
            (16, 32, Budget::Epochs(1), 16),
            (1, 5, Budget::Steps(1), 1),
            (16, 1, Budget::Steps(1), 1),
            (512, 33, Budget::Steps(9), 33),
        ] {
            assert_eq!(smallest(batch_size, images, budget), want, "{images} in {batch_size}, {budget:?}");
        }
    }

    #[test]
    fn the_size_that_is_offered_leaves_no_image_alone() {
        for (batch_size, images, want) in [(16, 33, "15"), (1, 33, "3"), (1, 4, "2"), (3, 4, "2"), (7, 8, "6")] {
            let text = advice(batch_size, images);
            assert!(text.contains(&format!("such as {want},")), "{images} in {batch_size}: {text}");
        }
        assert!(advice(4, 1).contains("more images"));
    }

    #[test]
    fn only_a_batch_that_cannot_be_filled_is_worth_a_word() {
        assert!(notice(33, 33).is_none());
        assert!(notice(34, 33).is_some_and(|text| text.contains("34") && text.contains("33 training images")));
    }
}
