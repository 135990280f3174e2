//! Results of each learning rate, where a study tried more than one: on images kept back for validation where it chose among
//! them, else in its own runs.

use crate::numerals::{number, percent};
use crate::report::chart::{Axis, Chart, Ring, Series, Shape};
use crate::report::page::{Block, Section, Table};
use crate::report::palette::Style;
use crate::report::study::{POINTS, Study, point_name};
use crate::report::thin::Point;
use crate::study::comparison::ArmSummary;
use crate::study::record::{AxisRecord, TriedRate, Tuning};
use crate::study::tune::{Edge, edge, found};

/// Explanation of a chart's rings.
const RINGS: &str = "A ring marks the best rate, a dashed one the lowest or the highest that was tried.";

/// Results of the rates for one arm at one point of the grid, with the name and look of its curve.
type Curve<'a> = (String, Style, &'a Tuning);

impl Study<'_> {
    /// The search for the learning rates, or what those of a list did.
    pub(super) fn learning_rates(&self) -> Section {
        let mut section = Section::new("Learning rates");
        let listed = self.listed();
        let (found, images) = match &self.record.tuning[..] {
            [] => (&listed[..], "test images"),
            tuning => (tuning, "training images kept back for validation"),
        };
        let Some(target) = self.record.targets.first().filter(|_| !found.is_empty()) else { return section };
        let target = target.text();
        section.text(format!(
            "At the best rate most runs reach {target}; among equals it is the soonest, then the most accurate, on {images}."
        ));
        section.blocks.push(Block::Table(self.best_rates(found)));
        if found.iter().any(|tuning| tuning.at_edge) {
            section.text("Beyond a best rate that is the lowest or the highest of those tried may lie a better one.");
        }
        self.rate_curves(&mut section, found, &target, images);
        section
    }

    /// Charts for each point of the grid, or, where these are many, for each arm.
    fn rate_curves(&self, section: &mut Section, found: &[Tuning], target: &str, images: &str) {
        let mut points: Vec<&[String]> = Vec::new();
        for tuning in found {
            if !points.contains(&&tuning.point[..]) {
                points.push(&tuning.point);
            }
        }
        if points.len() <= POINTS {
            for point in points {
                let here = found.iter().filter(|tuning| tuning.point == point);
                let curves: Vec<_> = here.map(|tuning| (tuning.arm.clone(), self.style(&tuning.arm), tuning)).collect();
                charts(section, &point_name(self.other_axes(), point), target, images, &curves);
            }
        } else {
            for arm in &self.record.arms {
                let here = found.iter().filter(|tuning| tuning.arm == *arm).enumerate();
                let name = |tuning: &Tuning| point_name(self.other_axes(), &tuning.point);
                let curves: Vec<_> =
                    here.map(|(i, tuning)| (name(tuning), Style::Depth(i, points.len()), tuning)).collect();
                charts(section, arm, target, images, &curves);
            }
        }
    }

    /// Axis of the grid that is the learning rate: its values are those of all runs.
    pub(super) fn rates_axis(&self) -> Option<usize> {
        let is = |&axis: &usize| {
            let rate = |point: &[String]| point[axis].parse().ok();
            self.record.axes[axis].values.len() > 1
                && self.record.runs.iter().all(|run| rate(&run.point) == Some(run.learning_rate))
        };
        (0..self.record.axes.len()).find(is)
    }

    /// Results of each rate of a list in the study's own runs, as if it had been a search.
    fn listed(&self) -> Vec<Tuning> {
        let Some(axis) = self.rates_axis() else { return Vec::new() };
        let others = |summary: &ArmSummary| {
            let mut point = summary.point.clone();
            point.remove(axis);
            point
        };
        let mut tried: Vec<(&String, Vec<String>, Vec<TriedRate>)> = Vec::new();
        for summary in &self.record.summaries {
            let (arm, point) = (&summary.arm, others(summary));
            let Some(rate) = rate_of(summary) else { continue };
            match tried.iter_mut().find(|(other, at, _)| *other == arm && *at == point) {
                Some((_, _, rates)) => rates.push(rate),
                None => tried.push((arm, point, vec![rate])),
            }
        }
        let judged = |(arm, point, mut rates): (&String, Vec<String>, Vec<TriedRate>)| {
            rates.sort_by(|a, b| a.learning_rate.total_cmp(&b.learning_rate));
            found(arm.clone(), point, rates)
        };
        tried.into_iter().map(judged).collect()
    }

    /// The grid's axes without that of the learning rate.
    fn other_axes(&self) -> impl Iterator<Item = &AxisRecord> {
        let rates = self.rates_axis().filter(|_| self.record.tuning.is_empty());
        self.record.axes.iter().enumerate().filter(move |(i, _)| Some(*i) != rates).map(|(_, axis)| axis)
    }

    fn best_rates(&self, found: &[Tuning]) -> Table {
        let head = ["best rate", "its place", "reached", "steps", "accuracy"].map(str::to_string);
        let axes = self.other_axes().map(|axis| axis.name.clone());
        let row = |tuning: &Tuning| {
            let (place, tried) =
                (tuning.tried.iter().position(|rate| rate.learning_rate == tuning.best), tuning.tried.len());
            let end = match place.and_then(|place| edge(place, tried)) {
                Some(Edge::Lowest) => ", the lowest",
                Some(Edge::Highest) => ", the highest",
                None => "",
            };
            let best = place.map(|place| &tuning.tried[place]);
            let cell = |show: fn(&TriedRate) -> String| best.map_or_else(String::new, show);
            let first = std::iter::once(tuning.arm.clone()).chain(tuning.point.iter().cloned());
            let rest = [
                number(tuning.best),
                place.map_or_else(String::new, |place| format!("{} of {tried}{end}", place + 1)),
                cell(|rate| format!("{} of {}", rate.reached, rate.runs)),
                cell(|rate| number(rate.mean_steps)),
                cell(|rate| percent(rate.accuracy)),
            ];
            first.chain(rest).collect()
        };
        Table {
            caption: String::new(),
            head: std::iter::once("arm".into()).chain(axes).chain(head).collect(),
            rows: found.iter().map(row).collect(),
        }
    }
}

