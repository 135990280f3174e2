//! One network: the sizes of its layers' pre-activations at the start, and of their change after each of its first steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Experiment;
use crate::data::{Part, Prepared, epoch_order};
use crate::model::cpu::CpuModel;
use crate::model::{Family, Layer};
use crate::train::engine::Compute;
use crate::train::sinks::{Sink, Step};
use crate::train::{Event, Plan, TrainError, train_into};

/// Images on which the layers are measured, at most: over so many a root mean square hardly depends on which ones they are.
const IMAGES: usize = 64;

/// Sizes of the layers with weights, each the root mean square over images and units; absent where the run has diverged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coordinates {
    /// The pre-activations at the start, `[layer]`.
    pub start: Vec<Option<f64>>,
    /// Their change since the start after each step, `[step][layer]`.
    pub changes: Vec<Vec<Option<f64>>>,
}

/// True of the layers that are measured.
pub(super) fn is_measured(layer: &Layer) -> bool {
    layer.op.family() == Family::Weights
}

/// Images on which a run of `experiment` is measured: the first of its first batch.
pub(super) fn images(experiment: &Experiment, data: &Prepared) -> usize {
    IMAGES.min(experiment.train.batch_size).min(data.len(Part::Train))
}

/// Takes so many steps of `plan` on one thread, and measures after each, on the first images of the first batch. The plan must be longer
/// than that.
///
/// # Errors
/// None on the CPU but those of its libraries.
pub fn coordinates(plan: &Plan, steps: usize) -> Result<Coordinates, TrainError> {
    let mut model = CpuModel::new(Arc::new(plan.network.with_activations_apart()), 1);
    plan.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    let mut indices = epoch_order(plan.experiment.seed, 0, plan.data.len(Part::Train));
    indices.truncate(images(&plan.experiment, &plan.data));
    let mut samples = vec![0.0; indices.len() * plan.data.values_per_image()];
    plan.data.gather(Part::Train, &indices, &mut samples);
    let mut start = Vec::new();
    model.look(&samples, |layer, z| {
        if is_measured(layer) {
            start.push(z.to_vec());
        }
    });
    let mut found = Coordinates { start: start.iter().map(|z| size(z.iter().copied())).collect(), changes: Vec::new() };
    let listener = Listener { model, samples, start, changes: &mut found.changes };
    let enough = AtomicBool::new(false);
    train_into(plan, &Compute::Cpu { threads: 1 }, vec![Box::new(listener)], &enough, |event| match event {
        Event::Step { row, .. } => enough.store(row.step + 1 >= steps as u64, Ordering::Relaxed),
        Event::Begin { .. } | Event::Evaluated { .. } => {}
    })?;
    found.changes.resize(steps, vec![None; found.start.len()]);
    Ok(found)
}

/// Measures the network's change after every step.
struct Listener<'a> {
    /// The network with its activations apart.
    model: CpuModel,
    /// Channels last, `[image, values]`.
    samples: Vec<f32>,
    /// Every layer's pre-activations at the start.
    start: Vec<Vec<f32>>,
    changes: &'a mut Vec<Vec<Option<f64>>>,
}

impl Sink for Listener<'_> {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        // A step without an update has ended the run.
        if step.updated.is_none() {
            return Ok(());
        }
        for (i, values) in step.weights()?.params.iter().enumerate() {
            self.model.set_param(i, values);
        }
        let Self { model, samples, start, changes } = self;
        let (mut before, mut sizes) = (start.iter(), Vec::with_capacity(start.len()));
        model.look(samples, |layer, z| {
            if is_measured(layer) {
                let before = before.next().expect("the same layers were looked at before");
                sizes.push(size(z.iter().zip(before).map(|(now, before)| now - before)));
            }
        });
        changes.push(sizes);
        Ok(())
    }
}

/// The root mean square, where it is finite.
fn size(values: impl ExactSizeIterator<Item = f32>) -> Option<f64> {
    let n = values.len() as f64;
    let squares: f64 = values.map(|x| f64::from(x) * f64::from(x)).sum();
    Some((squares / n).sqrt()).filter(|size| size.is_finite())
}
