//! Draws `layers.csv` and the histograms as charts and maps.

use crate::numerals::{number, percent};
use crate::record::histograms::Histograms;
use crate::record::read::{LayerColumns, PhaseColumns, RunRecords};
use crate::record::statistics::{self, AT_END, AT_START, Of, Place, Statistic, Unit, charts_at};
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::draw;
use crate::report::heat::{Heat, Side, range};
use crate::report::page::{Section, Table};
use crate::report::palette::{DEPTHS, Style};
use crate::report::scale::Kind;
use crate::report::thin::{Point, thin};

/// How much of a run is drawn: fewer points where many runs share a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Points of a curve at most.
    pub points: usize,
    /// Histograms over time at most; the layers are spread evenly over the depth.
    pub histograms: usize,
}

impl Detail {
    /// Detail for a page of one run.
    pub const WHOLE: Self = Self { points: 160, histograms: usize::MAX };
    /// Detail for a run among others.
    pub const AMONG_OTHERS: Self = Self { points: 80, histograms: 5 };
}

/// Steps of the first look: before anything has been learnt, what is seen is the start.
const FIRST: u64 = 10;

/// Which layers have a curve of their own: at most as many as there are colours, the first and the last among them.
pub(super) fn spread(n: usize, limit: usize) -> Vec<usize> {
    let kept = n.min(limit);
    (0..kept).map(|i| if kept < 2 { 0 } else { i * (n - 1) / (kept - 1) }).collect()
}

struct Layers<'a> {
    run: &'a RunRecords,
    detail: Detail,
    scales: &'a Scales,
}

/// The range of each statistic that is drawn as a map, over all runs of a page: the same value has the same colour in all.
#[derive(Clone, Debug, Default)]
pub struct Scales(Vec<(&'static str, [f64; 2])>);

impl Scales {
    /// Scales that these runs share; of a single run each map has its own.
    pub fn of(runs: &[RunRecords]) -> Self {
        let of = |statistic: &'static Statistic| {
            let curves = runs.iter().flat_map(|run| &run.layers);
            let points = curves.flat_map(|layer| curve(&layer.train, statistic, None, Detail::AMONG_OTHERS.points));
            let values: Vec<f64> = points.map(|point| point.y).collect();
            Some((statistic.name, range(values.iter())?))
        };
        Self(charts_at(Place::Map).filter_map(|(_, statistic)| of(statistic)).collect())
    }

    fn get(&self, statistic: &Statistic) -> Option<[f64; 2]> {
        self.0.iter().find(|(name, _)| *name == statistic.name).map(|(_, range)| *range)
    }
}

/// The sections about a run's layers.
pub fn sections(run: &RunRecords, detail: Detail, scales: &Scales) -> Vec<Section> {
    let layers = Layers { run, detail, scales };
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
        let of = |name: &str| Statistic::named(name);
        let start = AT_START.map(|name| of(name).heading("gradient"));
        let end = AT_END.map(|name| format!("{}, end", of(name).heading("gradient")));
        let head = std::iter::once("layer".to_string()).chain(start).chain(end).collect();
        let rows = self.run.layers.iter().map(|layer| {
            let show = |name: &str, x: Option<&f32>| match (x.filter(|x| !x.is_nan()), of(name).unit) {
                (None, _) => "–".into(),
                (Some(&x), Unit::Share) => percent(x.into()),
                (Some(&x), Unit::Signed | Unit::Size) => number(x.into()),
            };
            let start = AT_START.map(|name| show(name, layer.train.get(name).first()));
            let end = AT_END.map(|name| show(name, layer.test.get(name).last()));
            std::iter::once(layer.name.clone()).chain(start).chain(end).collect()
        });
        section.text(
            "Activations and their gradients in the first recorded step, before anything was learnt, and activations on \
             all test images at the last evaluation. A unit is dead if no image lets a gradient through it.",
        );
        let table = Table { caption: String::new(), head, rows: rows.collect() };
        section.blocks.push(crate::report::page::Block::Table(table));
        section
    }

    fn first_steps(&self) -> Section {
        let mut section = Section::new("");
        section
            .text("What the initialisation alone decides shows here, before the optimiser has moved the weights far.");
        self.charts(&mut section, Place::FirstSteps, ", first ten steps", Some(FIRST));
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
        self.charts(&mut section, Place::Forwards, "", None);
        section
    }

    fn gradients(&self) -> Section {
        let mut section = Section::new("");
        section.text("Backwards: what reaches each layer, and how far it moves.");
        self.charts(&mut section, Place::Backwards, "", None);
        section
    }

    fn maps(&self) -> Section {
        let mut section = Section::new("");
        if self.run.layers.len() <= DEPTHS {
            return section;
        }
        section.text("All layers, from the first above to the last below.");
        for (chart, statistic) in charts_at(Place::Map) {
            section.heat(self.map(chart, statistic));
        }
        section
    }

    fn histograms(&self) -> Section {
        let mut section = Section::new("");
        let Some(histograms) = &self.run.histograms else { return section };
        section.text(
            "Histograms of each layer's activations over time, a column for a step, light where many values lie (logarithm \
             of the counts), over the range that the layer's values have. A layer that is mostly dark but for a bright row at 0 \
             wastes most of its units.",
        );
        for layer in spread(histograms.layers().len(), self.detail.histograms) {
            section.heat(over_time(histograms, layer));
        }
        section
    }

    /// The charts of a place, with an ending to their titles; of the steps below `first` alone, if given.
    fn charts(&self, section: &mut Section, place: Place, ending: &str, first: Option<u64>) {
        for (chart, statistic) in charts_at(place) {
            section.chart(self.curves(chart, statistic, ending, first));
        }
    }

    /// A curve for each of the drawn layers.
    fn curves(&self, chart: &statistics::Chart, statistic: &Statistic, ending: &str, first: Option<u64>) -> Chart {
        let drawn = spread(self.run.layers.len(), DEPTHS);
        let series = drawn.iter().enumerate().map(|(i, &layer)| {
            let layer = &self.run.layers[layer];
            let points = curve(&layer.train, statistic, first, self.detail.points);
            Series::new(layer.name.clone(), Style::Depth(i, drawn.len()), Shape::Line, points)
        });
        let rule = |(value, label): (f64, &str)| Rule { upright: false, value, label: label.into() };
        Chart {
            title: format!("{}{ending}", chart.title),
            about: chart.about.into(),
            x: Axis::counts("step"),
            y: axis(statistic),
            series: series.collect(),
            rules: chart.rule.map(rule).into_iter().collect(),
        }
    }

    /// Every layer's values over time as colours.
    fn map(&self, chart: &statistics::Chart, statistic: &Statistic) -> Heat {
        let layers = &self.run.layers;
        let points = |layer: &LayerColumns| curve(&layer.train, statistic, None, self.detail.points);
        let rows: Vec<Vec<Point>> = layers.iter().map(points).collect();
        let columns = rows.iter().map(Vec::len).min().unwrap_or(0);
        let steps = &layers[0].train.steps;
        let about = match statistic.unit {
            Unit::Share => "Light is many.",
            Unit::Signed | Unit::Size => "Light is large.",
        };
        Heat {
            title: format!("{}, all layers", chart.title),
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
            label: match statistic.unit {
                Unit::Share => statistic.label.into(),
                Unit::Signed | Unit::Size => statistic.heading("gradient"),
            },
            kind: axis(statistic).kind,
            scale: self.scales.get(statistic),
            smooth: false,
            height: draw::HEIGHT,
            line: None,
        }
    }
}

