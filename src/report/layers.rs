//! What `layers.csv` and the histograms say, as charts and maps.

use crate::record::histograms::Histograms;
use crate::record::read::{LayerColumns, PhaseColumns, RunRecords};
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::draw;
use crate::report::heat::{Heat, Side};
use crate::report::page::{Section, Table};
use crate::report::palette::{DEPTHS, Style};
use crate::report::scale::Kind;
use crate::report::text::{number, percent};
use crate::report::thin::{Point, thin};

/// The columns of `layers.csv` that a report draws.
pub const WANTED: [&str; 7] =
    ["act_mean", "act_std", "act_near_zero", "dead", "grad_std", "weight_gradient_norm", "update_ratio"];

/// Places in [`WANTED`].
const MEAN: usize = 0;
const STD: usize = 1;
const NEAR_ZERO: usize = 2;
const DEAD: usize = 3;
const GRADIENT: usize = 4;
const WEIGHT_GRADIENT: usize = 5;
const UPDATE: usize = 6;

/// How much of a run is drawn: fewer points where many runs share a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Points of a curve at most.
    pub points: usize,
    /// Histograms over time at most; the layers are spread evenly over the depth.
    pub histograms: usize,
}

impl Detail {
    /// For a page of one run.
    pub const WHOLE: Self = Self { points: 160, histograms: usize::MAX };
    /// For a run among others.
    pub const AMONG_OTHERS: Self = Self { points: 80, histograms: 5 };
}

/// Steps of the first look: before anything has been learnt, what is seen is the start.
const FIRST: u64 = 10;

/// Which layers have a curve of their own: at most as many as there are colours, the first and the last among them.
fn spread(n: usize, limit: usize) -> Vec<usize> {
    let kept = n.min(limit);
    (0..kept).map(|i| if kept < 2 { 0 } else { i * (n - 1) / (kept - 1) }).collect()
}

struct Layers<'a> {
    run: &'a RunRecords,
    detail: Detail,
}

/// The sections about a run's layers.
pub fn sections(run: &RunRecords, detail: Detail) -> Vec<Section> {
    let layers = Layers { run, detail };
    let all = [
        ("Layers at the start and at the end", layers.ends()),
        ("The first ten steps", layers.first_steps()),
        ("Activations", layers.activations()),
        ("Gradients and updates", layers.gradients()),
        ("Layer by layer over time", layers.maps()),
        ("The colourful dimension", layers.histograms()),
    ];
    let named = all.into_iter().map(|(heading, section)| Section { heading: heading.into(), ..section });
    named.filter(|section| section.blocks.len() > 1).collect()
}

