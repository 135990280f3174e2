//! Every layer's statistics for a candle model of your own, forwards and backwards.
//!
//! candle has no hooks, and `backward` drops the gradients of intermediate tensors. A [`Watch`] taps tensors on their way: it takes
//! the statistics of what passes, and adds zeros whose gradient is that of the tensor. Rows are those of a run's `layers.csv`, and
//! go through the same code into tables, CSV, TensorBoard's files and reports.

mod chain;
pub mod error;
mod lsuv;
mod module;
mod output;
mod probe;
#[doc(hidden)]
pub mod seen;
mod settings;
#[doc(hidden)]
pub mod slices;
mod state;
mod sums;
mod warnings;
mod watcher;

pub use crate::record::row::{Row, Rows};
pub use crate::watch::error::WatchError;
pub use crate::watch::lsuv::{Lsuv, Rescaled, lsuv};
pub use crate::watch::module::Watched;
pub use crate::watch::probe::{Probe, ProbeRow, Probed};
pub use crate::watch::watcher::Watch;
