//! Cohen et al. 2021: gradient descent on all images sharpens the loss until its steps just do not overshoot, and stays there.

use std::sync::Arc;

use rayon::prelude::*;

use super::figure::{Claim, Figure, Measured, sample};
use super::outcome::{Outcome, Table};
use super::setting::Setting;
use super::training::{experiment, first_images, plan};
use crate::data::{Dataset, Part, Prepared, Split};
use crate::inference::spread::median;
use crate::record::rows::StepRow;
use crate::record::sharpness::SharpnessRow;
use crate::train::{Run, TrainError};

/// Images, all of which are in every batch.
const IMAGES: usize = 5_000;
/// Learning rates, each with steps enough to come to its edge and to stay there for a while; the longest run first, so that no core is
/// left with it at the end.
const RATES: [(f64, usize); 3] = [(0.2, 2800), (0.25, 2000), (0.3, 1500)];
/// Steps between two columns of the table.
const COLUMN: u64 = 500;
/// Distance of λ₁ from 2/η, over 2/η, that counts as none.
const NEAR: f64 = 0.05;

/// PyTorch's start on pixels as they come has a λ₁ of 2 to 3, far below each edge. On pixels of mean 0 and standard deviation 1 it begins
/// at 6 to 8, and has less far to rise.
const CONFIG: &str = "
data = { range = [0.0, 1.0] }
model = { kind = 'mlp', widths = [200, 200], activation = 'tanh' }
init.preset = 'torch'
optimizer.lr = 0.1
train = { steps = 1, batch_size = 5000, evaluate_every = 1_000_000, loss = 'mse' }
stats = { every = 0, histogram_every = 0, sharpness_every = 50, sharpness_images = 5000 }
";

pub(super) fn parts(seeds: usize) -> usize {
    seeds * RATES.len()
}

/// The sharpness of every rate and seed over time.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let data = &few(setting.images());
    let jobs: Vec<_> =
        RATES.into_iter().flat_map(|rate| (0..setting.seeds as u64).map(move |seed| (rate, seed))).collect();
    let one = |((rate, steps), seed): ((f64, usize), u64)| {
        let sets = [format!("optimizer.lr={rate:?}"), format!("train.steps={steps}")];
        let trained = Run::of(plan(experiment(CONFIG, &sets, seed), data)?).run()?;
        (setting.done)();
        Ok(Course::of(rate, &trained.sharpness, &trained.steps))
    };
    let courses: Result<Vec<Course>, TrainError> = jobs.into_par_iter().with_max_len(1).map(one).collect();
    Ok(outcome(&courses?))
}

/// The first images of MNIST's training images, and as many test images as there are.
fn few(data: &Prepared) -> Prepared {
    let dataset = Dataset { train: first_images(data, Part::Train, IMAGES), ..data.dataset().clone() };
    Prepared::new(Arc::new(dataset), Split::Usual).expect("the usual split takes any number of images")
}

/// A run's way to the edge and along it.
#[derive(Clone, Debug, PartialEq)]
struct Course {
    rate: f64,
    /// Steps done and λ₁·η/2, which is 1 at the edge, from the start on.
    ratios: Vec<(u64, f64)>,
    /// Place in `ratios` of the first that is at the edge or beyond it.
    reached: Option<usize>,
    /// Loss before each step.
    losses: Vec<f64>,
}

impl Course {
    fn of(rate: f64, sharpness: &[SharpnessRow], steps: &[StepRow]) -> Self {
        let ratios: Vec<(u64, f64)> = sharpness.iter().map(|row| (row.step, row.sharpness * rate / 2.0)).collect();
        let reached = ratios.iter().position(|(_, ratio)| *ratio >= 1.0);
        Self { rate, ratios, reached, losses: steps.iter().map(|row| row.loss).collect() }
    }

    /// The middle λ₁·η/2 of all measurements after the first at the edge, which the choice of it makes large.
    fn at_the_edge(&self) -> Option<f64> {
        let after: Vec<f64> = self.ratios[self.reached? + 1..].iter().map(|(_, ratio)| *ratio).collect();
        (!after.is_empty()).then(|| median(&after))
    }

    /// How many steps raise the loss, of how many: before the edge, and from there on.
    fn raised(&self) -> [(usize, usize); 2] {
        let edge = self.edge();
        [&self.losses[..=edge], &self.losses[edge..]].map(|losses| {
            let hits = losses.windows(2).filter(|pair| pair[1] > pair[0]).count();
            (hits, losses.len() - 1)
        })
    }

    /// The loss at the end over that at the edge.
    fn fall(&self) -> f64 {
        self.losses.last().map_or(f64::NAN, |last| last / self.losses[self.edge()])
    }

    /// Steps done when the edge is reached; all of them where it is not.
    fn edge(&self) -> usize {
        let last = self.losses.len().saturating_sub(1);
        self.reached.map_or(last, |at| (self.ratios[at].0 as usize).min(last))
    }
}

