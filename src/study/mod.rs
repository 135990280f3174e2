//! Studies: many runs of a base config, to say which start converges sooner.
//!
//! A [`mod@file`] describes arms, seeds, grids and targets; [`plan`] makes an ordered list of runs of it, each known by what its
//! result depends on; [`execute`] runs what is missing in an [`mod@order`], several side by side or, on a device, in [`cohorts`]; [`collect`]
//! reads the records back.

mod ahead;
mod arms;
pub mod attempt;
mod axes;
pub mod batches;
pub mod campaign;
mod change;
pub mod check;
pub mod clock;
pub mod cohorts;
pub mod collect;
pub mod compare;
pub mod comparison;
pub mod curve;
pub mod directory;
pub mod ending;
#[cfg(test)]
mod ending_tests;
pub mod estimate;
pub mod execute;
pub mod export;
pub mod file;
pub mod findings;
pub mod forecast;
pub mod grid;
pub mod keys;
pub mod order;
pub mod outcomes;
pub mod place;
pub mod plan;
pub mod power;
pub mod predict;
pub mod range_rules;
pub mod range_search;
pub mod range_test;
pub mod record;
pub mod samples;
pub mod sentence;
#[cfg(test)]
mod simulated;
pub mod so_far;
mod spread;
pub mod summarise;
pub mod target;
pub mod tune;
pub mod verdict;
#[cfg(test)]
mod verdict_tests;

pub use crate::study::campaign::Campaign;
pub use crate::study::file::Study;
pub use crate::study::plan::PlannedRun;
