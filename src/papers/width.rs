//! Yang et al. 2021: how an MLP follows its width, and whether its best learning rate carries over, in standard parametrisation and in μP.

use std::sync::Arc;

use rayon::prelude::*;

use super::figure::{CONFIDENCE, Claim, Figure, Measured, sample};
use super::outcome::{Outcome, Table};
use super::setting::Setting;
use super::training::{evaluations, experiment, plan};
use crate::data::{Dataset, Images, Part, Prepared, Split};
use crate::inference::paired::paired_mean;
use crate::inference::spread::median;
use crate::record::rows::EpochRow;
use crate::train::TrainError;
use crate::width::record::{Growth, LayerRecord};
use crate::width::{WidthCheck, WidthError, check};

/// Widths of the coordinate check: all far above the inputs and the base width.
const WIDTHS: [usize; 4] = [256, 512, 1024, 2048];
/// Steps of the coordinate check.
const STEPS: usize = 5;
/// Widths at which the learning rate is looked for.
const TRAINED: [usize; 3] = [64, 256, 1024];
/// Powers of 2 among which the rate is looked for.
const RATES: std::ops::RangeInclusive<i32> = -13..=-4;
/// Losses up to so many times the least belong to the valley in whose middle the best rate is taken to be: its bottom is flat, and where on
/// it a single run lies lowest is luck.
const VALLEY: f64 = 1.1;
/// Training images on which the loss is taken after a training.
const IMAGES: usize = 2000;
/// Pixels of a side of the images, and of the blocks of MNIST's that each is the mean of.
const SIDE: usize = 4;

const CONFIG: &str = "
model = { kind = 'mlp', widths = [64, 64, 64] }
optimizer.lr = 0.1
train = { steps = 100, batch_size = 64, evaluate_every = 100 }
stats = { every = 0, histogram_every = 0 }
";

/// Parametrisations, from a base width at which both are the same.
const PARAMETRISATIONS: [&str; 2] = ["standard", "muP"];

/// Optimisers with the learning rate of the coordinate check in each parametrisation: so low in the standard one that the widest network's
/// first steps stay small.
const OPTIMISERS: [(&str, [f64; 2]); 2] = [("sgd", [1e-3, 0.1]), ("adam", [1e-4, 0.01])];

pub(super) fn parts(seeds: usize) -> usize {
    seeds * PARAMETRISATIONS.len() * (OPTIMISERS.len() * WIDTHS.len() + TRAINED.len() * RATES.count())
}

/// The coordinate check with both optimisers, then the best rate of Adam at every width.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let data = &reduced(setting.images());
    let mut figures = Vec::new();
    for (optimiser, rates) in OPTIMISERS {
        for (mup, (name, rate)) in PARAMETRISATIONS.into_iter().zip(rates).enumerate() {
            let options = WidthCheck { widths: WIDTHS.to_vec(), seeds: setting.seeds, steps: STEPS };
            let found = check(&experiment(CONFIG, &of_check(mup, optimiser, rate), 0), data, &options, setting.done)
                .map_err(|error| match error {
                    WidthError::Network(error) => error,
                    WidthError::NoHidden | WidthError::Width { .. } => {
                        unreachable!("the widths are those of the built-in config")
                    }
                })?;
            let which = format!("{name}, {optimiser}");
            figures.extend(found.layers.iter().map(|layer| exponent(mup == 1, &which, layer)));
            if mup == 0 {
                figures.push(no_growth(&which, found.logits()));
            }
        }
    }
    let losses = losses(setting, data)?;
    figures.extend(transfer(&losses, setting.seeds));
    Ok(Outcome { figures, table: Some(table(&losses)) })
}

/// Changes of the config for the standard parametrisation, or for μP.
fn of(mup: usize, base: usize) -> Vec<String> {
    if mup == 0 { Vec::new() } else { vec!["init.parametrisation=mup".into(), format!("init.base_width={base}")] }
}

/// Changes for the coordinate check. μP's output starts at 0 there, as appendix D.2 advises: random logits fade with the width, and what
/// they add to the first gradients bends every exponent. A comparison of rates has to begin at the same network, and goes without.
fn of_check(mup: usize, optimiser: &str, rate: f64) -> Vec<String> {
    let mut sets = of(mup, 16);
    sets.extend([format!("optimizer.kind={optimiser}"), format!("optimizer.lr={rate:?}")]);
    if mup == 1 {
        sets.push("init.last.weight=zeros".into());
    }
    sets
}

