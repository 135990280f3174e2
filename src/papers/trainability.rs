//! Schoenholz et al. 2017: how deep a tanh network trains, point by point beside a public replication.

use std::sync::Arc;

use rayon::prelude::*;

use super::figure::{Claim, Figure, Measured};
use super::outcome::{Outcome, Table};
use super::setting::Setting;
use super::training::{evaluations, experiment, first_images, plan};
use crate::data::{Dataset, Part, Prepared, Split};
use crate::train::TrainError;

/// Depth, σ_w², ξ_c, accuracy, and the accuracy one step of the replication's grid further in σ_w² (0.034): how much two such
/// trainings differ by chance.
const POINTS: &str = include_str!("trainability.csv");

/// Images that accuracy is taken on.
const IMAGES: usize = 10_000;
/// Depth in units of ξ_c up to which a network is expected to train: what fits the replication's whole grid best of 4.5, 5 and 6.
const REACH: f64 = 5.0;
/// Accuracies from here on count as trained.
const TRAINED: f64 = 0.5;
/// A difference of accuracies that is small beside the span from chance to 0.85.
const CLOSE: f64 = 0.1;

const CONFIG: &str = "
data = { range = [-0.5, 0.5] }
model = { kind = 'mlp', width = 300, depth = 9, activation = 'tanh' }
init.weight = { kind = 'kaiming_normal', mode = 'fan_out', gain = 1.0 }
init.bias = { kind = 'normal', std = 0.223606797749979 }
optimizer.lr = 0.001
train = { steps = 201, batch_size = 256, evaluate_every = 201 }
stats = { every = 0, histogram_every = 0 }
";

/// One point of the replication's grid.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    depth: usize,
    variance_w: f64,
    xi: f64,
    theirs: f64,
    neighbour: f64,
}

impl Point {
    fn expected(&self) -> bool {
        self.depth as f64 <= REACH * self.xi
    }
}

fn points() -> Vec<Point> {
    let point = |line: &str| {
        let number = |i: usize| line.split(',').nth(i).and_then(|x| x.parse().ok()).expect("a number in each column");
        let depth = number(0) as usize;
        Point { depth, variance_w: number(1), xi: number(2), theirs: number(3), neighbour: number(4) }
    };
    POINTS.lines().skip(1).map(point).collect()
}

pub(super) fn parts(seeds: usize) -> usize {
    seeds * points().len()
}

/// Trains every point, and compares.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let data = &tested_on_training_images(setting.images())?;
    let mut points = points();
    // The longest first, so that no core is left with one at the end.
    points.sort_by_key(|point| std::cmp::Reverse(point.depth));
    let jobs: Vec<(Point, u64)> =
        points.into_iter().flat_map(|point| (0..setting.seeds as u64).map(move |seed| (point, seed))).collect();
    let one = |(point, seed): (Point, u64)| {
        let Point { depth, variance_w, .. } = point;
        let gain = variance_w.sqrt();
        let sets = [format!("model.depth={}", depth - 1), format!("init.weight.gain={gain:?}")];
        let rows = evaluations(plan(experiment(CONFIG, &sets, seed), data)?)?;
        (setting.done)();
        // One that diverged guesses.
        Ok((point, rows.last().map_or(0.1, |row| row.test_accuracy)))
    };
    let found: Result<Vec<(Point, f64)>, TrainError> = jobs.into_par_iter().with_max_len(1).map(one).collect();
    Ok(outcome(found?))
}

/// The data with training images in the place of the test images, so that an evaluation is of these.
fn tested_on_training_images(data: &Prepared) -> Result<Prepared, TrainError> {
    let dataset = Dataset { test: first_images(data, Part::Train, IMAGES), ..data.dataset().clone() };
    Ok(Prepared::new(Arc::new(dataset), Split::Usual).expect("the usual split takes any number of images"))
}

