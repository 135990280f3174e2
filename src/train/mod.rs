//! Training: optimisers at work, the two engines behind one face, and the loop.

pub mod at_line;
pub mod engine;
pub mod optimizer_state;
pub mod prepare;
pub mod run;

pub use crate::train::prepare::{Plan, TrainError};
pub use crate::train::run::{Event, train};