/// The exponent of a layer's change: under μP after the last step, where it is to be 0; else after the first, beside theory's.
fn exponent(mup: bool, of: &str, layer: &LayerRecord) -> Figure {
    let last = layer.changes.len() - 1;
    let (growth, step): (&Growth, usize) = if mup { (&layer.changes[last], last + 1) } else { (&layer.changes[0], 1) };
    let plural = if step == 1 { "" } else { "s" };
    let name = format!("{of}: exponent of {}'s change after {step} step{plural}", layer.name);
    let measured = sample(growth.exponents.iter().map(|exponent| exponent.unwrap_or(f64::NAN)));
    match growth.theory {
        Some(theory) if mup => Figure::exact(name, theory, measured),
        theory => Figure { theory, ..Figure::shown(name, measured) },
    }
}

/// Student's test that the logits' change does not grow in the first step, on the mean exponent of the seeds: in standard parametrisation
/// it is to fail.
fn no_growth(of: &str, logits: &LayerRecord) -> Figure {
    let exponents: Vec<f64> = logits.changes[0].exponents.iter().flatten().copied().collect();
    let p = paired_mean(&exponents, CONFIDENCE, 0.0).map_or(1.0, |found| found.p_value);
    let measured = Measured::PValue { p, of: exponents.len() };
    Figure::claimed(format!("{of}: p that the logits' change has the exponent 0"), measured, Claim::Rejected)
}

/// MNIST's images as means of blocks, of 4×4 pixels, tested on the first training images: of so few inputs the widths are far above, and
/// the loss is that of training.
fn reduced(data: &Prepared) -> Prepared {
    let whole = data.dataset();
    let small = |images: &Images, n: usize| {
        let (rows, cols) = (images.rows / SIDE, images.cols / SIDE);
        let size = images.rows * images.cols;
        let of_image = |image: &[u8]| {
            let block = |at: usize| {
                let (top, left) = (at / SIDE * rows, at % SIDE * cols);
                let sum: u32 =
                    (0..rows * cols).map(|i| u32::from(image[(top + i / cols) * images.cols + left + i % cols])).sum();
                (f64::from(sum) / (rows * cols) as f64).round() as u8
            };
            (0..SIDE * SIDE).map(block).collect::<Vec<u8>>()
        };
        let n = n.min(images.len());
        let pixels = images.pixels[..n * size].chunks_exact(size).flat_map(of_image).collect();
        Images { pixels, labels: images.labels[..n].to_vec(), channels: 1, rows: SIDE, cols: SIDE }
    };
    let (train, test) = (small(&whole.train, data.len(Part::Train)), small(&whole.train, IMAGES));
    let dataset = Dataset { train, test, ..whole.clone() };
    Prepared::new(Arc::new(dataset), Split::Usual).expect("the usual split takes any number of images")
}

/// A training: parametrisation, width and power of 2.
type Trained = (usize, usize, i32);

/// Loss after a training, by training and seed; infinite where it diverged.
type Losses = Vec<(Trained, Vec<f64>)>;

/// Trains with every rate at every width in both parametrisations, which are the same at the narrowest.
fn losses(setting: &Setting<'_>, data: &Prepared) -> Result<Losses, TrainError> {
    // The widest first, so that no core is left with one at the end.
    let trained: Vec<Trained> = TRAINED
        .into_iter()
        .rev()
        .flat_map(|width| (0..PARAMETRISATIONS.len()).flat_map(move |mup| RATES.map(move |power| (mup, width, power))))
        .collect();
    let jobs: Vec<(Trained, u64)> =
        trained.iter().flat_map(|&of| (0..setting.seeds as u64).map(move |seed| (of, seed))).collect();
    let one = |((mup, width, power), seed): (Trained, u64)| {
        let widths = format!("model.widths=[{width}, {width}, {width}]");
        let rate = format!("optimizer={{ kind = 'adam', lr = {:?} }}", 2f64.powi(power));
        let sets = [&[widths, rate], &of(mup, TRAINED[0])[..]].concat();
        let rows = evaluations(plan(experiment(CONFIG, &sets, seed), data)?)?;
        (setting.done)();
        Ok(rows.last().map_or(f64::INFINITY, |row: &EpochRow| row.test_loss))
    };
    let found: Result<Vec<f64>, TrainError> = jobs.into_par_iter().with_max_len(1).map(one).collect();
    let found = found?;
    Ok(trained.into_iter().zip(found.chunks(setting.seeds).map(<[f64]>::to_vec)).collect())
}

fn of_training(losses: &Losses, wanted: Trained) -> &[f64] {
    losses.iter().find(|(trained, _)| *trained == wanted).map_or(&[], |(_, losses)| losses)
}

