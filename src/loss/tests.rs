use candle_core::{DType, Device, Tensor};

use super::*;
use crate::cpu::loss::LossSums;

fn on_slices(loss: Loss, outputs: &[f32], classes: usize, labels: &[u8], scale: f32, gradient: &mut [f32]) -> LossSums {
    (loss.row().on_slices)(outputs, classes, labels, scale, gradient)
}

#[test]
fn a_config_has_the_names_of_the_rows() {
    for loss in Loss::ALL {
        assert_eq!(serde_json::to_value(loss).unwrap(), loss.row().name);
    }
}

#[test]
fn cross_entropy_of_equal_logits_is_the_log_of_the_classes() {
    let mut gradient = [0.0; 8];
    let sums = on_slices(Loss::CrossEntropy, &[3.0; 8], 4, &[0, 3], 0.5, &mut gradient);
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
        assert_eq!(on_slices(Loss::CrossEntropy, &outputs, 3, &labels, 1.0, &mut [0.0; 6]).correct, 1, "{row:?}");
        assert_eq!(on_slices(Loss::Mse, &outputs, 3, &labels, 1.0, &mut [0.0; 6]).correct, 1, "{row:?}");
        assert_eq!(on_slices(Loss::Hinge, &outputs, 3, &labels, 1.0, &mut [0.0; 6]).correct, 1, "{row:?}");
    }
    assert_eq!(of_values_on_slices(&[NAN, 3.0], [0.0, 3.0].into_iter(), 1.0, &mut [0.0; 2]).correct, 1);
}

#[test]
fn a_nan_or_infinite_logit_makes_the_loss_not_finite() {
    for bad in [f32::NAN, f32::INFINITY] {
        let sums = on_slices(Loss::CrossEntropy, &[0.0, bad, 1.0], 3, &[0], 1.0, &mut [0.0; 3]);
        assert!(!sums.loss.is_finite());
        for bad in [bad, -bad] {
            assert!(!on_slices(Loss::Hinge, &[0.0, bad, 1.0], 3, &[0], 1.0, &mut [0.0; 3]).loss.is_finite());
            assert!(!on_slices(Loss::Hinge, &[0.0, bad, 1.0], 3, &[1], 1.0, &mut [0.0; 3]).loss.is_finite());
        }
    }
}

#[test]
fn a_row_with_nan_is_right_about_nothing_on_tensors() {
    const NAN: f64 = f64::NAN;
    for dtype in [DType::F32, DType::F64] {
        for (row, label) in [([NAN; 3], 0u32), ([-NAN; 3], 0), ([NAN, 0.0, 1.0], 2), ([2.0, 0.0, NAN], 0)] {
            // Beside a row that is right, and a run of which both are.
            let right = [0.0, 5.0, 0.0];
            let outputs = Tensor::new(&[[row, right], [right; 2]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let labels = Tensor::new(&[[label, 1], [1, 1]], &Device::Cpu).unwrap();
            for loss in [Loss::CrossEntropy, Loss::Mse, Loss::Hinge] {
                assert_eq!(
                    (loss.row().on_tensors)(&outputs, &labels, 1.0).unwrap().correct.to_vec1::<f64>().unwrap(),
                    [1.0, 2.0],
                    "{row:?}"
                );
            }
        }
        let outputs = Tensor::new(&[[[NAN], [3.0]]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        let values = Tensor::new(&[[0.0, 3.0]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        let correct = of_values_on_tensors(&outputs, &values, 1.0).unwrap().correct;
        assert_eq!(correct.to_vec1::<f64>().unwrap(), [1.0]);
    }
}

#[test]
fn a_blind_answer_has_the_loss_of_its_definition() {
    let labels: Vec<u8> = (0..100).map(|i| i % 10).collect();
    let blind = |loss: Loss| loss.blind(&labels, 10);
    assert!((blind(Loss::CrossEntropy) - 10f64.ln()).abs() < 1e-12);
    // (1 − 0.1)² for one label and 0.1² for nine, over ten outputs.
    assert!((blind(Loss::Mse) - 0.09).abs() < 1e-12);
    assert!((blind(Loss::MseDigit) - 8.25).abs() < 1e-12);
    assert_eq!(Loss::CrossEntropy.blind(&[3; 5], 10), 0.0);
}
