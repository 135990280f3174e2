//! Whoever listens to a run: a file for each. No sink knows another, and the loop knows none by name.
//!
//! A new sink of a run's directory is a file here and a line in [`directory::SINKS`].

mod beginning;
mod checkpoint;
pub mod directory;
mod epochs;
mod histograms;
mod layers;
mod listen;
pub mod memory;
mod model;
mod steps;
mod summary;
mod table;
mod tensorboard;

pub use listen::{Begin, Ended, Evaluation, Kept, Open, Seen, Sink, Step};