fn outcome(courses: &[Course]) -> Outcome {
    let mut figures = Vec::new();
    for (rate, _) in RATES {
        let here: Vec<&Course> = courses.iter().filter(|course| course.rate == rate).collect();
        figures.extend(of_rate(rate, &here));
    }
    Outcome { figures, table: Some(table(courses)) }
}

/// The figures of one rate, over seeds.
fn of_rate(rate: f64, courses: &[&Course]) -> Vec<Figure> {
    let each = |name: String, measured, low, high| Figure::claimed(name, measured, Claim::Each { low, high });
    let start = sample(courses.iter().map(|course| course.ratios.first().map_or(f64::NAN, |(_, ratio)| *ratio)));
    let stays = Measured::Sample { values: courses.iter().map(|course| course.at_the_edge()).collect() };
    let falls = sample(courses.iter().map(|course| course.fall()));
    let [before, after] = [0, 1].map(|part| {
        let shares = courses.iter().map(|course| course.raised()[part]);
        let (hits, of) = shares.fold((0, 0), |(hits, of), share| (hits + share.0, of + share.1));
        Measured::Share { hits, of }
    });
    vec![
        each(format!("rate {rate}: lambda_1 times rate/2 at the start"), start, 0.0, 1.0),
        each(format!("rate {rate}: lambda_1 times rate/2 from the edge on, median"), stays, 1.0 - NEAR, 1.0 + NEAR),
        Figure::shown(format!("rate {rate}: steps before the edge that raise the loss"), before),
        Figure::claimed(
            format!("rate {rate}: steps from the edge on that raise the loss"),
            after,
            Claim::Above { bound: 0.0 },
        ),
        each(format!("rate {rate}: loss at the end over loss at the edge"), falls, 0.0, 1.0),
    ]
}

/// λ₁·η/2 over time: a row for each rate and seed.
fn table(courses: &[Course]) -> Table {
    let last = courses.iter().flat_map(|course| &course.ratios).map(|(step, _)| *step).max().unwrap_or(0);
    let columns: Vec<u64> = (0..=last / COLUMN).map(|i| i * COLUMN).collect();
    let row = |course: &Course| {
        let cell = |step: &u64| {
            let found = course.ratios.iter().find(|(at, _)| at == step);
            found.map_or_else(String::new, |(_, ratio)| format!("{ratio:.3}"))
        };
        let reached = course.reached.map_or_else(|| "never".into(), |at| course.ratios[at].0.to_string());
        let first = [course.rate.to_string(), format!("{:.2}", 2.0 / course.rate), reached];
        first.into_iter().chain(columns.iter().map(cell)).collect()
    };
    Table {
        caption: "lambda_1 times rate/2 after so many steps, a row for each seed, with the step at which it was first seen at 1 or above."
            .into(),
        header: ["rate", "2/rate", "edge"]
            .into_iter()
            .map(String::from)
            .chain(columns.iter().map(|step| format!("step {step}")))
            .collect(),
        rows: courses.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run whose λ₁·η/2 climbs from 0.5 to `top` in ten measurements, stays there for ten more, and whose loss falls, but for every other
    /// step from the edge on.
    fn course(rate: f64, top: f64) -> Course {
        let sharpness: Vec<SharpnessRow> = (0..=20u64)
            .map(|i| {
                let ratio = 0.5 + (top - 0.5) * (i as f64 / 10.0).min(1.0);
                let sharpness = ratio * 2.0 / rate;
                SharpnessRow { step: 50 * i, lr: rate, sharpness, limit: None, residual: 0.0, products: 1 }
            })
            .collect();
        let loss = |step: u64| {
            let jump = if step > 500 && step % 2 == 1 { 1.01 } else { 1.0 };
            (-1e-3 * step as f64).exp() * jump
        };
        let row = |step| StepRow {
            step,
            epoch: step,
            images: 0,
            lr: rate,
            loss: loss(step),
            accuracy: 0.0,
            gradient_norm: Some(1.0),
        };
        Course::of(rate, &sharpness, &(0..1000).map(row).collect::<Vec<_>>())
    }

    fn verdicts(top: f64) -> Vec<Option<bool>> {
        let courses: Vec<Course> = RATES.into_iter().map(|(rate, _)| course(rate, top)).collect();
        outcome(&courses).figures.iter().map(Figure::inside).collect()
    }

    #[test]
    fn a_run_that_rises_to_the_edge_and_stays_is_inside() {
        let of_one = [Some(true), Some(true), None, Some(true), Some(true)];
        assert_eq!(verdicts(1.01), of_one.repeat(RATES.len()));
    }

    #[test]
    fn one_that_goes_beyond_or_never_comes_is_outside() {
        for top in [1.2, 0.9] {
            assert_eq!(verdicts(top)[1], Some(false), "{top}");
        }
    }

    #[test]
    fn the_table_has_a_cell_for_every_column() {
        let table = table(&[course(0.2, 1.01), course(0.12, 0.9)]);
        assert!(table.rows.iter().all(|row| row.len() == table.header.len()));
        assert_eq!((table.rows[0][2].as_str(), table.rows[1][2].as_str()), ("500", "never"));
    }
}