impl Layers<'_> {
    fn ends(&self) -> Section {
        let mut section = Section::new("");
        if self.run.layers.is_empty() {
            return section;
        }
        let head =
            ["layer", "mean", "std", "dead", "gradient std", "mean, end", "std, end", "dead, end", "near 0, end"];
        let rows = self.run.layers.iter().map(|layer| {
            let first = |column: usize| layer.train.values[column].first().map_or(f64::NAN, |&v| f64::from(v));
            let last = |column: usize| layer.test.values[column].last().map_or(f64::NAN, |&v| f64::from(v));
            let show = |x: f64, text: fn(f64) -> String| if x.is_nan() { "–".to_string() } else { text(x) };
            vec![
                layer.name.clone(),
                show(first(MEAN), number),
                show(first(STD), number),
                show(first(DEAD), percent),
                show(first(GRADIENT), number),
                show(last(MEAN), number),
                show(last(STD), number),
                show(last(DEAD), percent),
                show(last(NEAR_ZERO), percent),
            ]
        });
        section.text(
            "Activations and their gradients in the first recorded step, before anything was learnt, and activations on \
             all test images at the last evaluation. A unit is dead if no image lets a gradient through it.",
        );
        let table = Table { caption: String::new(), head: head.map(str::to_string).to_vec(), rows: rows.collect() };
        section.blocks.push(crate::report::page::Block::Table(table));
        section
    }

    fn first_steps(&self) -> Section {
        let mut section = Section::new("");
        section
            .text("What the initialisation alone decides shows here, before the optimiser has moved the weights far.");
        let early = |axis, column, title: &str, about: &str| self.curves(title, about, axis, column, Some(FIRST));
        section.chart(early(
            Axis::linear("mean"),
            MEAN,
            "Mean of the activations, first ten steps",
            "Each layer's mean over a training batch.",
        ));
        section.chart(early(
            Axis::log("standard deviation"),
            STD,
            "Standard deviation of the activations, first ten steps",
            "Each layer's deviation over a training batch; a start that keeps the signal has the same everywhere.",
        ));
        section
    }

    fn activations(&self) -> Section {
        let mut section = Section::new("");
        section.text(format!(
            "Each layer over a training batch, at every recorded step. {}",
            if self.run.layers.len() > DEPTHS {
                "Of this many layers some are drawn, from the first to the last."
            } else {
                ""
            }
        ));
        section.chart(self.curves(
            "Mean of the activations",
            "A line is a layer; a band holds the extremes of the steps that a point stands for.",
            Axis::linear("mean"),
            MEAN,
            None,
        ));
        section.chart(self.curves(
            "Standard deviation of the activations",
            "Sudden falls and new climbs, as in lesson 8, cost training time and kill units.",
            Axis::log("standard deviation"),
            STD,
            None,
        ));
        section.chart(self.curves(
            "Dead units",
            "Share of units that no image of the batch lets a gradient through.",
            Axis::share("share"),
            DEAD,
            None,
        ));
        section.chart(self.curves(
            "Activations near zero",
            "Share of activations whose size is below the config's near_zero.",
            Axis::share("share"),
            NEAR_ZERO,
            None,
        ));
        section
    }

    fn gradients(&self) -> Section {
        let mut section = Section::new("");
        section.text("Backwards: what reaches each layer, and how far it moves.");
        section.chart(self.curves(
            "Standard deviation of the activations' gradients",
            "The loss's gradient with respect to each layer's activations; it should neither vanish nor explode with depth.",
            Axis::log("standard deviation"),
            GRADIENT,
            None,
        ));
        section.chart(self.curves(
            "Norm of the weights' gradients",
            "The length of the loss's gradient with respect to each layer's weight.",
            Axis::log("norm"),
            WEIGHT_GRADIENT,
            None,
        ));
        let mut updates = self.curves(
            "Update in relation to the weight",
            "How far a step moves each weight, in relation to its length. About one in a thousand is a common pace.",
            Axis::log("‖Δw‖ / ‖w‖"),
            UPDATE,
            None,
        );
        updates.rules.push(Rule { upright: false, value: 1e-3, label: "1 in 1000".into() });
        section.chart(updates);
        section
    }

    fn maps(&self) -> Section {
        let mut section = Section::new("");
        if self.run.layers.len() <= DEPTHS {
            return section;
        }
        section.text("All layers, from the first above to the last below.");
        for (title, about, column, kind, label) in [
            ("Standard deviation of the activations, all layers", "Light is large.", STD, Kind::Log, "std"),
            ("Standard deviation of the gradients, all layers", "Light is large.", GRADIENT, Kind::Log, "gradient std"),
            ("Dead units, all layers", "Light is many.", DEAD, Kind::Linear, "share"),
            ("Activations near zero, all layers", "Light is many.", NEAR_ZERO, Kind::Linear, "share"),
        ] {
            section.heat(self.map(title, about, column, kind, label));
        }
        section
    }

    fn histograms(&self) -> Section {
        let mut section = Section::new("");
        let Some(histograms) = &self.run.histograms else { return section };
        section.text(
            "Histograms of each layer's activations over time, a column for a step, light where many values lie (logarithm \
             of the counts). The outermost rows count everything beyond the range. A layer that is mostly dark but for a \
             bright row at 0 wastes most of its units.",
        );
        for layer in spread(histograms.layers().len(), self.detail.histograms) {
            section.heat(over_time(histograms, layer));
        }
        section
    }

    /// A curve for each of the drawn layers.
    fn curves(&self, title: &str, about: &str, y: Axis, column: usize, first: Option<u64>) -> Chart {
        let drawn = spread(self.run.layers.len(), DEPTHS);
        let series = drawn.iter().enumerate().map(|(i, &layer)| {
            let layer = &self.run.layers[layer];
            let points = points(&layer.train, column, first, self.detail.points);
            Series::new(layer.name.clone(), Style::Depth(i, drawn.len()), Shape::Line, points)
        });
        let series = series.collect();
        Chart { title: title.into(), about: about.into(), x: Axis::counts("step"), y, series, rules: Vec::new() }
    }

    /// Every layer's values over time as colours.
    fn map(&self, title: &str, about: &str, column: usize, kind: Kind, label: &str) -> Heat {
        let layers = &self.run.layers;
        let rows: Vec<Vec<Point>> = layers.iter().map(|l| points(&l.train, column, None, self.detail.points)).collect();
        let columns = rows.iter().map(Vec::len).min().unwrap_or(0);
        let steps = &layers[0].train.steps;
        Heat {
            title: title.into(),
            about: about.into(),
            x: step_side(steps.first().copied().unwrap_or(0), steps.last().copied().unwrap_or(0), columns),
            y: Side {
                label: "layer".into(),
                range: [0.0, layers.len() as f64],
                kind: Kind::Linear,
                whole: true,
                names: layers.iter().map(|layer: &LayerColumns| layer.name.clone()).collect(),
            },
            columns,
            values: rows.iter().flat_map(|row| row[..columns].iter().map(|p| p.y)).collect(),
            label: label.into(),
            kind,
            height: draw::HEIGHT,
            line: None,
        }
    }
}

