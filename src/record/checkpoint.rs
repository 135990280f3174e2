//! Everything that a run needs to go on as if it had never stopped.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cpu::loss::LossSums;
use crate::record::RecordError;
use crate::record::histograms::Histograms;
use crate::record::manifest::{FileSum, Manifest, check_beginning};
use crate::record::rows::EpochRow;
use crate::record::tensors::{self, NamedTensor, Tensors, Values};
use crate::record::whole::is_there;

/// Parameters and optimiser state, in PyTorch's order, from whatever device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights<'a> {
    /// Every parameter.
    pub params: Vec<Cow<'a, [f32]>>,
    /// Every slot of the optimiser, for each parameter.
    pub slots: Vec<Vec<Cow<'a, [f32]>>>,
    /// Optimiser steps.
    pub optimizer_steps: u64,
    /// Batch norm's running estimates.
    pub running: Vec<f32>,
    /// Steps that moved them.
    pub batches_seen: u64,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Training loss since the last evaluation: its `f64` bits, so that nothing is rounded on the way.
    loss_bits: u64,
    /// Right answers since then.
    correct: usize,
    /// Images since then.
    rows: usize,
    /// The last evaluation; its floats as bits.
    last: Option<[u64; 6]>,
    /// Best test accuracy so far, as bits.
    best: Option<u64>,
    /// Lengths of `steps.csv`, `layers.csv` and `epochs.csv`.
    csv_bytes: [u64; 3],
    /// Their sums; absent in what an earlier version wrote.
    #[serde(default)]
    csv_sums: Option<[FileSum; 3]>,
    /// Lengths and sums of other files that grow.
    #[serde(default, skip_serializing_if = "Manifest::is_empty")]
    others: Manifest,
    /// Seconds spent: in all, and in training steps.
    pub seconds: [f64; 2],
    /// Training images seen in training steps, over all sittings.
    pub images: u64,
}

impl Progress {
    /// Training loss since the last evaluation.
    pub fn sums(&self) -> LossSums {
        LossSums { loss: f64::from_bits(self.loss_bits), correct: self.correct, rows: self.rows }
    }

    /// Keeps them.
    pub fn set_sums(&mut self, sums: LossSums) {
        (self.loss_bits, self.correct, self.rows) = (sums.loss.to_bits(), sums.correct, sums.rows);
    }

    /// Length and sum of a file that grows, if they are known; a checkpoint of an earlier version knows lengths alone.
    pub fn grown(&self, name: &str) -> (u64, Option<&FileSum>) {
        match CSV.iter().position(|csv| *csv == name) {
            Some(file) => (self.csv_bytes[file], self.csv_sums.as_ref().map(|sums| &sums[file])),
            None => (self.others.get(name).map_or(0, |sum| sum.bytes), self.others.get(name)),
        }
    }

    /// Keeps length and sum of a file that grows.
    pub fn keep(&mut self, name: &str, sum: FileSum) {
        match CSV.iter().position(|csv| *csv == name) {
            Some(file) => {
                self.csv_bytes[file] = sum.bytes;
                let none = || FileSum { bytes: 0, rows: None, sha256: String::new() };
                self.csv_sums.get_or_insert_with(|| [none(), none(), none()])[file] = sum;
            }
            None => self.others.add(name, sum),
        }
    }

    /// The last evaluation and the best accuracy.
    pub fn evaluations(&self) -> (Option<EpochRow>, Option<f64>) {
        let row = self.last.map(|[epoch, step, a, b, c, d]| EpochRow {
            epoch: f64::from_bits(epoch),
            step,
            train_loss: f64::from_bits(a),
            train_accuracy: f64::from_bits(b),
            test_loss: f64::from_bits(c),
            test_accuracy: f64::from_bits(d),
        });
        (row, self.best.map(f64::from_bits))
    }

    /// Keeps them.
    pub fn set_evaluations(&mut self, last: Option<EpochRow>, best: Option<f64>) {
        self.last = last.map(|row| {
            let [a, b, c, d] = [row.train_loss, row.train_accuracy, row.test_loss, row.test_accuracy].map(f64::to_bits);
            [row.epoch.to_bits(), row.step, a, b, c, d]
        });
        self.best = best.map(f64::to_bits);
    }
}

/// A run's state between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<'a> {
    /// The run's complete config.
    pub config: String,
    /// Sum of its data.
    pub data_sha256: String,
    /// Where it stands.
    pub progress: Progress,
    /// Shifts that LSUV has moved, by layer: they are part of the network, not of its parameters.
    pub activations: serde_json::Value,
    /// Parameters and optimiser state.
    pub weights: Weights<'a>,
    /// The files that were whole when the run began; empty in what an earlier version wrote.
    pub files: Manifest,
}

