//! Parts that the losses of outputs `[run, row, output]` share: each run's sum over its rows, right answers, and the gradient.

use candle_core::{D, DType, Result, Tensor};

/// Results of a loss, all on the device.
pub struct Measured {
    /// Σ of the rows' losses, `[run]`.
    pub loss: Tensor,
    /// Right answers, `[run]`, in `f64`.
    pub correct: Tensor,
    /// The gradient of the outputs, times the scale.
    pub gradient: Tensor,
}

/// Labels as rows of zeros with a one, shaped and typed like `outputs`.
///
/// # Errors
/// The device fails.
pub fn one_hot(labels: &Tensor, outputs: &Tensor) -> Result<Tensor> {
    let classes = Tensor::arange(0u32, outputs.dim(2)? as u32, outputs.device())?.reshape((1, 1, ()))?;
    labels.unsqueeze(2)?.broadcast_eq(&classes)?.to_dtype(outputs.dtype())
}

/// Rows whose largest output is that of their label. `of_rows`, `[run, row]`, is NaN where a row's loss is: such a row is wrong.
///
/// # Errors
/// The device fails.
pub fn right_answers(outputs: &Tensor, labels: &Tensor, of_rows: &Tensor) -> Result<Tensor> {
    let right = (outputs.argmax(D::Minus1)?.eq(labels)? * of_rows.eq(of_rows)?)?;
    right.to_dtype(DType::F64)?.sum(1)
}
