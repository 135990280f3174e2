//! Mishkin & Matas 2016: their thin net on MNIST from orthonormal weights of unit output variance.

use rayon::prelude::*;

use super::figure::{Claim, Figure, Measured};
use super::outcome::Outcome;
use super::setting::Setting;
use super::training::{evaluations, experiment, plan};
use crate::train::TrainError;

/// Steps at which the published log's accuracies are read, with the words for each.
const AT: [(u64, &str); 2] = [(1500, "1,500"), (3500, "3,500")];

/// Caffe rounds the second pooling's output up, to 6 pixels; a border of one pixel does so here.
const CONFIG: &str = "
data = { range = [0.0, 1.02] }
optimizer = { kind = 'rmsprop', lr = 0.002, alpha = 0.99, weight_decay = 0.0005 }
train = { steps = 3500, batch_size = 64, evaluate_every = 500, loss = 'hinge' }
stats = { every = 0, histogram_every = 0 }
[model]
kind = 'cnn'
activation = 'relu'
head = 'flatten'
dropout = 0.3
stages = [
    { channels = 16, layers = 2, pool = { kind = 'max', kernel = 4, stride = 2 } },
    { channels = 16, layers = 2, pool = { kind = 'max', kernel = 4, stride = 2, padding = 1 } },
    { channels = 12, layers = 2, pool = { kind = 'max', kernel = 2, stride = 2 } },
]
[init]
weight = { kind = 'orthogonal', gain = 1.0 }
bias = 'zeros'
lsuv = { of = 'pre_activation', mean = 'keep', tolerance = 0.01, max_iterations = 20, images = 64 }
";

pub(super) fn parts(seeds: usize) -> usize {
    seeds
}

/// Test accuracy of every seed at the published steps.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let one = |seed: u64| {
        let rows = evaluations(plan(experiment(CONFIG, &[], seed), setting.images())?)?;
        (setting.done)();
        Ok(rows)
    };
    let seeds: Vec<u64> = (0..setting.seeds as u64).collect();
    let runs: Result<Vec<_>, TrainError> = seeds.into_par_iter().with_max_len(1).map(one).collect();
    let runs = runs?;
    let figure = |(step, words): (u64, &str)| {
        let at = |rows: &Vec<crate::record::rows::EpochRow>| {
            rows.iter().find(|row| row.step == step).map(|row| row.test_accuracy)
        };
        let values = runs.iter().map(at).collect();
        Figure::claimed(format!("accuracy after {words} iterations"), Measured::Accuracy { values }, Claim::Agrees)
    };
    Ok(Outcome { figures: AT.map(figure).into(), table: None })
}
