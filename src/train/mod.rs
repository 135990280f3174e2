//! Training: optimisers at work, the engines that carry out steps, and the loop.

pub mod at_line;
pub mod batch_size;
pub mod engine;
pub mod machine;
pub mod memory;
mod observe;
pub mod optimizer_state;
pub mod prepare;
mod recorder;
pub mod run;
pub mod step;
mod steps;
pub mod threads;
mod unrecorded;

pub use crate::train::prepare::{Plan, TrainError};
pub use crate::train::run::{Event, Member, train, train_in, train_together};
pub use crate::train::unrecorded::train_unrecorded;
