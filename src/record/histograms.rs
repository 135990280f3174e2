//! The activations' histograms over time.

use std::path::Path;

use serde_json::json;

use crate::record::RecordError;
use crate::record::tensors::{self, NamedTensor, Values};

/// Histograms of every observed layer, one row for each recorded step.
#[derive(Clone, Debug, PartialEq)]
pub struct Histograms {
    layers: Vec<String>,
    range: [f64; 2],
    bins: usize,
    steps: Vec<i64>,
    counts: Vec<Vec<i64>>,
}

impl Histograms {
    /// No rows yet, for these layers; `bins` within `range`, and two more for what lies outside.
    pub fn new(layers: Vec<String>, bins: usize, range: [f64; 2]) -> Self {
        let counts = vec![Vec::new(); layers.len()];
        Self { layers, range, bins, steps: Vec::new(), counts }
    }

    /// True if nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Layers with histograms, in the network's order.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// The recorded steps.
    pub fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// Lower edge of the first bin and upper edge of the last.
    pub fn range(&self) -> [f64; 2] {
        self.range
    }

    /// The rows of layer `i`: counts below the range (and NaN), within each bin, above the range.
    pub fn rows(&self, layer: usize) -> impl ExactSizeIterator<Item = &[i64]> {
        self.counts[layer].chunks_exact(self.bins + 2)
    }

    /// Adds a row: `bins + 2` counts for each layer.
    pub fn push<'a>(&mut self, step: u64, rows: impl Iterator<Item = &'a [u64]>) {
        self.steps.push(step as i64);
        for (counts, row) in self.counts.iter_mut().zip(rows) {
            assert_eq!(row.len(), self.bins + 2, "bins of a histogram");
            counts.extend(row.iter().map(|&n| n as i64));
        }
    }

    /// The histograms as tensors: `step` `[rows]`, and for each layer `[rows, bins + 2]`.
    pub fn tensors(&self) -> Vec<NamedTensor<'_>> {
        let rows = self.steps.len();
        let steps = NamedTensor::i64("step", vec![rows], &self.steps);
        let layers = self.layers.iter().zip(&self.counts);
        let layers = layers.map(|(name, counts)| NamedTensor::i64(name, vec![rows, self.bins + 2], counts));
        std::iter::once(steps).chain(layers).collect()
    }

    /// Takes the rows back from [`Histograms::tensors`]; `None` if they are not those of these layers.
    pub fn restore(&mut self, mut find: impl FnMut(&str) -> Option<NamedTensor<'static>>) -> Option<()> {
        let mut integers = |name: &str| match find(name)?.values {
            Values::I64(values) => Some(values.into_owned()),
            Values::F32(_) | Values::F64(_) => None,
        };
        self.steps = integers("step")?;
        for (name, counts) in self.layers.iter().zip(&mut self.counts) {
            *counts = integers(name)?;
            if counts.len() != self.steps.len() * (self.bins + 2) {
                return None;
            }
        }
        Some(())
    }

    /// Reads what [`Histograms::write`] wrote.
    ///
    /// # Errors
    /// The file is absent, or no such file.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let (mut file, about) = tensors::read(path)?;
        let broken = || RecordError::Broken {
            path: path.into(),
            what: "lacks a part".into(),
            expected: "histograms of a run".into(),
            advice: "the file is damaged: train again with --overwrite",
        };
        let parse = |about: &serde_json::Value| -> Option<(Vec<String>, [f64; 2])> {
            Some((
                serde_json::from_value(about["layers"].clone()).ok()?,
                serde_json::from_value(about["range"].clone()).ok()?,
            ))
        };
        let (layers, range) = parse(&about).ok_or_else(broken)?;
        let edges = file.get("edges").and_then(|edges| edges.shape.first().copied()).filter(|&n| n > 1);
        let mut histograms = Self::new(layers, edges.ok_or_else(broken)? - 1, range);
        histograms.restore(|name| file.remove(name)).ok_or_else(broken)?;
        Ok(histograms)
    }

    /// Writes `histograms.safetensors`; the edges of the bins are in its metadata and in the tensor `edges`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let [low, high] = self.range;
        let edge = |i: usize| low + (high - low) * i as f64 / self.bins as f64;
        let mut all = self.tensors();
        all.push(NamedTensor::f64("edges", vec![self.bins + 1], (0..=self.bins).map(edge).collect::<Vec<_>>()));
        let about = json!({
            "content": "counts of the activations: below the range (and NaN), the bins between the edges, above the range",
            "range": self.range,
            "layers": self.layers,
        });
        tensors::write(path, &all, &about)
    }
}
