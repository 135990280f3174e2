//! Losses on the network's outputs, with their gradients.

use super::math;

/// The loss over a set of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSums {
    /// Σ of the rows' losses.
    pub loss: f64,
    /// Rows whose prediction is right. A row whose loss is NaN predicts nothing, so it is wrong.
    pub correct: usize,
    /// Rows.
    pub rows: usize,
}

impl LossSums {
    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: &Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.rows += other.rows;
    }
}

/// Index of the first largest value; NaN is never chosen.
fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (i, &x)| if x > row[best] || row[best].is_nan() { i } else { best })
}

dispatch! {
    fn exp_all(values: &mut [f32]) {
        values.iter_mut().for_each(|v| *v = math::exp_nonpositive(*v));
    }
}

/// Cross-entropy of softmax(logits) against labels; `gradient` `[rows, classes]` gets (softmax − onehot)·`scale`.
pub fn cross_entropy(logits: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
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

/// Mean squared error against one-hot targets: each row's loss is the mean of its squared differences.
pub fn mse_one_hot(outputs: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
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
pub fn mse_value(outputs: &[f32], targets: impl Iterator<Item = f32>, scale: f32, gradient: &mut [f32]) -> LossSums {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_of_equal_logits_is_the_log_of_the_classes() {
        let mut gradient = [0.0; 8];
        let sums = cross_entropy(&[3.0; 8], 4, &[0, 3], 0.5, &mut gradient);
        assert!((sums.loss - 2.0 * 4f64.ln()).abs() < 1e-6);
        assert_eq!((sums.correct, sums.rows), (1, 2));
        assert_eq!(gradient, [-0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, -0.375]);
    }

    #[test]
    fn a_row_with_nan_is_right_about_nothing() {
        const NAN: f32 = f32::NAN;
        for (row, label) in [([NAN; 3], 0), ([-NAN; 3], 0), ([NAN, 0.0, 1.0], 2), ([2.0, 0.0, NAN], 0)] {
            // Beside a row that is right.
            let outputs = [row, [0.0, 5.0, 0.0]].concat();
            let labels = [label, 1];
            assert_eq!(cross_entropy(&outputs, 3, &labels, 1.0, &mut [0.0; 6]).correct, 1, "{row:?}");
            assert_eq!(mse_one_hot(&outputs, 3, &labels, 1.0, &mut [0.0; 6]).correct, 1, "{row:?}");
        }
        assert_eq!(mse_value(&[NAN, 3.0], [0.0, 3.0].into_iter(), 1.0, &mut [0.0; 2]).correct, 1);
    }

    #[test]
    fn a_nan_or_infinite_logit_makes_the_loss_not_finite() {
        for bad in [f32::NAN, f32::INFINITY] {
            let sums = cross_entropy(&[0.0, bad, 1.0], 3, &[0], 1.0, &mut [0.0; 3]);
            assert!(!sums.loss.is_finite());
        }
    }
}
