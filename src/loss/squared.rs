//! Mean squared error, against one-hot labels or of one output against a number.

use candle_core::{DType, Result, Tensor};

use crate::cpu::loss::{LossSums, argmax};
use crate::gpu::loss::{Measured, one_hot, right_answers};
use crate::loss::row::{Row, shares};

/// Against one-hot labels, or, with one output, against the label as a number.
pub const MSE: Row = Row {
    name: "mse",
    help: "mean squared error against one-hot labels; with one output against the label as a number",
    outputs: |classes| classes,
    on_slices,
    on_tensors,
    // The variance of a one-hot label.
    blind: |labels, classes| shares(labels).map(|share| share * (1.0 - share)).sum::<f64>() / classes as f64,
};

/// One output against the label as a number.
pub const MSE_DIGIT: Row = Row {
    name: "mse_digit",
    help: "mean squared error of one output against the digit as a number (lesson 8's first loss)",
    outputs: |_| 1,
    // The variance of the labels.
    blind: |labels, _| {
        let n = labels.len() as f64;
        let mean = labels.iter().map(|&label| f64::from(label)).sum::<f64>() / n;
        labels.iter().map(|&label| (f64::from(label) - mean).powi(2)).sum::<f64>() / n
    },
    ..MSE
};

/// Each row's loss is the mean of its squared differences.
fn on_slices(outputs: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
    if classes == 1 {
        return of_values_on_slices(outputs, labels.iter().map(|&label| f32::from(label)), scale, gradient);
    }
    let mut sums = LossSums { rows: labels.len(), ..LossSums::default() };
    let factor = 2.0 * scale / classes as f32;
    for ((row, out), &label) in outputs.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(labels) {
        let mut squares = 0.0;
        for (class, (&x, g)) in row.iter().zip(out).enumerate() {
            let difference = x - f32::from(u8::from(class == usize::from(label)));
            squares += f64::from(difference).powi(2);
            *g = factor * difference;
        }
        sums.loss += squares / classes as f64;
        sums.correct += usize::from(argmax(row) == usize::from(label) && !squares.is_nan());
    }
    sums
}

/// Mean squared error of one output against the label as a number (the lesson's first loss); a row is right when its
/// output rounds to the label.
pub fn of_values_on_slices(
    outputs: &[f32],
    targets: impl Iterator<Item = f32>,
    scale: f32,
    gradient: &mut [f32],
) -> LossSums {
    let mut sums = LossSums::default();
    for ((&x, target), g) in outputs.iter().zip(targets).zip(gradient) {
        let difference = x - target;
        sums.loss += f64::from(difference).powi(2);
        sums.correct += usize::from(x.round() == target);
        sums.rows += 1;
        *g = 2.0 * scale * difference;
    }
    sums
}

/// Takes the loss of all runs at once, on tensors.
fn on_tensors(outputs: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    if outputs.dim(2)? == 1 {
        return of_values_on_tensors(outputs, &labels.to_dtype(outputs.dtype())?, scale);
    }
    let (loss, gradient) = squared_error(outputs, &one_hot(labels, outputs)?, scale)?;
    Ok(Measured { loss, correct: right_answers(outputs, labels, &gradient.sqr()?.sum(2)?)?, gradient })
}

/// Mean squared error of one output against numbers `[run, row]`; an answer is right if it rounds to its number.
pub fn of_values_on_tensors(outputs: &Tensor, values: &Tensor, scale: f64) -> Result<Measured> {
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
