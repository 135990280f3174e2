//! Training: optimisers at work, the two engines behind one face, and the loop.

pub mod at_line;
pub mod batch_size;
pub mod device_engine;
pub mod engine;
pub mod machine;
pub mod memory;
mod observe;
pub mod optimizer_state;
pub mod prepare;
mod recorder;
pub mod run;
mod steps;
pub mod threads;
mod unrecorded;

pub use crate::train::prepare::{Plan, TrainError};
pub use crate::train::run::{Event, Member, train, train_in, train_together};
pub use crate::train::unrecorded::train_unrecorded;
