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
    let one = |(depth, start, rate, seed): (usize, usize, f64, u64)| {
        let weight = STARTS[start].1;
        let sets = [format!("model.depth={depth}"), format!("init.weight={weight}"), format!("optimizer.lr={rate:?}")];
        let rows = evaluations(plan(experiment(CONFIG, &sets, seed), setting.images())?)?;
        (setting.done)();
        let reached =
            rows.last().filter(|row| row.test_accuracy >= TARGET).map_or(f64::INFINITY, |row| row.step as f64);
        Ok(((depth, start, rate.to_bits()), reached))
    };
    let found: Result<_, TrainError> = jobs(setting.seeds).into_par_iter().with_max_len(1).map(one).collect();
    let found = Reached(found?);
    let mut figures = found.by_depth();
    figures.extend(found.claims());
    Ok(Outcome { figures, table: Some(found.table()) })
}

/// Depth, start, rate and seed of every run, the deepest first, so that no core is left with one at the end.
fn jobs(seeds: usize) -> Vec<(usize, usize, f64, u64)> {
    let mut jobs = Vec::new();
    for depth in DEPTHS.into_iter().rev() {
        for (start, _) in STARTS.iter().enumerate() {
            for rate in RATES {
                jobs.extend((0..seeds as u64).map(|seed| (depth, start, rate, seed)));
            }
        }
    }
    jobs
}

/// The steps that each run took to the target, with its depth, start and the bits of its rate, seed by seed; infinite of those that did not
/// reach it.
struct Reached(Vec<((usize, usize, u64), f64)>);

impl Reached {
    fn steps(&self, depth: usize, start: usize, rate: f64) -> Vec<f64> {
        let of = |(key, _): &&((usize, usize, u64), f64)| *key == (depth, start, rate.to_bits());
        self.0.iter().filter(of).map(|(_, steps)| *steps).collect()
    }

    /// The steps at the rate whose median is the least.
    fn best(&self, depth: usize, start: usize) -> Vec<f64> {
        let all = RATES.into_iter().map(|rate| self.steps(depth, start, rate));
        all.min_by(|a, b| median(a).total_cmp(&median(b))).expect("there are rates")
    }

    fn by_depth(&self) -> Vec<Figure> {
        let of = |(start, depth): (usize, usize)| {
            let name = format!("{}, {depth} layers: steps to 70 %", STARTS[start].0);
            Figure::shown(name, sample(self.best(depth, start)))
        };
        cells().map(of).collect()
    }

    /// Depth costs orthogonal weights no steps, and Gaussian ones many, or all.
    fn claims(&self) -> [Figure; 2] {
        let (least, most) = (DEPTHS[0], DEPTHS[DEPTHS.len() - 1]);
        let ratio = |a: &[f64], b: &[f64]| sample(a.iter().zip(b).map(|(a, b)| a / b));
        let (gaussian, orthogonal) = (self.best(most, 1), self.best(most, 0));
        let growth = ratio(&orthogonal, &self.best(least, 0));
        let name = format!("orthogonal: steps at {most} layers over those at {least}");
        let growth = Figure::claimed(name, growth, Claim::Below { bound: GROWTH });
        let beside = if gaussian.iter().all(|steps| steps.is_infinite()) {
            let learnt = Measured::Share { hits: 0, of: gaussian.len() };
            let name = format!("Gaussian, {most} layers: runs that reach 70 %");
            Figure::claimed(name, learnt, Claim::Below { bound: 1.0 })
        } else {
            let name = format!("steps at {most} layers, Gaussian over orthogonal");
            Figure::claimed(name, ratio(&gaussian, &orthogonal), Claim::Above { bound: 1.0 })
        };
        [growth, beside]
    }

    fn table(&self) -> Table {
        let row = |(start, depth): (usize, usize)| {
            let cell = |rate: &f64| {
                let middle = median(&self.steps(depth, start, *rate));
                if middle.is_finite() { format!("{middle:.0}") } else { format!("> {MOST}") }
            };
            [STARTS[start].0.to_string(), depth.to_string()].into_iter().chain(RATES.iter().map(cell)).collect()
        };
        let rates = RATES.map(|rate| rate.to_string());
        Table {
            caption: "Steps to 70 % test accuracy by start, hidden layers and learning rate, median over seeds.".into(),
            header: ["start", "layers"].into_iter().map(String::from).chain(rates).collect(),
            rows: cells().map(row).collect(),
        }
    }
}

/// Every start with every depth.
fn cells() -> impl Iterator<Item = (usize, usize)> {
    (0..STARTS.len()).flat_map(|start| DEPTHS.map(|depth| (start, depth)))
}
