//! The multi-class hinge of Weston & Watkins 1998, as `PyTorch`'s `MultiMarginLoss` has it: margin 1, to the first power, and over all
//! classes the mean. A row loses wherever a wrong class comes within the margin of the right one.

use candle_core::{Result, Tensor};

use crate::cpu::loss::{LossSums, argmax};
use crate::gpu::loss::{Measured, one_hot, right_answers};
use crate::loss::row::{Row, shares};

/// Hinge against the labels.
pub const ROW: Row = Row {
    name: "hinge",
    help: "multi-class hinge with margin 1 against the labels",
    outputs: |classes| classes,
    on_slices,
    on_tensors,
    blind,
};

/// A row x with label y loses Σ max(0, 1 + x_j − x_y) / classes over j ≠ y. At the kink the gradient is 0. NaN stays NaN, and an
/// infinite output, which comes of an overflow, has no loss that is finite, whatever its sign.
fn on_slices(outputs: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
    let mut sums = LossSums { rows: labels.len(), ..LossSums::default() };
    let factor = scale / classes as f32;
    for ((row, out), &label) in outputs.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(labels) {
        let label = usize::from(label);
        let (mut loss, mut within) = (0.0, 0.0);
        for (class, (&x, g)) in row.iter().zip(&mut *out).enumerate() {
            let short = 1.0 + x - row[label];
            let counts = if class == label || short <= 0.0 { 0.0 } else { 1.0 };
            loss += f64::from(counts * short);
            within += counts;
            *g = factor * counts;
        }
        out[label] = -factor * within;
        sums.loss += loss / classes as f64;
        sums.correct += usize::from(argmax(row) == label && !loss.is_nan());
    }
    sums
}

/// Takes the loss of all runs at once, on tensors.
fn on_tensors(outputs: &Tensor, labels: &Tensor, scale: f64) -> Result<Measured> {
    let classes = outputs.dim(2)? as f64;
    let hot = one_hot(labels, outputs)?;
    let right = outputs.gather(&labels.unsqueeze(2)?, 2)?;
    // What is missing to the margin; nothing for the label itself.
    let short = (outputs.broadcast_sub(&right)?.affine(1.0, 1.0)? - &hot)?;
    // All that is not at or below 0, so that NaN goes on.
    let within = short.le(0.0)?.to_dtype(outputs.dtype())?.affine(-1.0, 1.0)?;
    let of_rows = (within.clone() * short)?.sum(2)?.affine(1.0 / classes, 0.0)?;
    let within = (within * hot.affine(-1.0, 1.0)?)?;
    let gradient = (within.clone() - hot.broadcast_mul(&within.sum_keepdim(2)?)?)?.affine(scale / classes, 0.0)?;
    Ok(Measured { loss: of_rows.sum(1)?, correct: right_answers(outputs, labels, &of_rows)?, gradient })
}

/// The best outputs that are the same for all images are whole numbers, for the loss is made of lines with kinks at whole differences;
/// they fall, from the most frequent class to the least, by 1 at a time, for a wider gap only costs. So the classes, sorted, fall into
/// groups of equal outputs. A pair of one group costs the shares of both, a pair of two groups that of the rarer class, and once more for
/// each step down between them. Written as sums over groups: that of classes `s..e` costs (e − 1) times its share, and the step down to
/// it `s` times the share of it and all that follow.
fn blind(labels: &[u8], classes: usize) -> f64 {
    let mut shares: Vec<f64> = shares(labels).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let of = |range: std::ops::Range<usize>| shares[range].iter().sum::<f64>();
    let n = shares.len();
    // The least cost of the first so many classes.
    let mut least = vec![0.0; n + 1];
    for end in 1..=n {
        let cost = |start| least[start] + (end - 1) as f64 * of(start..end) + start as f64 * of(start..n);
        least[end] = (0..end).map(cost).fold(f64::INFINITY, f64::min);
    }
    least[n] / classes as f64
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn value_and_gradient_are_those_of_the_definition() {
        // Margins missed by 0.5 and by 1.5; at the kink, which costs nothing; all kept.
        let outputs = [1.0, 0.5, 1.5, 2.0, 1.0, 0.0, 0.0, 0.0, 3.0];
        let mut gradient = [f32::NAN; 9];
        let sums = on_slices(&outputs, 3, &[0, 0, 2], 3.0, &mut gradient);
        assert_eq!(sums, LossSums { loss: 2.0 / 3.0, correct: 2, rows: 3 });
        assert_eq!(gradient, [-2.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn tensors_have_the_numbers_of_slices() {
        const NAN: f32 = f32::NAN;
        let outputs = [0.3, -1.2, 0.9, 2.5, 0.1, 0.2, 1.0, 0.0, -3.0, NAN, 1.0, 0.0, 0.5, 0.5, 0.5, -2.0, 7.0, 1.0f32];
        let labels = [2u8, 0, 1, 1, 0, 2];
        let tensor = Tensor::from_slice(&outputs, (1, 6, 3), &Device::Cpu).unwrap();
        let wanted = Tensor::from_slice(&labels.map(u32::from), (1, 6), &Device::Cpu).unwrap();
        let found = on_tensors(&tensor, &wanted, 0.25).unwrap();
        let mut gradient = [0.0; 18];
        let sums = on_slices(&outputs, 3, &labels, 0.25, &mut gradient);
        assert_eq!(found.correct.to_vec1::<f64>().unwrap(), [sums.correct as f64]);
        let loss = found.loss.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()[0];
        assert!(sums.loss.is_nan() && loss.is_nan(), "{loss}, {}", sums.loss);
        for (a, b) in found.gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(gradient) {
            assert!((a - b).abs() < 1e-7 || a.is_nan() && b.is_nan(), "{a}, {b}");
        }
    }

    #[test]
    fn the_blind_answer_is_the_best_of_all_whole_outputs() {
        for counts in [[5, 5, 5, 5], [90, 8, 1, 1], [40, 40, 19, 1], [50, 30, 20, 0], [97, 1, 1, 1], [70, 25, 4, 1]] {
            let labels: Vec<u8> = (0..4).flat_map(|label| vec![label; counts[usize::from(label)]]).collect();
            let loss = |outputs: [f32; 4]| {
                let all = outputs.repeat(labels.len());
                on_slices(&all, 4, &labels, 1.0, &mut vec![0.0; all.len()]).loss / labels.len() as f64
            };
            let all = (0..5 * 5 * 5 * 5).map(|i| [i % 5, i / 5 % 5, i / 25 % 5, i / 125].map(|x: i32| x as f32));
            // A class that never occurs may fall without end; four steps below the others are enough.
            let best = all.map(loss).fold(f64::INFINITY, f64::min);
            assert!((blind(&labels, 4) - best).abs() < 1e-9, "{counts:?}: {}, best {best}", blind(&labels, 4));
        }
    }
}
