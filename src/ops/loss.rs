//! Losses of outputs `[run, row, output]`: for each run the sum over its rows, right answers, and the gradient.

use candle_core::{D, DType, Result, Tensor};

use super::cuda;

/// What a loss gives, all on the device.
pub struct Measured {
    /// Σ of the rows' losses, `[run]`.
    pub loss: Tensor,
    /// Right answers, `[run]`, in `f64`.
    pub correct: Tensor,
    /// The gradient of the outputs, times the scale.
    pub gradient: Tensor,
}

/// Cross-entropy of the softmax against labels `[run, row]` (u32): the gradient is (softmax − onehot)·`scale`.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    if let Some(measured) = cuda::cross_entropy(logits, labels, scale)? {
        return Ok(measured);
    }
    let log_softmax = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    let loss = log_softmax.gather(&labels.unsqueeze(2)?, 2)?.sum((1, 2))?.neg()?;
    let gradient = (log_softmax.exp()? - one_hot(labels, logits)?)?.affine(scale, 0.0)?;
    Ok(Measured { loss, correct: right_answers(logits, labels)?, gradient })
}

/// Mean squared error against one-hot labels `[run, row]` (u32).
pub fn squared_error_of_labels(outputs: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    let (loss, gradient) = squared_error(outputs, &one_hot(labels, outputs)?, scale)?;
    Ok(Measured { loss, correct: right_answers(outputs, labels)?, gradient })
}

/// Mean squared error of one output against numbers `[run, row]`; an answer is right if it rounds to its number.
pub fn squared_error_of_values(outputs: &Tensor, values: &Tensor, scale: f64) -> Result<Measured> {
    let targets = values.unsqueeze(2)?;
    let (loss, gradient) = squared_error(outputs, &targets, scale)?;
    let correct = outputs.round()?.broadcast_eq(&targets)?.to_dtype(DType::F64)?.sum((1, 2))?;
    Ok(Measured { loss, correct, gradient })
}

fn squared_error(outputs: &Tensor, targets: &Tensor, scale: f64) -> Result<(Tensor, Tensor)> {
    let difference = outputs.broadcast_sub(targets)?;
    let width = outputs.dim(2)? as f64;
    Ok((difference.sqr()?.sum((1, 2))?.affine(1.0 / width, 0.0)?, difference.affine(2.0 * scale / width, 0.0)?))
}

/// Labels as rows of zeros with a one, shaped and typed like `outputs`.
fn one_hot(labels: &Tensor, outputs: &Tensor) -> Result<Tensor> {
    let classes = Tensor::arange(0u32, outputs.dim(2)? as u32, outputs.device())?.reshape((1, 1, ()))?;
    labels.unsqueeze(2)?.broadcast_eq(&classes)?.to_dtype(outputs.dtype())
}

fn right_answers(outputs: &Tensor, labels: &Tensor) -> Result<Tensor> {
    outputs.argmax(D::Minus1)?.eq(labels)?.to_dtype(DType::F64)?.sum(1)
}
