//! The sharpness of a network: the largest eigenvalue of the Hessian of its loss on given images.
//!
//! A product H·v is a central difference of gradients, (∇L(w + εv) − ∇L(w − εv))/2ε, summed over images in `f64`; Lanczos' method needs
//! a dozen. It begins at the gradient, which lies mostly in the space of the largest eigenvalues (Gur-Ari et al. 2018), with a random
//! part, so that it is orthogonal to nothing. Layers compute as in training, batch norm with the moments of all images, but nothing is
//! dropped.
//!
//! Where φ has kinks, a difference sees them as the loss does: the bend that they make on average over the images is part of the
//! curvature. Automatic differentiation leaves it out.

use std::ops::Range;

use crate::inference::lanczos::{Eigenvalue, Limits, largest};
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observe;
use crate::rng::{rng, standard_normals};

/// Length of εv over that of the weights: beyond the rounding of gradients in `f32`, and far below where curvature changes.
const STEP: f64 = 2e-4;
/// Share of the random part in the start.
const RANDOM: f64 = 0.3;
/// Images that one pass takes, so that no more shards than these need keep a gradient.
pub const PASS: usize = 512;
/// Residual over eigenvalue at which the eigenvalue is known to 1e-4 and better, where the next is not near.
const LIMITS: Limits = Limits { residual: 2e-3, products: 60 };

/// A network with the images on which its sharpness is measured.
pub struct Sharpness {
    model: CpuModel,
    samples: Vec<f32>,
    labels: Vec<u8>,
    loss: Loss,
    seed: u64,
}

impl Sharpness {
    /// For `samples` as the model asks for them, channels last; `seed` draws the random part of the start.
    ///
    /// # Panics
    /// If there is no sample.
    pub fn new(model: CpuModel, samples: Vec<f32>, labels: Vec<u8>, loss: Loss, seed: u64) -> Self {
        assert!(!labels.is_empty(), "sharpness is measured on images");
        Self { model, samples, labels, loss, seed }
    }

    /// The network, whose parameters are to be set.
    pub fn model_mut(&mut self) -> &mut CpuModel {
        &mut self.model
    }

    /// The largest eigenvalue at the network's parameters, which are as before afterwards.
    pub fn measure(&mut self) -> Eigenvalue {
        let at: Vec<f64> = self.model.flat_params().iter().map(|&w| f64::from(w)).collect();
        let mut start = vec![0.0; at.len()];
        self.gradient(&mut start);
        let size = norm(&start);
        let share = if size > 0.0 && size.is_finite() { 1.0 / size } else { 0.0 };
        let random = standard_normals(&mut rng(self.seed, "sharpness/start"), at.len());
        let random_share = RANDOM / norm(&random);
        start.iter_mut().zip(&random).for_each(|(x, r)| *x = *x * share + r * random_share);
        let step = STEP * norm(&at).max(f64::MIN_POSITIVE.sqrt());
        let mut behind = vec![0.0; at.len()];
        let found = largest(&start, LIMITS, |v, out| {
            self.gradient_at(&at, v, step, out);
            self.gradient_at(&at, v, -step, &mut behind);
            out.iter_mut().zip(&behind).for_each(|(out, behind)| *out = (*out - behind) / (2.0 * step));
        });
        self.place(&at, &[], 0.0);
        found
    }

    fn gradient_at(&mut self, at: &[f64], v: &[f64], step: f64, out: &mut [f64]) {
        self.place(at, v, step);
        self.gradient(out);
    }

    /// Sets the parameters to `at`, a step along `v` away.
    fn place(&mut self, at: &[f64], v: &[f64], step: f64) {
        let params = self.model.flat_params_mut();
        params.iter_mut().zip(at).for_each(|(w, &at)| *w = at as f32);
        params.iter_mut().zip(at).zip(v).for_each(|((w, at), v)| *w = (at + step * v) as f32);
    }

    /// The gradient of the mean loss over all images.
    fn gradient(&mut self, out: &mut [f64]) {
        let rows = self.labels.len();
        let pass = if self.model.network().running.is_empty() { PASS } else { rows };
        out.fill(0.0);
        for first in (0..rows).step_by(pass) {
            let part = first..(first + pass).min(rows);
            let share = part.len() as f64 / rows as f64;
            let len = self.model.network().input.len();
            let samples = &self.samples[part.start * len..part.end * len];
            let fill =
                |rows: Range<usize>, to: &mut [f32]| to.copy_from_slice(&samples[rows.start * len..rows.end * len]);
            let labels = Targets::Labels(&self.labels[part.clone()]);
            self.model.forward_backward(part.len(), fill, labels, self.loss, &Observe::default());
            out.iter_mut().zip(&*self.model.gradients_mut()).for_each(|(sum, &g)| *sum += share * f64::from(g));
        }
    }
}

fn norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}
