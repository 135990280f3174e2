//! Saxe et al. 2014: deep linear networks, from orthogonal and from Gaussian weights.

use rayon::prelude::*;

use super::figure::{Claim, Figure, Measured, sample};
use super::outcome::{Outcome, Table};
use super::setting::Setting;
use super::training::{evaluations, experiment, plan};
use crate::inference::spread::median;
use crate::train::TrainError;

/// Hidden layers.
const DEPTHS: [usize; 3] = [4, 16, 64];
/// Learning rates that each start is tried with at each depth, in a geometric row.
const RATES: [f64; 6] = [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08];
/// Weights of the same variance, 1/fan_in in square layers.
const STARTS: [(&str, &str); 2] =
    [("orthogonal", "{ kind = 'orthogonal', gain = 1.0 }"), ("Gaussian", "{ kind = 'kaiming_normal', gain = 1.0 }")];
/// Steps after which a run has not learnt.
const MOST: usize = 600;
/// Test accuracy that a run is to reach; a linear map of MNIST ends at about 0.85.
const TARGET: f64 = 0.7;
/// Times as many steps at the greatest depth as at the least that count as no growth.
const GROWTH: f64 = 2.0;

const CONFIG: &str = "
model = { kind = 'mlp', width = 64, depth = 4, activation = 'identity', bias = false }
init.bias = 'zeros'
optimizer.lr = 0.1
train = { steps = 600, batch_size = 128, evaluate_every = 20, target_accuracy = 0.7, loss = 'mse' }
stats = { every = 0, histogram_every = 0 }
";

pub(super) fn parts(seeds: usize) -> usize {
    seeds * STARTS.len() * DEPTHS.len() * RATES.len()
}

/// Steps to the target of every start, depth, rate and seed; then the best rate of each start and depth, by the median.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let mut jobs = Vec::new();
    // The deepest first, so that no core is left with one at the end.
    for depth in DEPTHS.into_iter().rev() {
        for (start, _) in STARTS.iter().enumerate() {
            for rate in RATES {
                jobs.extend((0..setting.seeds as u64).map(|seed| (depth, start, rate, seed)));
            }
        }
    }
    let one = |(depth, start, rate, seed): (usize, usize, f64, u64)| {
        let weight = STARTS[start].1;
        let sets = [format!("model.depth={depth}"), format!("init.weight={weight}"), format!("optimizer.lr={rate:?}")];
        let rows = evaluations(plan(experiment(CONFIG, &sets, seed), setting.images())?)?;
        (setting.done)();
        let reached =
            rows.last().filter(|row| row.test_accuracy >= TARGET).map_or(f64::INFINITY, |row| row.step as f64);
        Ok(((depth, start, rate.to_bits()), reached))
    };
    let found: Result<Vec<_>, TrainError> = jobs.into_par_iter().with_max_len(1).map(one).collect();
    let found = found?;
    let steps = |depth: usize, start: usize, rate: f64| -> Vec<f64> {
        let of = |(key, _): &&((usize, usize, u64), f64)| *key == (depth, start, rate.to_bits());
        found.iter().filter(of).map(|(_, steps)| *steps).collect()
    };
    let best = |depth: usize, start: usize| {
        let all = RATES.into_iter().map(|rate| (rate, steps(depth, start, rate)));
        all.min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b))).expect("there are rates")
    };
    let (least, most) = (DEPTHS[0], DEPTHS[DEPTHS.len() - 1]);
    let ratio = |a: &[f64], b: &[f64]| sample(a.iter().zip(b).map(|(a, b)| a / b));
    let mut figures = Vec::new();
    for (start, (name, _)) in STARTS.iter().enumerate() {
        for depth in DEPTHS {
            let measured = sample(best(depth, start).1);
            figures.push(Figure::shown(format!("{name}, {depth} layers: steps to 70 %"), measured));
        }
    }
    let growth = ratio(&best(most, 0).1, &best(least, 0).1);
    let name = format!("orthogonal: steps at {most} layers over those at {least}");
    figures.push(Figure::claimed(name, growth, Claim::Below { bound: GROWTH }));
    let name = format!("steps at {most} layers, Gaussian over orthogonal");
    let (gaussian, orthogonal) = (best(most, 1).1, best(most, 0).1);
    figures.push(if gaussian.iter().all(|steps| steps.is_infinite()) {
        let learnt = Measured::Share { hits: 0, of: gaussian.len() };
        Figure::claimed(format!("Gaussian, {most} layers: runs that reach 70 %"), learnt, Claim::Below { bound: 1.0 })
    } else {
        Figure::claimed(name, ratio(&gaussian, &orthogonal), Claim::Above { bound: 1.0 })
    });
    let row = |(start, depth): (usize, usize)| {
        let cell = |rate: &f64| {
            let middle = median(&steps(depth, start, *rate));
            if middle.is_finite() { format!("{middle:.0}") } else { format!("> {MOST}") }
        };
        [STARTS[start].0.to_string(), depth.to_string()].into_iter().chain(RATES.iter().map(cell)).collect()
    };
    let all = (0..STARTS.len()).flat_map(|start| DEPTHS.map(|depth| (start, depth)));
    let table = Table {
        caption: "Steps to 70 % test accuracy by start, hidden layers and learning rate, median over seeds.".into(),
        header: ["start", "layers"].into_iter().map(String::from).chain(RATES.map(|rate| rate.to_string())).collect(),
        rows: all.map(row).collect(),
    };
    Ok(Outcome { figures, table: Some(table) })
}
