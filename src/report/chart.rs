//! The content of a chart, apart from how it is drawn.

use crate::report::palette::Style;
use crate::report::scale::Kind;
use crate::report::thin::Point;

/// Curves, bands and points over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its heading: the quantity shown.
    pub title: String,
    /// A description in a sentence or two, for readers who cannot see it, and below the heading.
    pub about: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The series to draw.
    pub series: Vec<Series>,
    /// Straight lines across.
    pub rules: Vec<Rule>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The quantity that it measures.
    pub label: String,
    /// Linear or logarithmic.
    pub kind: Kind,
    /// True if only whole numbers mean something.
    pub whole: bool,
    /// Values that are shown even where nothing lies.
    pub include: Vec<f64>,
    /// Names of the places 0, 1, 2, … instead of numbers; empty for none.
    pub names: Vec<String>,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), kind: Kind::Linear, whole: false, include: Vec::new(), names: Vec::new() }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { kind: Kind::Log, ..Self::linear(label) }
    }

    /// A linear axis of whole numbers from 0, such as steps and layers.
    pub fn counts(label: impl Into<String>) -> Self {
        Self { whole: true, include: vec![0.0], ..Self::linear(label) }
    }

    /// A linear axis from 0 to 1.
    pub fn share(label: impl Into<String>) -> Self {
        Self { include: vec![0.0, 1.0], ..Self::linear(label) }
    }

    /// Places with names.
    pub fn names(label: impl Into<String>, names: Vec<String>) -> Self {
        let include = vec![-0.5, names.len() as f64 - 0.5];
        Self { whole: true, include, names, ..Self::linear(label) }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line through the points, and a band from `low` to `high` where they differ.
    Line,
    /// A line as [`Shape::Line`], with a marker on every point.
    Marked,
    /// A stair: each value holds until the next point.
    Stairs,
    /// Markers alone, and a bar from `low` to `high` where they differ.
    Dots,
}

/// One set of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Colour, dash and marker.
    pub style: Style,
    /// Line, stair or dots.
    pub shape: Shape,
    /// The points, in the order of x.
    pub points: Vec<Point>,
    /// Faint lines behind it, such as single seeds.
    pub faint: Vec<Vec<Point>>,
    /// Places where something ended, such as a run that diverged; at the top if the value is not finite.
    pub crosses: Vec<(f64, f64)>,
    /// The point that stands out, such as the best.
    pub ring: Option<Ring>,
}

/// A ring around a point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// The point's place.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// True if it is a doubtful one.
    pub dashed: bool,
}

impl Series {
    /// A series of points alone.
    pub fn new(name: impl Into<String>, style: Style, shape: Shape, points: Vec<Point>) -> Self {
        Self { name: name.into(), style, shape, points, faint: Vec::new(), crosses: Vec::new(), ring: None }
    }
}

/// A straight line across the chart at one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// True if it stands upright, at a value of x.
    pub upright: bool,
    /// The value.
    pub value: f64,
    /// Its meaning, in words.
    pub label: String,
}

/// A line of a chart's table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Place along the x axis.
    pub x: f64,
    /// Each series' value there; of lines and stairs the last up to there, if they have begun.
    pub values: Vec<Option<f64>>,
}

impl Chart {
    /// True if there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        let drawable = |p: &Point| p.y.is_finite();
        self.series
            .iter()
            .all(|s| !s.points.iter().chain(s.faint.iter().flatten()).any(drawable) && s.crosses.is_empty())
    }

    /// Every value that must be visible, along x and along y.
    pub(crate) fn extent(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut xs, mut ys) = (self.x.include.clone(), self.y.include.clone());
        for series in &self.series {
            for point in series.points.iter().chain(series.faint.iter().flatten()) {
                xs.push(point.x);
                ys.extend([point.y, point.low, point.high]);
            }
            for &(x, y) in &series.crosses {
                xs.push(x);
                ys.push(y);
            }
        }
        for rule in &self.rules {
            if rule.upright { &mut xs } else { &mut ys }.push(rule.value);
        }
        (xs, ys)
    }

    /// The chart as rows: at most `limit`, evenly chosen, the first and the last among them; with how many there are.
    pub fn rows(&self, limit: usize) -> (Vec<Row>, usize) {
        let mut xs: Vec<f64> = self.series.iter().flat_map(|s| &s.points).map(|p| p.x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let (n, kept) = (xs.len(), xs.len().min(limit));
        let place = |i: usize| if kept < 2 { 0 } else { i * (n - 1) / (kept - 1) };
        let value = |series: &Series, x: f64| {
            let last = series.points.iter().rev().find(|p| p.x <= x);
            let alone = matches!(series.shape, Shape::Marked | Shape::Dots);
            last.filter(|p| !alone || p.x == x).map(|p| p.y)
        };
        let row = |x: f64| Row { x, values: self.series.iter().map(|series| value(series, x)).collect() };
        ((0..kept).map(|i| row(xs[place(i)])).collect(), n)
    }
}