/// The axis of a statistic's values.
pub fn axis(statistic: &Statistic) -> Axis {
    match statistic.unit {
        Unit::Signed => Axis::linear(statistic.label),
        Unit::Size => Axis::log(statistic.label),
        Unit::Share => Axis::share(statistic.label),
    }
}

/// A statistic of a phase as few points; of the steps below `first` alone, if given.
pub fn curve(phase: &PhaseColumns, statistic: &Statistic, first: Option<u64>, limit: usize) -> Vec<Point> {
    let n = first.map_or(phase.steps.len(), |end| phase.steps.iter().take_while(|&&step| step < end).count());
    let values = phase.get(statistic.name)[..n].iter().map(|&value| f64::from(value));
    let all = phase.steps.iter().map(|&step| step as f64).zip(values);
    // What few steps have is a line from one of them to the next, not points that nobody sees.
    let few = matches!(statistic.of, Of::Shape(_));
    let (steps, values): (Vec<f64>, Vec<f64>) = all.filter(|(_, value)| !(few && value.is_nan())).unzip();
    thin(steps.into_iter(), values.into_iter(), limit)
}

/// Steps from `first` to `last`, each in the middle of its column.
fn step_side(first: u64, last: u64, columns: usize) -> Side {
    let (first, last) = (first as f64, last as f64);
    let half = if columns < 2 { 0.5 } else { 0.5 * (last - first) / (columns - 1) as f64 };
    let range = [first - half, last + half];
    Side { label: "step".into(), range, kind: Kind::Linear, whole: true, names: Vec::new() }
}

/// Columns of a histogram's picture at most: as many as a chart has units.
const PICTURE: usize = 400;
/// Share of all values that may lie beyond the rows that are shown, at either end.
const BEYOND: f64 = 1e-4;

/// The histograms of one layer as a picture over the range that its values have; neighbouring steps are added where there are many.
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
    let shown = own_range(&bins, height);
    let count = |bin: usize| bins.iter().map(move |column| (1.0 + column[bin] as f64).ln());
    let steps = histograms.steps();
    let step = |step: Option<&i64>| step.map_or(0, |&step| step as u64);
    // The first bin takes what lies below the range, the last what lies above.
    let edge = |bin: usize| low + (bin as f64 - 1.0) * width;
    let range = [edge(shown.start), edge(shown.end)];
    Heat {
        title: format!("Activations of {}", histograms.layers()[layer]),
        about: format!("From {} to {}.", number(range[0].max(low)), number(range[1].min(high))),
        x: step_side(step(steps.first()), step(steps.last()), columns),
        y: Side { label: "activation".into(), range, kind: Kind::Linear, whole: false, names: Vec::new() },
        columns,
        values: shown.rev().flat_map(count).collect(),
        label: "ln(1 + count)".into(),
        kind: Kind::Linear,
        scale: None,
        smooth: true,
        height: 210.0,
        line: None,
    }
}

/// The bins outside of which hardly a value lies, over all columns.
fn own_range(columns: &[Vec<i64>], height: usize) -> std::ops::Range<usize> {
    let totals: Vec<i64> = (0..height).map(|bin| columns.iter().map(|column| column[bin]).sum()).collect();
    let few = BEYOND * totals.iter().sum::<i64>() as f64;
    let beyond = |bins: &mut dyn Iterator<Item = &i64>| {
        let mut sum = 0;
        bins.take_while(|&&count| {
            sum += count;
            sum as f64 <= few
        })
        .count()
    };
    let (start, left_out) = (beyond(&mut totals.iter()), beyond(&mut totals.iter().rev()));
    // Of values that are all alike a few rows around them.
    let end = height.saturating_sub(left_out).max(start + 1).min(height);
    start.min(end.saturating_sub(3))..end.max(3.min(height))
}
