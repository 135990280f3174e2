//! Batch norm's running estimates after a training step.

use candle_core::{Result, Tensor};

use crate::model::device::model::DeviceModel;
use crate::model::device::pass::{Kept, Trace};
use crate::model::layer::Layer;
use crate::model::layers::batch_norm::{Estimates, estimates_on_device};

impl DeviceModel {
    /// Moves the estimates, if there are some.
    pub(super) fn move_running(&mut self, traces: &[Trace], rows: usize) -> Result<()> {
        let Some(old) = &self.running else { return Ok(()) };
        let mut found = Vec::new();
        collect(&self.network().layers, traces, rows, &mut found)?;
        // In the order of the network's estimates.
        found.sort_by_key(|estimates| estimates.start);
        let mut moved = Vec::new();
        for Estimates { start, momentum, new } in found {
            let old = old.narrow(1, start, new.dim(1)?)?.affine(1.0 - momentum, 0.0)?;
            moved.push((old + new.affine(momentum, 0.0)?)?);
        }
        self.running = Some(Tensor::cat(&moved, 1)?);
        self.batches_seen += 1;
        Ok(())
    }
}

fn collect(layers: &[Layer], traces: &[Trace], rows: usize, found: &mut Vec<Estimates>) -> Result<()> {
    for (layer, trace) in layers.iter().zip(traces) {
        if let Kept::Body(traces) = &trace.kept {
            collect(layer.body(), traces, rows, found)?;
        }
        found.extend(estimates_on_device(layer, trace, rows)?);
    }
    Ok(())
}