/// A column of a phase as few points; of the steps below `first` alone, if given.
fn points(phase: &PhaseColumns, column: usize, first: Option<u64>, limit: usize) -> Vec<Point> {
    let n = first.map_or(phase.steps.len(), |end| phase.steps.iter().take_while(|&&step| step < end).count());
    let (steps, values) = (&phase.steps[..n], &phase.values[column][..n]);
    thin(steps.iter().map(|&step| step as f64), values.iter().map(|&v| f64::from(v)), limit)
}

/// Steps from `first` to `last`, each in the middle of its column.
fn step_side(first: u64, last: u64, columns: usize) -> Side {
    let (first, last) = (first as f64, last as f64);
    let half = if columns < 2 { 0.5 } else { 0.5 * (last - first) / (columns - 1) as f64 };
    let range = [first - half, last + half];
    Side { label: "step".into(), range, kind: Kind::Linear, whole: true, names: Vec::new() }
}

/// Columns of a histogram's picture at most.
const PICTURE: usize = 120;

/// The histograms of one layer as a picture; neighbouring steps are added where there are many.
fn over_time(histograms: &Histograms, layer: usize) -> Heat {
    let rows = histograms.rows(layer);
    let (n, [low, high]) = (rows.len(), histograms.range());
    let columns = n.min(PICTURE);
    let bins = rows.map(<[i64]>::to_vec).enumerate().fold(Vec::<Vec<i64>>::new(), |mut sums, (i, row)| {
        let column = i * columns / n;
        match sums.get_mut(column) {
            Some(sum) => sum.iter_mut().zip(row).for_each(|(a, b)| *a += b),
            None => sums.push(row),
        }
        sums
    });
    let height = bins.first().map_or(0, Vec::len);
    let width = (high - low) / (height.max(3) - 2) as f64;
    let count = |bin: usize| bins.iter().map(move |column| (1.0 + column[bin] as f64).ln());
    let steps = histograms.steps();
    let step = |step: Option<&i64>| step.map_or(0, |&step| step as u64);
    Heat {
        title: format!("Activations of {}", histograms.layers()[layer]),
        about: format!("From {} to {}.", number(low), number(high)),
        x: step_side(step(steps.first()), step(steps.last()), columns),
        y: Side {
            label: "activation".into(),
            range: [low - width, high + width],
            kind: Kind::Linear,
            whole: false,
            names: Vec::new(),
        },
        columns,
        values: (0..height).rev().flat_map(count).collect(),
        label: "ln(1 + count)".into(),
        kind: Kind::Linear,
        height: 210.0,
        line: None,
    }
}
