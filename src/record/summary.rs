//! `run.json`: what came out of a run.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::record::RecordError;
use crate::record::error::no_json;
use crate::record::finding::Finding;
use crate::record::manifest::Manifest;
use crate::record::rows::EpochRow;
use crate::record::seal::{Seal, check, seal};
use crate::record::whole::text_if_there;

/// Its name.
pub const FILE: &str = "run.json";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took all its steps, or reached its target.
    Finished,
    /// It met NaN or infinity.
    Diverged,
    /// It was stopped and can go on with `--resume`.
    Interrupted,
}

/// Where a run met NaN or infinity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The step, from 0.
    pub step: u64,
    /// The first layer, in execution order, whose numbers are not finite; absent if only the loss is not.
    pub layer: Option<String>,
    /// Which of its numbers: `pre-activation`, `gradient`, `weight gradient` or `loss`.
    pub what: String,
}

/// Wall-clock times: the only part of a run's records that differs between two runs of the same config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Threads.
    pub threads: usize,
    /// Seconds from the first step to the last record, over all sittings of a resumed run.
    pub wall_s: f64,
    /// Seconds in training steps alone.
    pub train_s: f64,
    /// Training images per second of these.
    pub images_per_s: f64,
}

/// The result of a run, as `run.json` holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the experiment.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it diverged, if it did.
    pub diverged: Option<Divergence>,
    /// True if the target accuracy ended it early.
    pub reached_target: bool,
    /// `mnist`, `fashion-mnist`, `digits`, or a directory's name.
    pub dataset: String,
    /// Sum over the data of all four files.
    pub data_sha256: String,
    /// `usual`, `lesson` or `validation`.
    pub split: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// `cpu`, or the GPU.
    pub device: String,
    /// Version of initlab.
    pub version: String,
    /// Whole epochs done.
    pub epochs: u64,
    /// Steps done.
    pub steps: u64,
    /// Steps that the config asks for.
    pub planned_steps: u64,
    /// Mean training loss since the evaluation before the last one; absent before the first.
    pub train_loss: Option<f64>,
    /// Loss on the test images at the last evaluation.
    pub test_loss: Option<f64>,
    /// Accuracy on the test images at the last evaluation.
    pub test_accuracy: Option<f64>,
    /// The best of all evaluations.
    pub best_test_accuracy: Option<f64>,
    /// Number of parameters.
    pub parameters: usize,
    /// Wall-clock times.
    pub timing: Timing,
    /// Lengths and sums of the run's other files; empty in what an earlier version wrote.
    #[serde(default, skip_serializing_if = "Manifest::is_empty")]
    pub files: Manifest,
    /// Height and width of an image; 0 in what an earlier version wrote.
    #[serde(default)]
    pub image_size: [usize; 2],
    /// Values of a pixel: 1 of grey images, as in what an earlier version wrote.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub channels: usize,
    /// Labels are below this; 0 as above.
    #[serde(default)]
    pub classes: usize,
    /// Findings from the records, in words.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(n: &usize) -> bool {
    *n == 1
}

impl Summary {
    /// The summary of the run in `dir`, if it has ended there.
    ///
    /// # Errors
    /// There is one, and it cannot be read or is not as it was written.
    pub fn read(dir: &Path) -> Result<Option<Self>, RecordError> {
        let path = dir.join(FILE);
        let text = match text_if_there(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(damaged(&path, "is no text".into()));
            }
            Err(error) => return Err(RecordError::io(&path, "reading the file")(error)),
        };
        let summary: Self = serde_json::from_str(&text).map_err(|error| damaged(&path, no_json(&error)))?;
        match check(&text) {
            Seal::Whole => {}
            // An earlier version kept no sums at all.
            Seal::Absent if summary.is_unchecked() => {}
            Seal::Absent | Seal::Broken => return Err(damaged(&path, "does not fit its own sum".into())),
        }
        Ok(Some(summary))
    }

    /// True if an earlier version wrote the run, which kept no sums: the content of its files cannot be checked.
    pub fn is_unchecked(&self) -> bool {
        self.files.is_empty()
    }

    /// Checks the run's other files.
    ///
    /// # Errors
    /// One is missing or changed.
    pub fn verify(&self, dir: &Path) -> Result<(), RecordError> {
        self.files.verify(dir, FILE)
    }

    /// Takes over the figures of the last evaluation.
    pub fn take(&mut self, row: &EpochRow) {
        (self.train_loss, self.test_loss) = (finite(row.train_loss), finite(row.test_loss));
        self.test_accuracy = Some(row.test_accuracy);
        self.best_test_accuracy = Some(self.best_test_accuracy.map_or(row.test_accuracy, |b| b.max(row.test_accuracy)));
    }

    /// How the run ended, in half a sentence.
    pub fn how_it_ended(&self) -> String {
        match (&self.diverged, self.outcome) {
            (Some(divergence), _) => {
                let place = divergence.layer.as_deref().map_or_else(String::new, |layer| format!(" of {layer}"));
                format!("diverged at step {}: the {}{place} is not finite", divergence.step, divergence.what)
            }
            (None, Outcome::Interrupted) => format!("interrupted at step {}", self.steps),
            (None, _) if self.reached_target => format!("reached its target at step {}", self.steps),
            (None, _) => format!("finished after {} steps", self.steps),
        }
    }

    /// The text of `run.json`.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a summary is made of strings and numbers");
        seal(&format!("{text}\n"))
    }
}

fn damaged(path: &Path, what: String) -> RecordError {
    RecordError::Broken {
        path: path.into(),
        what: format!("{what}; lost is the run's result"),
        expected: "the summary of a run as it was written".into(),
        advice: "the file is damaged: restore it, or train again with --overwrite",
    }
}

/// JSON has no NaN: what is not finite is absent.
fn finite(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite())
}
