//! LSUV as notebook 07a does it: the shift first, the weight second, so that the means end off zero.

use super::images::LessonImages;
use crate::activation::{Activation, ReluForm};
use crate::data::Part;
use crate::model::cpu::CpuModel;
use crate::model::lsuv::{Goal, LsuvError, to_unit_std};
use crate::model::objective::{Loss, Targets};
use crate::model::observe::{Observe, Observed};
use crate::model::{Network, Role};
use crate::record::statistics::Moments;
use crate::train::Plan;

/// How close is close enough, for mean and std.
const TOLERANCE: f64 = 1e-3;
/// Moves or rescalings of one layer; the notebook has no bound.
const MAX_ITERATIONS: usize = 50;

/// A plan's network at its start, with the first batch of its training before it.
pub(super) struct FirstBatch<'a> {
    model: CpuModel,
    images: &'a LessonImages,
    batch: Vec<u32>,
}

impl<'a> FirstBatch<'a> {
    pub(super) fn new(plan: &Plan, images: &'a LessonImages) -> Self {
        let mut model = CpuModel::new(plan.network.clone(), 1);
        for (i, values) in plan.start.iter().enumerate() {
            model.set_param(i, values);
        }
        Self { model, images, batch: images.batch(plan.experiment.seed) }
    }

    fn network(&self) -> &Network {
        self.model.network()
    }

    fn observe(&mut self) -> &Observed {
        let labels = vec![0; self.batch.len()];
        let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| {
            self.images.data.gather(Part::Train, &self.batch[rows], out);
        };
        // The loss is not looked at.
        let observe = Observe { statistics: true, ..Observe::default() };
        self.model.forward_training(labels.len(), fill, Targets::Labels(&labels), Loss::CrossEntropy, &observe)
    }

    /// Mean and std of every hidden layer's activation.
    pub(super) fn activations(&mut self) -> Vec<Moments> {
        self.observe();
        let layers = self.network().observed.iter().zip(&self.model.seen().observations);
        let hidden = layers.filter(|(layer, _)| layer.activation != Activation::Identity);
        hidden.map(|(_, observation)| Moments::of(&observation.activation)).collect()
    }

    fn mean_and_std(&mut self, layer: usize) -> (f64, f64) {
        let sums = &self.observe().observations[layer].activation;
        (sums.mean(), sums.std())
    }

    /// Moves each layer's shift until its mean is 0, then scales its weight until its std is 1.
    fn lsuv(&mut self) -> Result<(), LsuvError> {
        for layer in 0..self.network().observed.len() {
            let observed = self.network().observed[layer].clone();
            let Some(ReluForm { leak, mut shift, .. }) = observed.activation.relu_form() else { continue };
            for _ in 0..MAX_ITERATIONS {
                let (mean, _) = self.mean_and_std(layer);
                if mean.abs() <= TOLERANCE {
                    break;
                }
                shift += mean;
                self.model.set_activation(&observed.name, Activation::GeneralRelu { leak, shift, max: None });
            }
            let weight = observed.weight.filter(|&i| self.network().params[i].role == Role::Weight);
            let range = self.network().params[weight.expect("a convolution has a weight")].range();
            let goal = Goal {
                layer: &observed.name,
                images: self.batch.len(),
                tolerance: TOLERANCE,
                max_iterations: MAX_ITERATIONS,
            };
            let measure = |batch: &mut Self| batch.mean_and_std(layer);
            to_unit_std(self, &goal, measure, |batch, std| {
                batch.model.flat_params_mut()[range.clone()].iter_mut().for_each(|w| *w /= std as f32);
            })?;
        }
        Ok(())
    }
}

/// Rescales `plan` as the notebook does.
///
/// # Errors
/// Names the layer whose std cannot be brought to 1.
pub(super) fn shift_first(plan: &mut Plan, images: &LessonImages) -> Result<(), LsuvError> {
    let mut batch = FirstBatch::new(plan, images);
    batch.lsuv()?;
    plan.network = batch.model.network().clone();
    plan.start = (0..plan.network.params.len()).map(|i| batch.model.param(i).into_owned()).collect();
    Ok(())
}
