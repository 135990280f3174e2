//! Parts of a training step: a batch for each run, how each run moves, and what the update did.

use std::borrow::Cow;
use std::ops::Range;

use crate::data::{Part, Prepared};
use crate::model::Network;
use crate::model::draws::Draws;
use crate::optim::UpdateNorms;

/// Images that are evaluated at a time.
pub const EVALUATION_BATCH: usize = 512;

/// Images of one part of the data, by index.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The data.
    pub data: &'a Prepared,
    /// Training or test images.
    pub part: Part,
    /// Which ones.
    pub indices: &'a [u32],
    /// Their labels.
    pub labels: &'a [u8],
    /// Seed and step of the layers' draws; absent in evaluations.
    pub draws: Option<Draws>,
}

impl<'a> Batch<'a> {
    /// The first `n` images.
    #[must_use]
    pub fn first(&self, n: usize) -> Batch<'a> {
        Batch { indices: &self.indices[..n], labels: &self.labels[..n], ..*self }
    }

    /// Writes the samples of some rows, as the CPU's model asks for them.
    pub fn fill(&self) -> impl Fn(Range<usize>, &mut [f32]) + Sync {
        |rows, out| self.data.gather(self.part, &self.indices[rows], out)
    }
}

/// Norms of an optimiser step.
#[derive(Clone, Debug, Default)]
pub struct Updated {
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// One entry for each parameter, if asked for.
    pub norms: Vec<UpdateNorms>,
}

/// The factor that brings gradients of `norm` to at most `limit`, where they must shrink, as PyTorch's `clip_grad_norm_` has it.
pub fn clip_factor(limit: Option<f64>, norm: f64) -> Option<f64> {
    limit.map(|limit| limit / (norm + 1e-6)).filter(|&factor| factor < 1.0)
}

/// Values laid out like all parameters of a network, apart and in PyTorch's order.
pub fn split_params<'v>(network: &Network, values: &'v [f32]) -> Vec<Cow<'v, [f32]>> {
    network.params.iter().map(|param| param.to_torch(&values[param.range()])).collect()
}

/// How one run takes a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunStep {
    /// Learning rate.
    pub lr: f64,
    /// True if the run moves at all: one that has ended stays as it is.
    pub moves: bool,
}
