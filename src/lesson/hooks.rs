//! Notebooks 06 and 07a: statistics of the convolutional nets' layers before training, on one training batch.

use super::draws::{Numbers, listed, named};
use super::images::LessonImages;
use super::lsuv::FirstBatch;
use super::training::Training;
use crate::record::statistics::Moments;
use crate::train::TrainError;

/// The first convolution after its ReLU, from torch's start and from Kaiming's.
pub(super) fn first_convolution(images: &LessonImages, seed: u64) -> Result<Numbers, TrainError> {
    let first = |id| Ok::<_, TrainError>(activations(id, images, seed)?[0]);
    let (torch, kaiming) = (first("train_default_lr09")?, first("train_kaiming_lr09")?);
    let values = [
        ("conv1_mean_default", torch.mean),
        ("conv1_std_default", torch.std),
        ("conv1_mean_kaiming", kaiming.mean),
        ("conv1_std_kaiming", kaiming.std),
    ];
    Ok(named("train_kaiming_lr09", values))
}

/// Every convolution's activation before and after the lesson's LSUV.
pub(super) fn around_lsuv(images: &LessonImages, seed: u64) -> Result<Numbers, TrainError> {
    let mut numbers = Numbers::new();
    for (result, training) in [("lsuv_before", "train_before_lsuv_lr06"), ("lsuv_after", "train_after_lsuv_lr06")] {
        let moments = activations(training, images, seed)?;
        numbers.extend(listed(&format!("{result}.mean"), moments.iter().map(|m| m.mean)));
        numbers.extend(listed(&format!("{result}.std"), moments.iter().map(|m| m.std)));
    }
    Ok(numbers)
}

fn activations(training: &str, images: &LessonImages, seed: u64) -> Result<Vec<Moments>, TrainError> {
    let plan = Training::of(training).expect("a training result").plan(images, seed)?;
    Ok(FirstBatch::new(&plan, images).activations())
}
