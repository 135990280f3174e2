//! From outputs to loss and right answers, and with what was observed to the host.

use candle_core::{Result, Tensor};

use crate::cpu::loss::LossSums;
use crate::gpu::loss::Measured;
use crate::loss::of_values_on_tensors;
use crate::model::device::model::DeviceModel;
use crate::model::device::observe::Seen;
use crate::model::device::transfer::Transfer;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{GradientParts, Observed};

/// The targets of all runs on the device, `[run, row]`.
pub enum Goal {
    /// Classes (u32).
    Labels(Tensor),
    /// Numbers, in the model's type.
    Values(Tensor),
}

impl DeviceModel {
    /// Uploads the targets of batches of `rows` rows: those of all runs in order, or one batch's for all.
    pub(super) fn targets(&self, targets: Targets<'_>, rows: usize) -> Result<Goal> {
        let spread = |t: Tensor| t.reshape(((), rows))?.broadcast_as((self.runs(), rows))?.contiguous();
        match targets {
            Targets::Values(numbers) => {
                let numbers: Vec<f64> = numbers.iter().map(|&v| f64::from(v)).collect();
                Ok(Goal::Values(spread(Tensor::new(numbers, &self.device)?.to_dtype(self.dtype)?)?))
            }
            Targets::Labels(labels) => {
                let labels: Vec<u32> = labels.iter().map(|&l| u32::from(l)).collect();
                Ok(Goal::Labels(spread(Tensor::new(labels, &self.device)?)?))
            }
        }
    }

    pub(super) fn measure(
        &self,
        outputs: &Tensor,
        goal: &Goal,
        loss: Loss,
        rows: usize,
        scale: f64,
    ) -> Result<Measured> {
        let outputs = outputs.reshape((self.runs(), rows, ()))?;
        match goal {
            Goal::Labels(labels) => (loss.row().on_tensors)(&outputs, labels, scale),
            Goal::Values(values) => of_values_on_tensors(&outputs, values, scale),
        }
    }

    /// Fetches losses and statistics of all runs together with what `transfer` holds already.
    pub(super) fn observe(
        &self,
        measured: &Measured,
        seen: Seen<'_>,
        rows: usize,
        mut transfer: Transfer,
    ) -> Result<(Vec<Observed>, Vec<f64>)> {
        let (losses, correct) = (transfer.add(&measured.loss)?, transfer.add(&measured.correct)?);
        let packed = seen.pack(&self.networks, rows, &mut transfer)?;
        let numbers = transfer.fetch()?;
        let observed = (0..self.runs())
            .map(|run| {
                let (loss, correct) = (numbers[losses.start + run], numbers[correct.start + run] as usize);
                let observations = packed.unpack(&numbers, run);
                Observed { loss: LossSums { loss, correct, rows }, observations, parts: GradientParts::default() }
            })
            .collect();
        Ok((observed, numbers))
    }
}