/// Judges the runs of a list's rate as a search would.
fn rate_of(summary: &ArmSummary) -> Option<TriedRate> {
    let target = summary.targets.first()?;
    // A run that diverged was right about nothing.
    let right = summary.test_accuracy.map_or(0.0, |spread| spread.mean * spread.n as f64);
    Some(TriedRate {
        learning_rate: summary.learning_rate,
        runs: summary.runs,
        reached: target.reached,
        mean_steps: target.mean_steps,
        accuracy: right / summary.runs as f64,
    })
}

/// Two charts of the same rates: steps to the target, which decide, and accuracies.
fn charts(section: &mut Section, of: &str, target: &str, images: &str, curves: &[Curve<'_>]) {
    let of = if of.is_empty() { String::new() } else { format!(": {of}") };
    let chart = |title: String, about: String, y: Axis, value: fn(&TriedRate) -> f64| Chart {
        title,
        about,
        x: Axis::log("learning rate"),
        y,
        series: curves.iter().map(|curve| series(curve, value)).collect(),
        rules: Vec::new(),
    };
    let reached = curves.iter().flat_map(|(_, _, tuning)| &tuning.tried).any(|rate| rate.reached > 0);
    let steps = chart(
        format!("Steps to {target}, by learning rate{of}"),
        format!("Geometric mean on {images}; a run that did not reach it counts with its budget. {RINGS}"),
        Axis::log("steps"),
        |rate| rate.mean_steps,
    );
    if reached {
        section.chart(steps);
    }
    section.chart(chart(
        format!("Accuracy at the end, by learning rate{of}"),
        format!("Mean on {images}, with 0 for a run that diverged. {RINGS}"),
        Axis::linear("accuracy"),
        |rate| rate.accuracy,
    ));
}

fn series((name, style, tuning): &Curve<'_>, value: fn(&TriedRate) -> f64) -> Series {
    let points = tuning.tried.iter().map(|rate| Point::new(rate.learning_rate, value(rate))).collect();
    let best = tuning.tried.iter().find(|rate| rate.learning_rate == tuning.best);
    let ring = best.map(|rate| Ring { x: rate.learning_rate, y: value(rate), dashed: tuning.at_edge });
    Series { ring, ..Series::new(name.clone(), *style, Shape::Marked, points) }
}
