//! Losses that training can minimise: a file for each, its form on slices beside its form on tensors.
//!
//! A new loss is a file here and its lines in `kinds.rs`.

mod cross_entropy;
mod hinge;
mod kinds;
mod row;
mod squared;
#[cfg(test)]
mod tests;

pub use kinds::Loss;
pub use row::{OnSlices, OnTensors, Row};
pub use squared::{of_values_on_slices, of_values_on_tensors};