fn outcome(mut found: Vec<(Point, f64)>) -> Outcome {
    found.sort_by(|(a, _), (b, _)| a.depth.cmp(&b.depth).then(a.variance_w.total_cmp(&b.variance_w)));
    let of = found.len();
    let count = |holds: &dyn Fn(&Point, f64) -> bool| found.iter().filter(|(point, ours)| holds(point, *ours)).count();
    let share = |holds: &dyn Fn(&Point, f64) -> bool| Measured::Share { hits: count(holds), of };
    let theirs = |holds: &dyn Fn(&Point) -> bool| count(&|point, _| holds(point)) as f64 / of as f64;
    let trained = |accuracy: f64| accuracy >= TRAINED;
    let beside = |name: &str, theirs: f64, place: &str, ours: Measured| Figure {
        published: Some(theirs),
        place: place.into(),
        ..Figure::claimed(name, ours, Claim::Agrees)
    };
    let figures = vec![
        beside(
            "trained up to 5 xi_c and not beyond",
            theirs(&|point| trained(point.theirs) == point.expected()),
            "the replication at the same points; over its whole grid 0.945",
            share(&|point, ours| trained(ours) == point.expected()),
        ),
        beside(
            "trained where the replication is and not elsewhere",
            theirs(&|point| trained(point.theirs) == trained(point.neighbour)),
            "the replication one step of its grid (0.034 in sigma_w^2) further",
            share(&|point, ours| trained(point.theirs) == trained(ours)),
        ),
        beside(
            "accuracy within 0.1 of the replication's",
            theirs(&|point| (point.theirs - point.neighbour).abs() <= CLOSE),
            "the replication one step of its grid further",
            share(&|point, ours| (point.theirs - ours).abs() <= CLOSE),
        ),
    ];
    Outcome { figures, table: Some(table(&found)) }
}

/// A row for each σ_w², a column for each depth: theirs and ours, in per cent.
fn table(found: &[(Point, f64)]) -> Table {
    let mut depths: Vec<usize> = found.iter().map(|(point, _)| point.depth).collect();
    depths.dedup();
    let mut variances: Vec<f64> = found.iter().map(|(point, _)| point.variance_w).collect();
    variances.sort_by(f64::total_cmp);
    variances.dedup();
    let percent = |x: f64| format!("{:.0}", 100.0 * x);
    let row = |variance: f64| {
        let here: Vec<&(Point, f64)> = found.iter().filter(|(point, _)| point.variance_w == variance).collect();
        let cell = |depth: &usize| {
            let all: Vec<_> = here.iter().filter(|(point, _)| point.depth == *depth).collect();
            let Some((point, _)) = all.first() else { return String::new() };
            let ours: Vec<String> = all.iter().map(|(_, ours)| percent(*ours)).collect();
            let sign = if point.expected() { "+" } else { "-" };
            format!("{}/{} {sign}", percent(point.theirs), ours.join(" "))
        };
        let first = format!("{variance:.3} ({:.1})", here[0].0.xi);
        std::iter::once(first).chain(depths.iter().map(cell)).collect()
    };
    Table {
        caption: "Accuracy in per cent, theirs/ours, by sigma_w^2 (with xi_c) and depth; + where the depth is at most 5 xi_c.".into(),
        header: std::iter::once("sigma_w^2 (xi_c)".into()).chain(depths.iter().map(usize::to_string)).collect(),
        rows: variances.into_iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::theory::length::LengthMap;
    use crate::theory::mean_field::mean_field;

    #[test]
    fn the_depth_scales_are_those_of_this_crate_for_a_bias_variance_of_5_per_cent() {
        let points = points();
        assert!(points.len() >= 120);
        for point in points {
            let map = LengthMap::new(Activation::Tanh, point.variance_w, 0.05).unwrap();
            let xi = mean_field(&map).xi.unwrap();
            // The replication's own are up to 3.3 % off near the critical line.
            assert!((xi / point.xi - 1.0).abs() < 0.04, "{point:?}: {xi}");
        }
    }

    #[test]
    fn a_replay_of_their_own_numbers_agrees_and_one_turned_round_does_not() {
        let theirs = outcome(points().into_iter().map(|point| (point, point.theirs)).collect());
        assert!(theirs.figures.iter().all(|figure| figure.inside() == Some(true)), "{:?}", theirs.figures);
        let turned = outcome(points().into_iter().map(|point| (point, 0.9 - point.theirs)).collect());
        assert!(turned.figures.iter().all(|figure| figure.inside() == Some(false)));
        let table = theirs.table.unwrap();
        assert!(table.rows.iter().all(|row| row.len() == table.header.len()));
    }
}
