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
    let of_rows = log_softmax.gather(&labels.unsqueeze(2)?, 2)?;
    let loss = of_rows.sum((1, 2))?.neg()?;
    let gradient = (log_softmax.exp()? - one_hot(labels, logits)?)?.affine(scale, 0.0)?;
    Ok(Measured { loss, correct: right_answers(logits, labels, &of_rows.squeeze(2)?)?, gradient })
}

/// Mean squared error against one-hot labels `[run, row]` (u32).
pub fn squared_error_of_labels(outputs: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    let (loss, gradient) = squared_error(outputs, &one_hot(labels, outputs)?, scale)?;
    Ok(Measured { loss, correct: right_answers(outputs, labels, &gradient.sqr()?.sum(2)?)?, gradient })
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

/// Rows whose largest output is that of their label. `of_rows`, `[run, row]`, is NaN where a row's loss is: such a row is wrong.
fn right_answers(outputs: &Tensor, labels: &Tensor, of_rows: &Tensor) -> Result<Tensor> {
    let right = (outputs.argmax(D::Minus1)?.eq(labels)? * of_rows.eq(of_rows)?)?;
    right.to_dtype(DType::F64)?.sum(1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_row_with_nan_is_right_about_nothing() {
        const NAN: f64 = f64::NAN;
        for dtype in [DType::F32, DType::F64] {
            for (row, label) in [([NAN; 3], 0u32), ([-NAN; 3], 0), ([NAN, 0.0, 1.0], 2), ([2.0, 0.0, NAN], 0)] {
                // Beside a row that is right, and a run of which both are.
                let right = [0.0, 5.0, 0.0];
                let outputs = Tensor::new(&[[row, right], [right; 2]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
                let labels = Tensor::new(&[[label, 1], [1, 1]], &Device::Cpu).unwrap();
                for measured in [cross_entropy(&outputs, &labels, 1.0), squared_error_of_labels(&outputs, &labels, 1.0)]
                {
                    assert_eq!(measured.unwrap().correct.to_vec1::<f64>().unwrap(), [1.0, 2.0], "{row:?}");
                }
            }
            let outputs = Tensor::new(&[[[NAN], [3.0]]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let values = Tensor::new(&[[0.0, 3.0]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let correct = squared_error_of_values(&outputs, &values, 1.0).unwrap().correct;
            assert_eq!(correct.to_vec1::<f64>().unwrap(), [1.0]);
        }
    }
}
