//! Training: optimisers at work, the engines that carry out steps, the loop, and whoever listens to it.

#[doc(hidden)]
pub mod at_line;
#[doc(hidden)]
pub mod batch_size;
mod batches;
pub mod builder;
mod diverge;
mod end;
#[doc(hidden)]
pub mod engine;
mod evaluation;
mod event;
mod group;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod memory;
mod observe;
#[doc(hidden)]
pub mod optimizer_state;
pub mod prepare;
mod run;
mod running;
#[doc(hidden)]
pub mod sharpness;
#[doc(hidden)]
pub mod sinks;
#[doc(hidden)]
pub mod start;
#[doc(hidden)]
pub mod step;
#[doc(hidden)]
pub mod threads;
mod unrecorded;

pub use crate::train::builder::{Builder, Run, Trained};
pub use crate::train::event::Event;
pub use crate::train::group::{Member, train, train_in, train_into, train_together};
pub use crate::train::prepare::{Plan, TrainError};
pub use crate::train::unrecorded::train_unrecorded;
