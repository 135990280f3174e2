//! One seed: its network is drawn, the images go through it forwards and backwards, and every row is measured.

use std::sync::Arc;

use crate::cpu::moments::{Sums, variance};
use crate::cpu::observer::add_block;
use crate::inference::spread::mean;
use crate::model::cpu::CpuModel;
use crate::model::objective::{Targets, loss_and_gradient};
use crate::model::{Network, Role};
use crate::probe::jacobian::singular_values;
use crate::probe::rows::Row;
use crate::probe::sample::Sample;
use crate::train::Plan;

/// Measurements of one seed's network.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// One entry for each row.
    pub rows: Vec<RowMeasured>,
    /// Mean over the pairs of one class, and of different classes, of the squared correlation of the outputs' gradients.
    pub alike: [f64; 2],
    /// Singular values of the input–output Jacobian at the first image, falling; empty if not asked for.
    pub singular_values: Vec<f64>,
}

/// One row of one seed.
#[derive(Clone, Debug, Default)]
pub(super) struct RowMeasured {
    /// z.
    pub z: Moments,
    /// h; the same as z where no activation follows.
    pub h: Moments,
    /// ∂loss/∂z of each image's own loss, where it can be seen.
    pub gradient: Option<Moments>,
    /// Mean correlation over the pairs of one class.
    pub same: Option<f64>,
    /// Mean correlation over the pairs of different classes.
    pub different: Option<f64>,
    /// Mean square of h for the first image alone.
    pub first_image: f64,
    /// fan_in·Var(w) of the drawn weights.
    pub variance_w: Option<f64>,
}

/// Mean and second moment; NaN or infinite where a value was, or where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub mean: f64,
    pub second: f64,
    /// Largest size of a value.
    pub largest: f64,
}

impl Moments {
    fn of(sums: &Sums) -> Self {
        let largest = f64::from(sums.max.max(-sums.min));
        Self { mean: sums.mean(), second: sums.second_moment(), largest }
    }

    pub fn variance(&self) -> f64 {
        variance(self.mean, self.second)
    }

    /// True if values were lost: infinite or NaN, or all too small for a normal float.
    pub fn leaves_floats(&self) -> bool {
        !self.second.is_finite() || self.largest < f64::from(f32::MIN_POSITIVE)
    }
}

/// Measures the network of `plan` on `sample`; with `jacobian` its singular values too.
pub(super) fn measure(plan: &Plan, rows: &[Row], sample: &Sample, jacobian: bool) -> Measured {
    let network = Arc::new(plan.network.with_activations_apart());
    let mut model = CpuModel::new(Arc::clone(&network), 1);
    for (i, values) in plan.start.iter().enumerate() {
        model.set_param(i, values);
    }
    let mut found = vec![RowMeasured::default(); rows.len()];
    let mut index = 0;
    let classes = network.output().len();
    let mut alike = [0.0; 2];
    let gradient = |outputs: &[f32], gradient: &mut [f32]| {
        loss_and_gradient(plan.loss, outputs, classes, Targets::Labels(&sample.labels), 1.0, gradient);
        alike = [&sample.same, &sample.different].map(|pairs| {
            let squares: Vec<f64> = correlations(gradient, sample.len(), pairs).into_iter().map(|c| c * c).collect();
            if squares.is_empty() { 0.0 } else { mean(&squares) }
        });
    };
    let (observations, _) = model.inspect(&sample.images, gradient, |_, output| {
        for (row, found) in rows.iter().zip(&mut found) {
            if row.z == index {
                found.z = moments(output);
                found.h = found.z;
                found.first_image = moments(first(output, sample)).second;
                found.same = correlation(output, sample.len(), &sample.same);
                found.different = correlation(output, sample.len(), &sample.different);
            } else if row.h == Some(index) {
                found.h = moments(output);
                found.first_image = moments(first(output, sample)).second;
            }
        }
        index += 1;
    });
    let layers = network.flat_layers();
    for (row, found) in rows.iter().zip(&mut found) {
        found.gradient = layers[row.z].observation.map(|observation| Moments::of(&observations[observation].gradient));
        let weight = layers[row.layer].weight.filter(|&i| network.params[i].role == Role::Weight);
        found.variance_w = weight.map(|i| scaled_variance(&network, i, &plan.start[i]));
    }
    let singular_values =
        if jacobian { singular_values(&mut model, &sample.images[..network.input.len()]) } else { Vec::new() };
    Measured { rows: found, alike, singular_values }
}

/// fan_in times the mean square of a weight's values.
fn scaled_variance(network: &Network, index: usize, values: &[f32]) -> f64 {
    let squares: f64 = values.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
    network.params[index].fan_in as f64 * squares / values.len() as f64
}

/// The part of `values` that belongs to the first image.
fn first<'v>(values: &'v [f32], sample: &Sample) -> &'v [f32] {
    &values[..values.len() / sample.len()]
}

fn moments(values: &[f32]) -> Moments {
    let mut sums = Sums::default();
    values.chunks(2048).for_each(|block| add_block(&mut sums, block, 0.0));
    Moments::of(&sums)
}

/// Mean over `pairs` of x·x′/(|x||x′|), the rows of `values` being samples.
pub(super) fn correlation(values: &[f32], samples: usize, pairs: &[(usize, usize)]) -> Option<f64> {
    let all = correlations(values, samples, pairs);
    (!all.is_empty()).then(|| mean(&all))
}

/// x·x′/(|x||x′|) of each pair; pairs with a zero row are left out.
fn correlations(values: &[f32], samples: usize, pairs: &[(usize, usize)]) -> Vec<f64> {
    let len = values.len() / samples;
    let row = |i: usize| &values[i * len..(i + 1) * len];
    // The square of any float has room in an f64.
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let of = |&(a, b): &(usize, usize)| {
        let (x, y) = (row(a), row(b));
        let lengths = (dot(x, x) * dot(y, y)).sqrt();
        (lengths > 0.0).then(|| dot(x, y) / lengths)
    };
    pairs.iter().filter_map(of).collect()
}
