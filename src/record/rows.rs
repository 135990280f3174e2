//! The columns of `steps.csv` and `epochs.csv`.

use std::fmt::Write;

/// `steps.csv`: one line for each optimiser step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRow {
    /// Step, from 0.
    pub step: u64,
    /// Epoch of the step, from 0.
    pub epoch: u64,
    /// Training images seen before the step.
    pub images: u64,
    /// Learning rate.
    pub lr: f64,
    /// Mean loss of the batch.
    pub loss: f64,
    /// Share of the batch that is right.
    pub accuracy: f64,
    /// Norm of all gradients together, before clipping; absent if the step was not taken.
    pub gradient_norm: Option<f64>,
}

/// Header of `steps.csv`.
pub const STEPS: &str = "step,epoch,images,lr,loss,accuracy,gradient_norm";

impl StepRow {
    /// The line.
    pub fn write(&self, to: &mut String) {
        let Self { step, epoch, images, lr, loss, accuracy, gradient_norm } = self;
        write!(to, "{step},{epoch},{images},{lr:?},{loss:?},{accuracy:?},").expect("strings take everything");
        if let Some(norm) = gradient_norm {
            write!(to, "{norm:?}").expect("strings take everything");
        }
        to.push('\n');
    }
}

/// `epochs.csv`: one line for each evaluation.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochRow {
    /// Epochs done, with the part of a running one.
    pub epoch: f64,
    /// Steps done.
    pub step: u64,
    /// Mean training loss since the last evaluation.
    pub train_loss: f64,
    /// Training accuracy since the last evaluation.
    pub train_accuracy: f64,
    /// Mean loss on the test images.
    pub test_loss: f64,
    /// Accuracy on the test images.
    pub test_accuracy: f64,
}

/// Header of `epochs.csv`.
pub const EPOCHS: &str = "epoch,step,train_loss,train_accuracy,test_loss,test_accuracy";

impl EpochRow {
    /// The line.
    pub fn write(&self, to: &mut String) {
        let Self { epoch, step, train_loss, train_accuracy, test_loss, test_accuracy } = self;
        writeln!(to, "{epoch:?},{step},{train_loss:?},{train_accuracy:?},{test_loss:?},{test_accuracy:?}")
            .expect("strings take everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_an_empty_field() {
        let mut line = String::new();
        let row = StepRow { step: 0, epoch: 0, images: 0, lr: 0.1, loss: f64::NAN, accuracy: 0.1, gradient_norm: None };
        row.write(&mut line);
        assert_eq!(line, "0,0,0,0.1,NaN,0.1,\n");
    }
}
