//! From outputs to loss and right answers, and with what was observed to the host.

use candle_core::{Result, Tensor};

use super::DeviceModel;
use super::observe::Seen;
use super::transfer::Transfer;
use crate::cpu::loss::LossSums;
use crate::gpu::loss::{self, Measured};
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observed;

/// The targets of all runs on the device, `[run, row]`.
pub enum Goal {
    /// Classes (u32).
    Labels(Tensor),
    /// Numbers, in the model's type.
    Values(Tensor),
}

impl DeviceModel {
    /// Uploads the targets of batches of `rows` rows: those of all runs in order, or one batch's for all.
    pub(super) fn targets(&self, targets: Targets<'_>, loss: Loss, rows: usize) -> Result<Goal> {
        let one_output = loss == Loss::Mse && self.network().output().len() == 1;
        let spread = |t: Tensor| t.reshape(((), rows))?.broadcast_as((self.runs(), rows))?.contiguous();
        let values =
            |values: Vec<f64>| Ok(Goal::Values(spread(Tensor::new(values, &self.device)?.to_dtype(self.dtype)?)?));
        match targets {
            Targets::Labels(labels) if one_output => values(labels.iter().map(|&l| f64::from(l)).collect()),
            Targets::Values(numbers) => values(numbers.iter().map(|&v| f64::from(v)).collect()),
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
        match (goal, loss) {
            (Goal::Labels(labels), Loss::CrossEntropy) => loss::cross_entropy(&outputs, labels, scale),
            (Goal::Labels(labels), Loss::Mse) => loss::squared_error_of_labels(&outputs, labels, scale),
            (Goal::Values(values), _) => loss::squared_error_of_values(&outputs, values, scale),
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
                Observed { loss: LossSums { loss, correct, rows }, observations: packed.unpack(&numbers, run) }
            })
            .collect();
        Ok((observed, numbers))
    }
}
