//! Lu et al. 2020: ReLU networks that are born dead, and what becomes of them.

use rayon::prelude::*;

use super::chain::{Chain, length};
use super::figure::{Claim, Figure, Measured};
use super::outcome::Outcome;
use super::setting::Setting;
use super::training::{evaluations, experiment, plan};
use crate::data::Part;
use crate::init::{BiasInit, FanMode, Gain, InitRule, WeightInit};
use crate::model::cpu::CpuModel;
use crate::model::objective::Targets;
use crate::model::observe::Observe;
use crate::rng::{rng, standard_normals};
use crate::theory::norm_law::{NormStep, dead};
use crate::train::{Plan, TrainError};

/// Units of each hidden layer.
const WIDTHS: [usize; 4] = [2, 3, 5, 10];
/// Hidden layers.
const DEPTH: usize = 9;

/// Kaiming's normal weights, and biases of 0 where there are any.
const SYMMETRIC: InitRule = InitRule {
    weight: WeightInit::KaimingNormal { mode: FanMode::FanIn, gain: Gain::Given(std::f64::consts::SQRT_2) },
    bias: BiasInit::Zeros,
};
/// Randomised asymmetric weights and biases.
const ASYMMETRIC: InitRule = InitRule { weight: WeightInit::Rai, bias: BiasInit::Rai };

pub(super) fn parts(_: usize) -> usize {
    2 * WIDTHS.len()
}

/// The share of networks that are dead for one input, from both starts.
pub(super) fn at_the_start(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let share = |width: usize, bias: bool, rule: InitRule, name: &str| {
        let chain = Chain { inputs: 1, width, depth: DEPTH, bias };
        let is_dead = |model: &mut CpuModel, seed: u64| {
            let x = standard_normals(&mut rng(seed, "papers/dying-relu/input"), 1)[0] as f32;
            length(model, rule, (seed, name), &[x]) == 0.0
        };
        let all = (0..setting.seeds as u64).into_par_iter();
        let hits = all.map_init(|| chain.model(), is_dead).filter(|dead| *dead).count();
        (setting.done)();
        Measured::Share { hits, of: setting.seeds }
    };
    let mut figures = Vec::new();
    for width in WIDTHS {
        let theory = dead(&[NormStep { variance_w: 2.0, width, rectified: true }; DEPTH]);
        let symmetric = share(width, false, SYMMETRIC, "dying-relu/symmetric");
        figures.push(Figure::exact(format!("born dead, width {width}"), theory, symmetric));
        let asymmetric = share(width, true, ASYMMETRIC, "dying-relu/asymmetric");
        let claim = Claim::Below { bound: theory };
        figures.push(Figure::claimed(format!("born dead, width {width}, asymmetric"), asymmetric, claim));
    }
    Ok(Outcome { figures, table: None })
}

const TRAINING: &str = "
model = { kind = 'mlp', width = 3, depth = 10, activation = 'relu' }
optimizer = { kind = 'adam', lr = 0.003 }
train = { steps = 500, batch_size = 128, evaluate_every = 500 }
stats = { every = 0, histogram_every = 0 }
";
/// Accuracies below this are those of guessing: MNIST's largest class has 11.4 % of the images.
const CHANCE: f64 = 0.15;
/// Images on which a network is to be dead.
const IMAGES: usize = 1000;

pub(super) fn training_parts(seeds: usize) -> usize {
    2 * seeds
}

/// The share of runs that stay at chance, from both starts, and what becomes of those born dead.
pub(super) fn in_training(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let starts = ["kaiming", "rai"].map(|preset| {
        let run = |seed: u64| {
            let experiment = experiment(TRAINING, &[format!("init.preset={preset}")], seed);
            let plan = plan(experiment, setting.images())?;
            let born_dead = is_dead(&plan);
            let last = evaluations(plan)?.last().map_or(0.0, |row| row.test_accuracy);
            (setting.done)();
            Ok((born_dead, last < CHANCE))
        };
        (0..setting.seeds as u64).into_par_iter().map(run).collect::<Result<Vec<_>, TrainError>>()
    });
    let [symmetric, asymmetric] = starts;
    let (symmetric, asymmetric) = (symmetric?, asymmetric?);
    let count = |runs: &[(bool, bool)], of: fn(&(bool, bool)) -> bool| runs.iter().filter(|run| of(run)).count();
    let share = |runs: &[(bool, bool)], of| Measured::Share { hits: count(runs, of), of: runs.len() };
    let stuck = count(&symmetric, |run| run.1);
    let born = count(&symmetric, |run| run.0);
    let mut figures = vec![
        Figure::shown("born dead on 1,000 images", share(&symmetric, |run| run.0)),
        Figure::shown("at chance after training", share(&symmetric, |run| run.1)),
        Figure::shown("born dead on 1,000 images, asymmetric", share(&asymmetric, |run| run.0)),
        Figure::claimed(
            "at chance after training, asymmetric",
            share(&asymmetric, |run| run.1),
            Claim::Below { bound: stuck as f64 / symmetric.len() as f64 },
        ),
    ];
    if born > 0 {
        let both = count(&symmetric, |run| run.0 && run.1);
        figures.push(Figure::exact(
            "born dead: at chance after training",
            1.0,
            Measured::Share { hits: both, of: born },
        ));
    }
    Ok(Outcome { figures, table: None })
}

/// True if the last hidden layer is 0 for each of the first [`IMAGES`] test images.
fn is_dead(plan: &Plan) -> bool {
    let mut model = CpuModel::new(plan.network.clone(), 1);
    plan.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    let n = IMAGES.min(plan.data.len(Part::Test));
    let indices: Vec<u32> = (0..n as u32).collect();
    let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| plan.data.gather(Part::Test, &indices[rows], out);
    let targets = Targets::Labels(&plan.data.labels(Part::Test)[..n]);
    let observe = Observe { statistics: true, ..Observe::default() };
    let seen = model.evaluate(n, fill, targets, plan.loss, &observe);
    // The last of all is the output.
    seen.observations.iter().rev().nth(1).is_some_and(|hidden| hidden.activation.second_moment() == 0.0)
}
