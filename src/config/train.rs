//! `[train]`: the length of the run, its batches, its loss.

use serde::Serialize;

use crate::config::key::{Key, Keys, Optional, choice, count, number};
use crate::config::range::{ABOVE_0, AT_LEAST_1, SHARE};
use crate::config::{ConfigError, Section};
use crate::loss::Loss;

/// Length of the run, batches, loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrainConfig {
    /// The length.
    #[serde(flatten)]
    pub budget: Budget,
    /// Images in a batch.
    pub batch_size: usize,
    /// Loss that training minimises.
    pub loss: Loss,
    /// Steps between two evaluations on the test images; absent: after each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_every: Option<usize>,
    /// Limit on the norm of all gradients together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Test accuracy at which the run ends early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_accuracy: Option<f64>,
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Passes over the training images.
    Epochs(usize),
    /// Optimiser steps.
    Steps(usize),
}

const EPOCHS: Optional<usize> =
    count("epochs", "Passes over the training images.").within(&[AT_LEAST_1]).or("`steps` is required");
const STEPS: Optional<usize> =
    count("steps", "Steps of the optimiser.").within(&[AT_LEAST_1]).example("1000").or("`epochs` is required");
const BATCH_SIZE: Key<usize> = count("batch_size", "Images in a batch.").within(&[AT_LEAST_1]).default("512");
const LOSS: Key<Loss> = choice(
    "loss",
    || Loss::ALL.iter().map(|loss| (loss.row().name, *loss, loss.row().help)).collect(),
    "What is minimised.",
)
.default("cross_entropy");
const EVALUATE_EVERY: Optional<usize> = count("evaluate_every", "Steps between two evaluations on the test images.")
    .within(&[AT_LEAST_1])
    .example("50")
    .or("each epoch ends with one");
const CLIP_NORM: Optional<f64> = number("clip_norm", "Limit on the norm of all gradients together.")
    .within(&[ABOVE_0])
    .example("1.0")
    .or("nothing is clipped");
const TARGET_ACCURACY: Optional<f64> = number("target_accuracy", "Test accuracy at which the run ends early.")
    .within(&[SHARE])
    .example("0.98")
    .or("it goes on to its end");

/// The keys of `[train]`.
pub(crate) const KEYS: Keys = Keys {
    path: "train",
    when: "",
    keys: &[&EPOCHS, &STEPS, &TARGET_ACCURACY, &BATCH_SIZE, &LOSS, &EVALUATE_EVERY, &CLIP_NORM],
};

impl TrainConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let budget = match (section.find(&EPOCHS)?, section.find(&STEPS)?) {
            (Some(epochs), None) => Budget::Epochs(epochs),
            (None, Some(steps)) => Budget::Steps(steps),
            (Some(_), Some(_)) => {
                return Err(section.conflict(
                    STEPS.name(),
                    EPOCHS.name(),
                    "stands instead of `epochs`: give one of them",
                ));
            }
            (None, None) => return Err(section.missing_key(&EPOCHS, "the number of epochs (or `steps`)")),
        };
        let target_accuracy = section.find(&TARGET_ACCURACY)?;
        let train = Self {
            budget,
            batch_size: section.get(&BATCH_SIZE)?,
            loss: section.get(&LOSS)?,
            evaluate_every: section.find(&EVALUATE_EVERY)?,
            clip_norm: section.find(&CLIP_NORM)?,
            target_accuracy,
        };
        section.finish()?;
        Ok(train)
    }
}
