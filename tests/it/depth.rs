//! Probe and theory foretell what became of a start in training: the recorded outcomes of `configs/calibration`,
//! which `docs/depth.md` explains.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use initlab::config::Experiment;
use initlab::data::{Choice, Prepared, Request, Split, load};
use initlab::probe::record::Trend;
use initlab::probe::{Probe, probe};
use initlab::study::Study;
use initlab::study::predict::predicted_depths;
use initlab::theory::trainable::Course;

/// A start at one depth, trained at its best rate.
#[derive(Clone, Debug)]
struct Cell {
    start: String,
    depth: usize,
    accuracies: Vec<f64>,
    /// Factors that the probe measured on MNIST, forwards and backwards.
    factors: [f64; 2],
}

/// How far a cell came in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// 80 % of the test images in the median of the seeds.
    Trains,
    /// Better than chance, and not that.
    Slow,
    /// Below 20 %: chance is 10 or 11 %.
    Stalls,
}

impl Cell {
    fn outcome(&self) -> Outcome {
        let mut sorted = self.accuracies.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted[sorted.len() / 2] {
            median if median >= 0.8 => Outcome::Trains,
            median if median >= 0.2 => Outcome::Slow,
            _ => Outcome::Stalls,
        }
    }
}

/// Cells of which a verdict errs, with what happened. None may be missing here, and none be here without need.
///
/// GELU under Kaiming's gain keeps the mean square 1 and repels every other, which a mean over images does not show. Behind fifty
/// shifted ReLUs images have become one: the gradient holds, and 300 steps are too few.
const KNOWN: [(&str, usize, Outcome); 2] =
    [("shifted kaiming", 50, Outcome::Stalls), ("gelu kaiming", 50, Outcome::Stalls)];

static CELLS: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("docs/depth.csv")).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        Cell {
            start: fields[0].into(),
            depth: fields[1].parse().unwrap(),
            accuracies: fields[4].split(' ').map(|accuracy| accuracy.parse().unwrap()).collect(),
            factors: [5, 6].map(number),
        }
    };
    text.lines().skip(1).map(line).collect()
});

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The config of every cell, by start and depth.
fn starts() -> HashMap<(String, usize), Experiment> {
    let mut starts = HashMap::new();
    let path = root().join("configs/calibration/depth.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let study = Study::parse(path.to_str().unwrap(), &text, &[], &|path: &Path| std::fs::read_to_string(path)).unwrap();
    for cell in study.cells {
        let depth = study.axes[0].labels[cell.point[0]].parse().unwrap();
        starts.insert((study.arms[cell.arm].clone(), depth), cell.experiment);
    }
    starts
}

/// Asserts that `trains` agrees with every outcome but the known exceptions; slow cells may be judged either way.
fn agrees(what: &str, trains: impl Fn(&Cell) -> bool, known: &[(&str, usize, Outcome)]) {
    let mut wrong: Vec<(&str, usize, Outcome)> = Vec::new();
    for cell in CELLS.iter() {
        let outcome = cell.outcome();
        let fits = match outcome {
            Outcome::Trains => trains(cell),
            Outcome::Slow => true,
            Outcome::Stalls => !trains(cell),
        };
        if !fits {
            wrong.push((&cell.start, cell.depth, outcome));
        }
    }
    assert_eq!(wrong, known, "{what}: cells of which it errs");
}

#[test]
fn enough_was_trained_of_every_kind() {
    let of = |outcome: Outcome| CELLS.iter().filter(|cell| cell.outcome() == outcome).count();
    let starts: std::collections::HashSet<&str> = CELLS.iter().map(|cell| &*cell.start).collect();
    assert!(starts.len() >= 10 && CELLS.len() >= 50, "{} starts, {} cells", starts.len(), CELLS.len());
    assert!(of(Outcome::Trains) >= 30 && of(Outcome::Stalls) >= 20, "{}", of(Outcome::Stalls));
}

#[test]
fn the_limits_part_what_trained_from_what_stalled() {
    agrees("measured factors", |cell| cell.factors.iter().all(|&factor| Course::of(factor).trains()), &KNOWN);
}

#[test]
fn the_depth_of_theory_parts_what_trained_from_what_stalled() {
    let starts = starts();
    let trains = |cell: &Cell| {
        let predicted = predicted_depths(&[Some(&starts[&(cell.start.clone(), cell.depth)])])[0].unwrap();
        predicted.trainable.is_none_or(|depth| cell.depth as f64 <= depth)
    };
    agrees("theory", trains, &KNOWN);
}

#[test]
fn the_probe_says_vanishes_of_nothing_that_trains_and_holds_of_nothing_that_stalls() {
    // On other images than those of the trainings: what a start does depends little on them.
    let dataset = load(&Request::new(Choice::Digits)).unwrap().dataset;
    let data = Prepared::new(dataset, Split::Usual).unwrap();
    let starts = starts();
    let trains = |cell: &Cell| {
        let experiment = &starts[&(cell.start.clone(), cell.depth)];
        let verdict = probe(experiment, &data, Probe { seeds: 3, pairs: 4, threads: 2 }, || {}).unwrap().verdict;
        let lost = |trend: Trend| matches!(trend, Trend::Vanishes | Trend::Explodes | Trend::Zero);
        !lost(verdict.forward.trend) && !lost(verdict.backward.trend)
    };
    agrees("probe", trains, &KNOWN);
}
