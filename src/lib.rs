//! What weight initialisation does to deep networks, shown on real training runs.

// What cannot be written to a terminal must not end the work: `cli::output` says how lines are printed.
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Whoever adds a variant is to be told every place that must know it.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod activation;
pub mod cli;
pub mod config;
pub mod cpu;
pub mod data;
pub mod gpu;
pub mod inference;
pub mod init;
pub mod lesson;
pub mod loss;
pub mod model;
pub mod numerals;
pub mod optim;
pub mod probe;
pub mod record;
pub mod report;
pub mod rng;
mod spelling;
pub mod study;
pub mod theory;
pub mod train;
