//! Several nets over one another, layer by layer: their layers are matched by name, so that nets of different make can stand side by side.

use crate::record::read::{LayerColumns, PhaseColumns};
use crate::record::statistics::{Of, Place, Statistic, charts_at};
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::layers::{axis, curve};
use crate::report::page::{Block, Choice, Section};
use crate::report::palette::Style;
use crate::report::thin::Point;

/// A net: its name, look and layers.
pub(super) struct Net<'a> {
    /// Name of the run in legends.
    pub name: String,
    /// Its place among all, for its colour.
    pub place: usize,
    /// Its layers in order.
    pub layers: &'a [LayerColumns],
}

/// Layers that can be chosen at most: the first and the last among them.
const CHOSEN: usize = 12;
/// Points of all curves together, so that a page of many runs stays small.
const POINTS: usize = 50_000;
/// Layers up to which each has its name on an axis.
const NAMED: usize = 16;
/// Steps that stand side by side.
const STEPS: usize = 6;
/// Steps of the first look.
const FIRST: u64 = 10;

/// The names of all layers, each once, in an order that all nets have.
fn names(nets: &[Net<'_>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for net in nets {
        // What only this net has stands behind the layer that comes before it there.
        let mut after = 0;
        for layer in net.layers {
            match all.iter().position(|name| *name == layer.name) {
                Some(place) => after = after.max(place + 1),
                None => {
                    all.insert(after, layer.name.clone());
                    after += 1;
                }
            }
        }
    }
    all
}

/// Every statistic over time, all nets in one chart, for a layer that is chosen.
pub(super) fn by_choice(nets: &[Net<'_>]) -> Section {
    let mut section = Section::new("Layer by layer, over one another");
    let names = names(nets);
    let kept = names.len().min(CHOSEN);
    let chosen = (0..kept).map(|i| &names[if kept < 2 { 0 } else { i * (names.len() - 1) / (kept - 1) }]);
    let drawn: Vec<_> = charts_at(Place::Forwards)
        .chain(charts_at(Place::Backwards))
        .filter(|(_, s)| !matches!(s.of, Of::Shape(_)))
        .collect();
    let points = (POINTS / (nets.len() * kept * drawn.len()).max(1)).clamp(20, 80);
    let option = |name: &String| {
        let charts = drawn.iter().map(|(chart, statistic)| {
            let series = nets.iter().filter_map(|net| {
                let layer = net.layers.iter().find(|layer| layer.name == *name)?;
                let points = curve(&layer.train, statistic, None, points);
                Some(Series::new(net.name.clone(), Style::Category(net.place), Shape::Line, points))
            });
            let rule = |(value, label): (f64, &str)| Rule { upright: false, value, label: label.into() };
            Chart {
                title: chart.title.into(),
                about: format!("Of {name}, in every net that has a layer of this name."),
                x: Axis::counts("step"),
                y: axis(statistic),
                series: series.collect(),
                rules: chart.rule.map(rule).into_iter().collect(),
            }
        });
        let blocks: Vec<Block> = charts.filter(|chart| !chart.is_empty()).map(Block::Chart).collect();
        (name.clone(), blocks)
    };
    let options: Vec<_> = chosen.map(option).filter(|(_, blocks)| !blocks.is_empty()).collect();
    if !options.is_empty() {
        section.text("One layer at a time; nets of different make are matched by the names of their layers.");
        section.blocks.push(Block::Choice(Choice { what: "layer".into(), options }));
    }
    section
}

/// From layer to layer at the first step: the statistics that show what a start does.
pub(super) fn at_first_step(nets: &[Net<'_>], about: &str) -> Section {
    let mut section = Section::new("At the first step");
    let names = names(nets);
    for (chart, statistic) in charts_at(Place::ByLayer) {
        section.chart(Chart {
            title: format!("{} by layer", chart.title),
            about: about.into(),
            x: layer_axis(&names),
            y: axis(statistic),
            series: series(nets, &names, statistic, |phase| Some(0).filter(|_| !phase.steps.is_empty())),
            rules: Vec::new(),
        });
    }
    section
}

/// The first steps side by side: the deviation from layer to layer, a small chart for each step, all over the same range.
pub(super) fn first_steps(nets: &[Net<'_>]) -> Section {
    let mut section = Section::new("The first steps, side by side");
    let names = names(nets);
    let all = nets.iter().flat_map(|net| net.layers).flat_map(|layer| &layer.train.steps);
    let mut steps: Vec<u64> = all.copied().filter(|&step| step < FIRST).collect();
    steps.sort_unstable();
    steps.dedup();
    let kept = steps.len().min(STEPS);
    let statistic = Statistic::named("act_std");
    let chart = |i: usize| {
        let step = steps[if kept < 2 { 0 } else { i * (steps.len() - 1) / (kept - 1) }];
        Chart {
            title: format!("Step {step}"),
            about: String::new(),
            x: layer_axis(&names),
            y: axis(statistic),
            series: series(nets, &names, statistic, |phase| phase.steps.iter().position(|&own| own == step)),
            rules: Vec::new(),
        }
    };
    let mut charts: Vec<Chart> = (0..kept).map(chart).filter(|chart| !chart.is_empty()).collect();
    let values: Vec<f64> = charts.iter().flat_map(|chart| chart.extent().1).filter(|value| value.is_finite()).collect();
    charts.iter_mut().for_each(|chart| chart.y.include.clone_from(&values));
    if charts.len() > 1 && names.len() > 1 {
        section.text("The deviation of the activations from layer to layer, from the first step on: what a start does, and how soon training mends it.");
        section.blocks.push(Block::Multiples(charts));
    }
    section
}

/// Layers by name, or by number where there are too many for names.
fn layer_axis(names: &[String]) -> Axis {
    if names.len() <= NAMED {
        Axis::names("layer", names.to_vec())
    } else {
        Axis { whole: true, ..Axis::linear("layer") }
    }
}

/// A statistic in each layer that has it, at the row that `row` finds.
fn series(
    nets: &[Net<'_>],
    names: &[String],
    statistic: &Statistic,
    row: impl Fn(&PhaseColumns) -> Option<usize>,
) -> Vec<Series> {
    // Numbers count from 1, names stand at 0, 1, 2, …
    let first = if names.len() <= NAMED { 0.0 } else { 1.0 };
    let of = |net: &Net<'_>| {
        let point = |layer: &LayerColumns| {
            let value = layer.train.get(statistic.name).get(row(&layer.train)?)?;
            let place = names.iter().position(|name| *name == layer.name)?;
            Some(Point::new(place as f64 + first, f64::from(*value)))
        };
        let points = net.layers.iter().filter_map(point).collect();
        Series::new(net.name.clone(), Style::Category(net.place), Shape::Marked, points)
    };
    nets.iter().map(of).filter(|series| !series.points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(names: &[&str]) -> Vec<LayerColumns> {
        names.iter().map(|name| LayerColumns { name: (*name).into(), ..LayerColumns::default() }).collect()
    }

    #[test]
    fn layers_of_different_nets_stand_in_an_order_that_both_have() {
        let (plain, normed) =
            (layers(&["conv1", "conv2", "linear1"]), layers(&["conv1", "norm1", "conv2", "norm2", "linear1"]));
        for (a, b) in [(&plain, &normed), (&normed, &plain)] {
            let nets = [a, b].map(|layers| Net { name: String::new(), place: 0, layers });
            assert_eq!(names(&nets), ["conv1", "norm1", "conv2", "norm2", "linear1"]);
        }
    }
}
