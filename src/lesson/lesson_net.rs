//! Notebook 02_fully_connected: the loss of the untrained net 784–50–1, and its gradients by hand beside candle's.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor, Var};

use super::draws::{Numbers, named, normals};
use super::first_layer::{SHIFT, UNITS};
use super::images::LessonImages;
use crate::activation::Activation;
use crate::data::Part;
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observe;
use crate::model::{Activations, LayerSpec, Network, Param, Shape};

/// The untrained net's mean squared error on the training images, against the digit as a number.
pub(super) fn untrained_loss(images: &LessonImages, seed: u64) -> Numbers {
    let (mut model, _) = lesson_net(images, seed);
    let rows = images.data.len(Part::Train);
    let indices: Vec<u32> = (0..rows as u32).collect();
    let fill = |range: Range<usize>, out: &mut [f32]| images.data.gather(Part::Train, &indices[range], out);
    let targets = Targets::Labels(images.data.labels(Part::Train));
    let seen = model.evaluate(rows, fill, targets, Loss::Mse, &Observe::default());
    named("mse_untrained", [("mse", seen.loss.loss / rows as f64)])
}

/// The largest difference between the gradients by hand and candle's, as a share of what the lesson's test allows:
/// 1e-5 + 1e-3·|gradient|. In blocks, because gradients add up over images.
pub(super) fn backward_by_hand(images: &LessonImages, seed: u64) -> Numbers {
    const BLOCK: usize = 5000;
    let (mut model, weights) = lesson_net(images, seed);
    let ranges: Vec<_> = model.network().params.iter().map(Param::range).collect();
    let total = images.data.len(Part::Train);
    let indices: Vec<u32> = (0..total as u32).collect();
    let (mut ours, mut theirs) = (vec![Vec::new(); 4], vec![Vec::new(); 4]);
    let mut worst = 0f64;
    for block in indices.chunks(BLOCK) {
        let share = block.len() as f32 / total as f32;
        let mut x = vec![0.0; block.len() * images.data.values_per_image()];
        images.data.gather(Part::Train, block, &mut x);
        let mut labels = vec![0; block.len()];
        images.data.gather_labels(Part::Train, block, &mut labels);
        let (_, _, input) = model.trace(&x, Targets::Labels(&labels), Loss::Mse);
        let by_hand = ranges.iter().map(|range| model.gradients_mut()[range.clone()].to_vec());
        add_scaled(&mut ours, by_hand, share);
        let (input_by_candle, by_candle) = by_autograd(x, &labels, &weights).expect("candle computes on the CPU");
        add_scaled(&mut theirs, by_candle, share);
        worst = larger(worst, disagreement(&input, &input_by_candle, share));
    }
    let worst = ours.iter().zip(&theirs).fold(worst, |worst, (a, b)| larger(worst, disagreement(a, b, 1.0)));
    named("backward_by_hand", [("disagreement_below", worst)])
}

/// The lesson's net, 784–50–1 with the ReLU moved down by 0.5 and zero biases, and its two weights (`[out, in]`).
fn lesson_net(images: &LessonImages, seed: u64) -> (CpuModel, [Vec<f32>; 2]) {
    let [channels, height, width] = images.data.image_dims();
    let inputs = images.data.values_per_image();
    let specs = [
        LayerSpec::Flatten,
        LayerSpec::Linear { out: UNITS, bias: true },
        LayerSpec::Activation(Activation::ShiftedRelu { shift: SHIFT }),
        LayerSpec::Linear { out: 1, bias: true },
    ];
    let network =
        Network::build(Shape::Image { channels, height, width }, &specs, Activations::Fused).expect("the shapes fit");
    let mut model = CpuModel::new(Arc::new(network), 1);
    let weights = [
        normals(seed, "lesson_net/w1", inputs * UNITS, (2.0 / inputs as f64).sqrt()),
        normals(seed, "lesson_net/w2", UNITS, 1.0 / (UNITS as f64).sqrt()),
    ];
    model.set_param(0, &weights[0]);
    model.set_param(2, &weights[1]);
    (model, weights)
}

/// Gradients of the block's mean squared error by candle: of x, then of w1, b1, w2, b2.
fn by_autograd(x: Vec<f32>, labels: &[u8], weights: &[Vec<f32>; 2]) -> candle_core::Result<(Vec<f32>, Vec<Vec<f32>>)> {
    let (cpu, rows) = (&Device::Cpu, labels.len());
    let inputs = x.len() / rows;
    let x = Var::from_vec(x, (rows, inputs), cpu)?;
    let w1 = Var::from_slice(&weights[0], (UNITS, inputs), cpu)?;
    let b1 = Var::from_vec(vec![0f32; UNITS], UNITS, cpu)?;
    let w2 = Var::from_slice(&weights[1], (1, UNITS), cpu)?;
    let b2 = Var::from_vec(vec![0f32; 1], 1, cpu)?;
    let y = Tensor::from_iter(labels.iter().map(|&label| f32::from(label)), cpu)?;
    let h = x.matmul(&w1.t()?)?.broadcast_add(&b1)?.relu()?.affine(1.0, -SHIFT)?; // [rows, units]
    let out = h.matmul(&w2.t()?)?.broadcast_add(&b2)?.squeeze(1)?; // [rows]
    let gradients = (out - y)?.sqr()?.mean_all()?.backward()?;
    let of = |var: &Var| gradients.get(var).expect("the loss depends on it").flatten_all()?.to_vec1::<f32>();
    Ok((of(&x)?, [&w1, &b1, &w2, &b2].into_iter().map(of).collect::<candle_core::Result<_>>()?))
}

fn add_scaled(total: &mut [Vec<f32>], part: impl IntoIterator<Item = Vec<f32>>, share: f32) {
    for (total, part) in total.iter_mut().zip(part) {
        total.resize(part.len(), 0.0);
        total.iter_mut().zip(part).for_each(|(t, p)| *t += share * p);
    }
}

/// The largest |a − b|/(1e-5 + 1e-3·|b|) of `share` times the values.
fn disagreement(a: &[f32], b: &[f32], share: f32) -> f64 {
    let of = |(&a, &b): (&f32, &f32)| {
        let (a, b) = (f64::from(share * a), f64::from(share * b));
        (a - b).abs() / (1e-5 + 1e-3 * b.abs())
    };
    a.iter().zip(b).map(of).fold(0.0, larger)
}

/// The larger of two numbers; NaN if one of them is, which `max` would pass over.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
