//! What weight initialisation does to deep networks, shown on real training runs.

pub mod activation;
pub mod config;
pub mod init;
pub mod rng;
