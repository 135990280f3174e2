//! Draws of layers in a training step, and what they depend on: the run's seed, the step and the layer's name.

use crate::rng::Places;

/// The draws of one run in one training step; a layer's come from a stream of both and of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// The run's seed.
    pub seed: u64,
    /// Training steps before this one.
    pub step: u64,
}

impl Draws {
    /// Random numbers of the layer `name`, drawn by place.
    pub fn of(self, name: &str) -> Places {
        Places::new(self.seed, format_args!("draw/{name}/step{}", self.step))
    }
}
