//! What weight initialisation does to deep networks, shown on real training runs.

pub mod activation;
pub mod cli;
pub mod config;
pub mod data;
pub mod init;
pub mod kernels;
pub mod lesson;
pub mod model;
pub mod ops;
pub mod probe;
pub mod record;
pub mod report;
pub mod rng;
pub mod stats;
pub mod study;
pub mod theory;
pub mod train;