impl Checkpoint<'_> {
    /// Writes the checkpoint, complete or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path, histograms: &Histograms) -> Result<(), RecordError> {
        fn flat(name: String, values: &[f32]) -> NamedTensor<'_> {
            NamedTensor::f32(name, vec![values.len()], values)
        }
        let Weights { params, slots, optimizer_steps, running, batches_seen } = &self.weights;
        let mut all: Vec<_> = params.iter().enumerate().map(|(i, p)| flat(format!("param.{i}"), p)).collect();
        for (s, slot) in slots.iter().enumerate() {
            all.extend(slot.iter().enumerate().map(|(i, values)| flat(format!("slot.{s}.{i}"), values)));
        }
        all.push(flat("running".into(), running));
        all.extend(
            histograms.tensors().into_iter().map(|t| NamedTensor { name: format!("histogram.{}", t.name), ..t }),
        );
        let about = json!({
            "config": self.config,
            "data_sha256": self.data_sha256,
            "progress": self.progress,
            "activations": self.activations,
            "params": params.len(),
            "slots": slots.len(),
            "optimizer_steps": optimizer_steps,
            "batches_seen": batches_seen,
            "files": self.files,
        });
        let sum = sum(&all, &about.to_string());
        all.push(NamedTensor::i64(SUM, vec![4], sum));
        tensors::write(path, &all, &about)
    }

    /// Reads a checkpoint; the histograms' rows go into `histograms`.
    ///
    /// # Errors
    /// The file is absent, damaged, or of another network.
    pub fn read(path: &Path, histograms: &mut Histograms) -> Result<Checkpoint<'static>, RecordError> {
        let (mut file, about) = read(path)?;
        let mut parse = || -> Option<Checkpoint<'static>> {
            let count = |key: &str| about[key].as_u64();
            let mut floats = |name: &str| match file.remove(name)?.values {
                Values::F32(values) => Some(values),
                Values::I64(_) | Values::F64(_) => None,
            };
            let n = count("params")?;
            let params = (0..n).map(|i| floats(&format!("param.{i}"))).collect::<Option<_>>()?;
            let slots = (0..count("slots")?)
                .map(|s| (0..n).map(|i| floats(&format!("slot.{s}.{i}"))).collect::<Option<_>>())
                .collect::<Option<_>>()?;
            let weights = Weights {
                params,
                slots,
                running: floats("running")?.into_owned(),
                optimizer_steps: count("optimizer_steps")?,
                batches_seen: count("batches_seen")?,
            };
            histograms.restore(|name| file.remove(&format!("histogram.{name}")))?;
            Some(Checkpoint {
                config: about["config"].as_str()?.into(),
                data_sha256: about["data_sha256"].as_str()?.into(),
                progress: serde_json::from_value(about["progress"].clone()).ok()?,
                activations: about["activations"].clone(),
                weights,
                files: files(&about)?,
            })
        };
        parse().ok_or_else(|| broken(path, "lacks a part"))
    }
}

/// Checks the files of a run that has not ended against its checkpoint, if it has one: the config and the start as they are, the
/// tables as far as they went then.
///
/// # Errors
/// The checkpoint or one of these files is damaged.
pub fn verify_unfinished(dir: &Path) -> Result<(), RecordError> {
    let path = dir.join(FILE);
    if !is_there(&path)? {
        return Ok(());
    }
    let (_, about) = read(&path)?;
    let parse = || Some((serde_json::from_value::<Progress>(about["progress"].clone()).ok()?, files(&about)?));
    let (progress, files) = parse().ok_or_else(|| broken(&path, "lacks a part"))?;
    files.verify(dir, FILE)?;
    let sums = progress.csv_sums.iter().flatten();
    CSV.into_iter().zip(sums).try_for_each(|(name, sum)| check_beginning(dir, name, sum, FILE))?;
    progress.others.verify_beginnings(dir, FILE)
}

/// Name of the checkpoint, which a run that has ended does not have.
pub const FILE: &str = "checkpoint.safetensors";
/// The files of rows, in the order of the checkpoint's sums.
pub const CSV: [&str; 3] = ["steps.csv", "layers.csv", "epochs.csv"];

fn files(about: &serde_json::Value) -> Option<Manifest> {
    let files = &about["files"];
    if files.is_null() { Some(Manifest::default()) } else { serde_json::from_value(files.clone()).ok() }
}

/// The parts of a checkpoint that is as it was written.
fn read(path: &Path) -> Result<(Tensors, serde_json::Value), RecordError> {
    let (mut file, text, about) = tensors::read_text(path)?;
    // An earlier version kept no sum.
    match file.remove(SUM) {
        Some(found) if found.values != Values::I64(sum(file.values(), &text).into()) => {
            Err(broken(path, "does not fit its own sum"))
        }
        _ => Ok((file, about)),
    }
}

fn broken(path: &Path, what: &str) -> RecordError {
    RecordError::Broken {
        path: path.into(),
        what: format!("{what}; lost is the state from which the run could go on"),
        expected: "a checkpoint of this run".into(),
        advice: "the file is damaged or from another version: start the run again with --overwrite",
    }
}

/// Name of the tensor that holds the sum of everything else in a checkpoint.
const SUM: &str = "sha256";

fn sum<'a>(tensors: impl IntoIterator<Item = &'a NamedTensor<'a>>, about: &str) -> Vec<i64> {
    let digest = tensors::digest(tensors, about);
    digest.chunks_exact(8).map(|part| i64::from_le_bytes(part.try_into().expect("chunks of 8"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_grows_keeps_its_length_and_sum_under_its_name() {
        let sum = |bytes| FileSum { bytes, rows: None, sha256: "0".repeat(64) };
        let mut progress = Progress::default();
        assert_eq!(progress.grown("events.jsonl"), (0, None));
        for (name, bytes) in CSV.into_iter().chain(["events.jsonl"]).zip(1..) {
            progress.keep(name, sum(bytes));
        }
        let text = serde_json::to_string(&progress).unwrap();
        let read: Progress = serde_json::from_str(&text).unwrap();
        assert_eq!(read, progress);
        for (name, bytes) in CSV.into_iter().chain(["events.jsonl"]).zip(1..) {
            assert_eq!(read.grown(name), (bytes, Some(&sum(bytes))), "{name}");
        }
    }
}
