//! What weight initialisation does to deep networks, shown on real training runs.

pub mod activation;
pub mod cli;
pub mod rng;
pub mod theory;
