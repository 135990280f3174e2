//! `initlab.lr_find`: the range test of a config's learning rate.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use initlab::data::Part;
use initlab::report::chart::{Axis, Chart, Rule, Series, Shape};
use initlab::report::draw::{self, Frame};
use initlab::report::palette::Style;
use initlab::report::thin::Point;
use initlab::study::range_test::{Outcome, RangeTest, SWEEPS, experiment, narrowed, quick_steps};
use initlab::train::engine::Compute;
use initlab::train::{Event, Plan, train_into};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::array;
use crate::errors::{Failure, guarded};
use crate::source::{Changes, Source};
use crate::train::{Asked, overridden, threads_of};
use crate::work::{News, Teller, work};

/// Rates, smoothed losses, the outcome's name, and the rates that it suggests: to train with, and of the lowest loss.
type Found<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, &'static str, Option<(f64, f64)>);

/// Runs the test.
///
/// # Errors
/// The call, the config or the data.
#[pyfunction]
#[pyo3(signature = (config, overrides, seed, dataset, data, low, high, steps, threads, show))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments, one for one")]
pub fn lr_find<'py>(
    py: Python<'py>,
    config: &Bound<'py, PyAny>,
    overrides: Option<&Bound<'py, PyDict>>,
    seed: Option<u64>,
    dataset: Option<String>,
    data: Option<PathBuf>,
    low: f64,
    high: f64,
    steps: usize,
    threads: Option<usize>,
    show: Option<&Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    if !(low > 0.0 && low < high && high.is_finite()) {
        return Err(Failure::usage(format!("low = {low} and high = {high}: expected 0 < low < high")).into());
    }
    if !(50..=100_000).contains(&steps) {
        return Err(Failure::usage(format!("steps = {steps}: expected 50 to 100000")).into());
    }
    let (document, read) = Source::of(config)?.experiment(&Changes::of(overrides)?)?;
    let swept = experiment(&overridden(read, seed, dataset), low, high, steps);
    let asked = Asked { document, experiment: swept, data };
    let compute = Compute::Cpu { threads: threads_of(threads)? };
    let (test, finding) = work(py, show, |stop, teller| {
        let plan = asked.plan(&compute, teller)?;
        Search { plan: &plan, compute: &compute, stop, teller }.run([low, high], steps)
    })?;
    let smoothed = test.smoothed();
    let (name, suggestion) = match finding {
        Outcome::Valley(suggestion) => ("valley", Some((suggestion.rate, suggestion.lowest))),
        Outcome::Blind(suggestion) => ("blind", Some((suggestion.rate, suggestion.lowest))),
        Outcome::StillFalling => ("still_falling", None),
        Outcome::Flat(_) => ("flat", None),
        Outcome::Rises => ("rises", None),
        Outcome::NotFinite => ("not_finite", None),
    };
    let [rates, smoothed] = [&test.rates, &smoothed].map(|values| array(py, values, &[values.len()]));
    Ok((rates?, smoothed?, name, suggestion))
}

/// The sweeps of one test, as the command makes them.
struct Search<'a> {
    plan: &'a Plan,
    compute: &'a Compute,
    stop: &'a AtomicBool,
    teller: &'a Teller,
}

impl Search<'_> {
    /// A quick pass over the whole range if it is wide, then the sweeps.
    fn run(&self, [low, high]: [f64; 2], mut steps: usize) -> Result<(RangeTest, Outcome), Failure> {
        let mut range = [low, high];
        self.teller.tell(News::Begin { total: SWEEPS, done: 0 });
        if let Some(few) = quick_steps(low, high, steps) {
            let quick = self.sweep(0, range, few)?;
            steps -= quick.rates.len();
            range = narrowed(low, high, quick.rates.last().copied().filter(|_| quick.lost));
        }
        let mut sweeps = Vec::new();
        for number in 0..SWEEPS {
            sweeps.push(self.sweep(number, range, steps)?);
            self.teller.tell(News::Done(number + 1, String::new()));
        }
        let test = RangeTest::joined(&sweeps);
        let finding = test.outcome(range[1] == high);
        Ok((test, finding))
    }

    /// Trains from the plan's start over a range of rates, in memory. Each `number` has batches of its own, the first those of the
    /// plan.
    fn sweep(&self, number: u64, [low, high]: [f64; 2], steps: usize) -> Result<RangeTest, Failure> {
        let mut plan = self.plan.clone();
        plan.experiment = experiment(&self.plan.experiment, low, high, steps);
        // The start is drawn already.
        plan.experiment.seed = plan.experiment.seed.wrapping_add(number);
        let mut test = RangeTest::new(plan.loss.blind(plan.data.labels(Part::Train), plan.data.classes()));
        let enough = AtomicBool::new(self.stop.load(Ordering::Relaxed));
        train_into(&plan, self.compute, Vec::new(), &enough, |event| {
            if let Event::Step { row, .. } = event
                && (test.push(row.lr, row.loss) || self.stop.load(Ordering::Relaxed))
            {
                enough.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(test)
    }
}

/// The curve as a chart: its title and its SVG.
#[pyfunction]
pub fn rate_chart(
    rates: Vec<f64>,
    losses: Vec<f64>,
    suggested: Option<f64>,
    lowest: Option<f64>,
) -> PyResult<(String, String)> {
    guarded(|| {
        let points = rates.iter().zip(&losses).map(|(&rate, &loss)| Point::new(rate, loss)).collect();
        let rule = |words: &str, value: f64| Rule { upright: true, value, label: format!("{words} {value:.2e}") };
        let rules = suggested.map(|rate| rule("suggested", rate)).into_iter();
        let chart = Chart {
            title: "Learning rate range test".into(),
            about: "The smoothed training loss as the learning rate grows.".into(),
            x: Axis::log("learning rate"),
            y: Axis::linear("smoothed loss"),
            series: vec![Series::new("loss", Style::Category(0), Shape::Line, points)],
            rules: rules.chain(lowest.map(|rate| rule("lowest loss", rate))).collect(),
        };
        Ok((chart.title.clone(), draw::chart(&chart, Frame::Alone)))
    })
}
