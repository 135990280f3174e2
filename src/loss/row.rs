//! A row of the table holds all that is known of a loss.

use candle_core::{Result, Tensor};

use crate::cpu::loss::LossSums;
use crate::gpu::loss::Measured;

/// The loss of outputs `[rows, classes]`, with their classes, against labels. The gradient, times the scale, goes to the last argument.
pub type OnSlices = fn(&[f32], usize, &[u8], f32, &mut [f32]) -> LossSums;

/// The loss of outputs `[run, row, class]` against labels `[run, row]` (u32), and its gradient times the scale.
pub type OnTensors = fn(&Tensor, &Tensor, f64) -> Result<Measured>;

/// A loss.
pub struct Row {
    /// Its name in a config.
    pub name: &'static str,
    /// Says in a line what it is.
    pub help: &'static str,
    /// Outputs of a network that is trained with it for so many classes.
    pub outputs: fn(usize) -> usize,
    /// The form on slices.
    pub on_slices: OnSlices,
    /// The form on tensors.
    pub on_tensors: OnTensors,
    /// The loss of the best answer that is the same for every image with these labels below so many classes.
    pub blind: fn(&[u8], usize) -> f64,
}

/// The share of each label that occurs.
pub fn shares(labels: &[u8]) -> impl Iterator<Item = f64> {
    let mut counts = [0.0; 256];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1.0 / labels.len() as f64);
    counts.into_iter().filter(|&share| share > 0.0)
}
