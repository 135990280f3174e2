//! A part of the batch.

use std::ops::Range;

use crate::cpu::activation::Observation;
use crate::cpu::buffer::Buffer;
use crate::cpu::loss::LossSums;
use crate::model::cpu::workspace::Workspace;
use crate::model::network::Network;

/// A part of the batch: its gradients and what was seen.
#[derive(Default)]
pub struct Shard {
    pub rows: Range<usize>,
    pub gradients: Buffer,
    pub loss: LossSums,
    pub observations: Vec<Observation>,
}

impl Shard {
    /// Fills the workspace with the shard's samples.
    pub fn load(&self, network: &Network, workspace: &mut Workspace, fill: &impl Fn(Range<usize>, &mut [f32])) {
        let len = self.rows.len() * network.input.len();
        if workspace.input.len() != len {
            workspace.input.resize(len);
        }
        fill(self.rows.clone(), &mut workspace.input);
    }
}
