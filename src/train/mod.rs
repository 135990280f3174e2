//! Training: optimisers at work, the engines that carry out steps, the loop, and whoever listens to it.

pub mod at_line;
pub mod batch_size;
mod batches;
mod diverge;
mod end;
pub mod engine;
mod evaluation;
mod event;
mod group;
pub mod machine;
pub mod memory;
mod observe;
pub mod optimizer_state;
pub mod prepare;
mod run;
mod running;
pub mod sinks;
pub mod start;
pub mod step;
pub mod threads;
mod unrecorded;

pub use crate::train::event::Event;
pub use crate::train::group::{Member, train, train_in, train_into, train_together};
pub use crate::train::prepare::{Plan, TrainError};
pub use crate::train::unrecorded::train_unrecorded;
