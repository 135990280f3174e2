//! `initlab.lr_find`: the range test of a config's learning rate.

use std::path::PathBuf;

use initlab::report::chart::{Axis, Chart, Rule, Series, Shape};
use initlab::report::draw::{self, Frame};
use initlab::report::palette::Style;
use initlab::report::thin::Point;
use initlab::study::range_search::{RangeSearch, sweep};
use initlab::study::range_test::{Outcome, SWEEPS, experiment, quick_steps};
use initlab::train::engine::Compute;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::array;
use crate::errors::{Failure, guarded};
use crate::source::{Changes, Source};
use crate::train::{Asked, overridden, threads_of};
use crate::work::{News, work};

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
    let RangeSearch { test, outcome, .. } = work(py, show, |stop, teller| {
        let plan = asked.plan(&compute, teller)?;
        let passes = SWEEPS + u64::from(quick_steps(low, high, steps).is_some());
        teller.tell(News::Begin { total: passes, done: 0 });
        let mut over = 0;
        RangeSearch::run([low, high], steps, |number, range, steps| {
            let test = sweep(&plan, &compute, number, range, steps, stop)?;
            over += 1;
            teller.tell(News::Done(over, String::new()));
            Ok::<_, Failure>(test)
        })
    })?;
    let smoothed = test.smoothed();
    let (name, suggestion) = match outcome {
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
