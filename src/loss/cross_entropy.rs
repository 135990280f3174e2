//! Cross-entropy of the softmax.

use candle_core::{D, Result, Tensor};

use crate::cpu::loss::{LossSums, argmax};
use crate::cpu::{dispatch, math};
use crate::gpu::cuda;
use crate::gpu::loss::{Measured, one_hot, right_answers};
use crate::loss::row::{Row, shares};

/// Cross-entropy against the labels.
pub const ROW: Row = Row {
    name: "cross_entropy",
    help: "cross-entropy of the softmax against the labels",
    outputs: |classes| classes,
    on_slices,
    on_tensors,
    // The entropy of the labels.
    blind: |labels, _| -shares(labels).map(|share| share * f64::ln(share)).sum::<f64>(),
};

dispatch! {
    fn exp_all(values: &mut [f32]) {
        values.iter_mut().for_each(|v| *v = math::exp_nonpositive(*v));
    }
}

/// Cross-entropy of softmax(logits) against labels; `gradient` `[rows, classes]` gets (softmax − onehot)·`scale`.
fn on_slices(logits: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
    let mut sums = LossSums { rows: labels.len(), ..LossSums::default() };
    for (logits, out) in logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)) {
        let largest = logits[argmax(logits)];
        out.iter_mut().zip(logits).for_each(|(o, &x)| *o = x - largest);
    }
    exp_all(gradient);
    for ((logits, out), &label) in logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(labels) {
        let best = argmax(logits);
        let total: f32 = out.iter().sum();
        sums.loss += f64::from(total).ln() + f64::from(logits[best]) - f64::from(logits[usize::from(label)]);
        sums.correct += usize::from(best == usize::from(label) && !total.is_nan());
        let factor = scale / total;
        out.iter_mut().for_each(|o| *o *= factor);
        out[usize::from(label)] -= scale;
    }
    sums
}

/// Cross-entropy of the softmax against labels `[run, row]` (u32): the gradient is (softmax − onehot)·`scale`.
fn on_tensors(logits: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    if let Some(measured) = cuda::cross_entropy(logits, labels, scale)? {
        return Ok(measured);
    }
    let log_softmax = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    let of_rows = log_softmax.gather(&labels.unsqueeze(2)?, 2)?;
    let loss = of_rows.sum((1, 2))?.neg()?;
    let gradient = (log_softmax.exp()? - one_hot(labels, logits)?)?.affine(scale, 0.0)?;
    Ok(Measured { loss, correct: right_answers(logits, labels, &of_rows.squeeze(2)?)?, gradient })
}
