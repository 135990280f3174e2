//! Training: optimisers, learning-rate schedules and the loop.

pub mod optimizer_state;