/// The power of 2 in the middle of one seed's valley around its least loss. An end of the grid is an end of the valley.
fn best(losses: &Losses, (mup, width): (usize, usize), seed: usize) -> f64 {
    let loss = |power: i32| of_training(losses, (mup, width, power))[seed];
    let least = RATES.min_by(|&a, &b| loss(a).total_cmp(&loss(b))).expect("there are rates");
    let level = VALLEY * loss(least);
    let end = |towards: i32| {
        let mut at = least;
        while RATES.contains(&(at + towards)) {
            let (here, next) = (loss(at), loss(at + towards));
            if next > level {
                // Beside a run that diverged the valley ends at a wall.
                let share = if next.is_finite() { (level - here) / (next - here) } else { 0.0 };
                return f64::from(at) + share * f64::from(towards);
            }
            at += towards;
        }
        f64::from(at)
    };
    0.5 * (end(-1) + end(1))
}

/// How far the best rate moves down from the narrowest network to the widest, in steps of the grid.
fn transfer(losses: &Losses, seeds: usize) -> Vec<Figure> {
    let (narrow, wide) = (TRAINED[0], TRAINED[TRAINED.len() - 1]);
    let moved =
        |mup: usize| (0..seeds).map(move |seed| best(losses, (mup, narrow), seed) - best(losses, (mup, wide), seed));
    let name = |mup: usize, what: &str| {
        format!("{}, adam: {what} of 2 in the best rate, width {narrow} to {wide}", PARAMETRISATIONS[mup])
    };
    let [standard, mup] = [moved(0), moved(1)];
    vec![
        Figure::claimed(name(0, "factors down"), sample(standard), Claim::Above { bound: 1.0 }),
        Figure::claimed(name(1, "factors up or down"), sample(mup.map(f64::abs)), Claim::Below { bound: 1.0 }),
    ]
}

/// Median losses by parametrisation, width and rate.
fn table(losses: &Losses) -> Table {
    let row = |(mup, width): (usize, usize)| {
        let cell = |power: i32| format!("{:.3}", median(of_training(losses, (mup, width, power))));
        let first = [PARAMETRISATIONS[mup].to_owned(), width.to_string()];
        first.into_iter().chain(RATES.map(cell)).collect()
    };
    let all = (0..PARAMETRISATIONS.len()).flat_map(|mup| TRAINED.map(|width| (mup, width)));
    Table {
        caption:
            "Training loss after 100 steps of Adam by parametrisation, width and learning rate, median over seeds."
                .into(),
        header: ["parametrisation", "width"]
            .into_iter()
            .map(String::from)
            .chain(RATES.map(|power| format!("2^{power}")))
            .collect(),
        rows: all.map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses of one seed whose valley lies at these powers of 2, by parametrisation and width.
    fn made(valley: impl Fn(usize, usize) -> f64) -> Losses {
        let all = (0..2).flat_map(|mup| TRAINED.map(|width| (mup, width)));
        let of = |(mup, width): (usize, usize)| {
            let loss = move |power: i32, at: f64| vec![1.0 + 0.1 * (f64::from(power) - at).powi(2)];
            let at = valley(mup, width);
            RATES.map(move |power| ((mup, width, power), loss(power, at))).collect::<Vec<_>>()
        };
        all.flat_map(of).collect()
    }

    #[test]
    fn the_best_rate_lies_in_the_middle_of_its_valley() {
        let losses = made(|mup, width| if mup == 0 { -5.5 - (width as f64 / 64.0).log2() } else { -5.5 });
        let found = [(0, 64), (0, 1024), (1, 1024)].map(|of| best(&losses, of, 0));
        assert!(found.iter().zip([-5.5, -9.5, -5.5]).all(|(found, wanted)| (found - wanted).abs() < 1e-9), "{found:?}");
        let [standard, mup] = [0, 1].map(|mup| transfer(&losses, 1)[mup].ours());
        assert!((standard - 4.0).abs() < 1e-9 && mup.abs() < 1e-9, "{standard} {mup}");
        // Beside a wall, and at the end of the grid, half of the valley is left.
        let mut lost = made(|_, _| -6.0);
        lost.iter_mut().filter(|((.., power), _)| *power == -5).for_each(|(_, losses)| losses[0] = f64::INFINITY);
        assert_eq!(best(&lost, (0, 64), 0), -6.5);
        assert_eq!(best(&made(|_, _| -4.0), (0, 64), 0), -4.5);
    }
}
