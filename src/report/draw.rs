//! Charts as SVG: text that is the same for the same chart, byte for byte.

use std::fmt::Write;

use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::palette;
use crate::report::scale::Scale;
use crate::report::text::{coordinate, escape, shorten};
use crate::report::thin::Point;

/// Width of a chart in its own units; a page or a slide scales it.
pub const WIDTH: f64 = 480.0;
/// Height of a chart within a page.
pub const HEIGHT: f64 = 300.0;

/// Room around the plot: left, right, above, below.
pub(crate) const LEFT: f64 = 60.0;
const RIGHT: f64 = 14.0;
pub(crate) const ABOVE: f64 = 26.0;
pub(crate) const BELOW: f64 = 44.0;

/// Height of a line of the legend, and of the title, in a picture that stands alone.
pub(crate) const LINE: f64 = 18.0;

/// Where an SVG goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Into a page that has the colours, the heading and the legend; its elements' ids begin with this.
    Page(&'a str),
    /// Into a file of its own.
    Alone,
}

/// A frame with a title for readers who cannot see, and what `body` draws within.
pub(crate) fn document(
    frame: Frame<'_>,
    title: &str,
    about: &str,
    height: f64,
    attributes: &str,
    body: &str,
) -> String {
    let heading = escape(&shorten(title, 60));
    let (title, about) = (escape(&shorten(title, 200)), escape(&shorten(about, 500)));
    let id = match frame {
        Frame::Page(id) => id,
        Frame::Alone => "chart",
    };
    let mut svg = String::with_capacity(body.len() + 600);
    write!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {height}""#).expect(OK);
    if frame == Frame::Alone {
        write!(svg, r#" width="{WIDTH}" height="{height}""#).expect(OK);
    }
    write!(svg, r#" role="img" aria-labelledby="{id}-t {id}-d"{attributes}>"#).expect(OK);
    write!(svg, r#"<title id="{id}-t">{title}</title><desc id="{id}-d">{about}</desc>"#).expect(OK);
    if frame == Frame::Alone {
        write!(svg, "<style>{ALONE}{}</style>", palette::rules(false)).expect(OK);
        write!(svg, r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##).expect(OK);
        write!(svg, r#"<text class="title" x="12" y="20">{heading}</text>"#).expect(OK);
    }
    svg.push_str(body);
    svg.push_str("</svg>");
    svg
}

/// Style sheet of a file of its own; a page has the same rules in its style sheet.
const ALONE: &str = "text{font:12px 'DejaVu Sans',Verdana,Arial,sans-serif;fill:#1c1f26}\
.title{font-size:13px;font-weight:bold}.small{font-size:11px}\
.grid{stroke:#d9dce3;stroke-width:1}.axis{stroke:#5b6270;stroke-width:1;fill:none}\
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.faint{stroke-width:1;opacity:.3}\
.band{opacity:.18}.cross{stroke-width:2.4}.rule{stroke:#5b6270;stroke-width:1.2;stroke-dasharray:4 3}";

pub(crate) const OK: &str = "strings take everything";

/// Draws a chart.
pub fn chart(chart: &Chart, frame: Frame<'_>) -> String {
    let lift = if frame == Frame::Alone { LINE } else { 0.0 };
    let legend = if frame == Frame::Alone { legend(chart, HEIGHT + lift) } else { (String::new(), 0.0) };
    let plot = Plot::new(chart, lift);
    let mut body = String::new();
    plot.axes(&mut body);
    for rule in &chart.rules {
        plot.rule(&mut body, rule);
    }
    for (i, series) in chart.series.iter().enumerate() {
        plot.series(&mut body, i, series);
    }
    body.push_str(&legend.0);
    let attributes =
        format!(" data-x=\"{}\" data-y=\"{}\"", axis_data(&plot.x, &chart.x), axis_data(&plot.y, &chart.y));
    document(frame, &chart.title, &chart.about, HEIGHT + lift + legend.1, &attributes, &body)
}

/// An axis for the page's script: kind, domain, where it lies, whether whole.
fn axis_data(scale: &Scale, axis: &Axis) -> String {
    let ([low, high], [from, to]) = (scale.domain, scale.pixels);
    let kind = format!("{:?}", scale.kind).to_lowercase();
    let whole = if axis.names.is_empty() { if axis.whole { "whole" } else { "any" } } else { "names" };
    format!("{kind} {low:e} {high:e} {from} {to} {whole}")
}

struct Plot<'a> {
    chart: &'a Chart,
    x: Scale,
    y: Scale,
}

impl<'a> Plot<'a> {
    fn new(chart: &'a Chart, lift: f64) -> Self {
        let (xs, ys) = chart.extent();
        let x = Scale::fit(chart.x.kind, xs.into_iter(), [LEFT, WIDTH - RIGHT]);
        let x =
            if chart.x.names.is_empty() { x } else { Scale { domain: [chart.x.include[0], chart.x.include[1]], ..x } };
        let y = Scale::fit(chart.y.kind, ys.into_iter(), [HEIGHT - BELOW + lift, ABOVE + lift]);
        Self { chart, x, y }
    }

    fn axes(&self, to: &mut String) {
        let ([left, right], [bottom, top]) = (self.x.pixels, self.y.pixels);
        to.push_str(r#"<g class="ticks-y">"#);
        for tick in self.y.ticks(5, self.chart.y.whole) {
            let Some(y) = self.y.at(tick.value) else { continue };
            write!(to, r#"<path class="grid" d="M{left},{y:.1}H{right}"/>"#).expect(OK);
            write!(to, r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#, left - 6.0, y + 4.0, tick.label)
                .expect(OK);
        }
        to.push_str(r#"</g><g class="ticks-x">"#);
        match &self.chart.x.names[..] {
            [] => {
                for tick in self.x.ticks(5, self.chart.x.whole) {
                    let Some(x) = self.x.at(tick.value) else { continue };
                    write!(to, r#"<path class="grid" d="M{x:.1},{top}V{bottom}"/>"#).expect(OK);
                    self.under(to, x, &tick.label, &tick.label);
                }
            }
            names => {
                // As wide as letters are on a phone, where they are larger in relation to the chart.
                let room = (right - left) / names.len() as f64 / 9.0;
                for (i, name) in names.iter().enumerate() {
                    let x = self.x.at(i as f64).expect("places of names lie on the axis");
                    self.under(to, x, &shorten(name, (room as usize).max(2)), name);
                }
            }
        }
        write!(to, r#"</g><path class="axis" d="M{left},{top}V{bottom}H{right}"/>"#).expect(OK);
        labels(to, [&self.chart.x.label, &self.chart.y.label], &self.x, &self.y);
    }

    /// A label below the axis, with its full text where it was cut.
    fn under(&self, to: &mut String, x: f64, label: &str, full: &str) {
        let more =
            if label == full { String::new() } else { format!("<title>{}</title>", escape(&shorten(full, 200))) };
        let y = self.y.pixels[0] + 18.0;
        write!(to, r#"<text x="{x:.1}" y="{y}" text-anchor="middle">{}{more}</text>"#, escape(label)).expect(OK);
    }

    fn rule(&self, to: &mut String, rule: &Rule) {
        let ([left, right], [bottom, top]) = (self.x.pixels, self.y.pixels);
        let Some(at) = (if rule.upright { &self.x } else { &self.y }).at(rule.value) else { return };
        let label = escape(&shorten(&rule.label, 60));
        let axis = if rule.upright { "x" } else { "y" };
        write!(to, r#"<g class="mark" data-{axis}="{:e}">"#, rule.value).expect(OK);
        if rule.upright {
            let (x, anchor) = if at > (left + right) / 2.0 { (at - 4.0, "end") } else { (at + 4.0, "start") };
            write!(to, r#"<path class="rule" d="M{at:.2},{top}L{at:.2},{bottom}"/>"#).expect(OK);
            write!(
                to,
                r#"<text class="small" x="{x:.1}" y="{}" text-anchor="{anchor}">{label}</text></g>"#,
                top + 11.0
            )
            .expect(OK);
        } else {
            let y = if at < top + 14.0 { at + 12.0 } else { at - 4.0 };
            write!(to, r#"<path class="rule" d="M{left},{at:.2}L{right},{at:.2}"/>"#).expect(OK);
            write!(to, r#"<text class="small" x="{}" y="{y:.1}" text-anchor="end">{label}</text></g>"#, right - 2.0)
                .expect(OK);
        }
    }

    fn series(&self, to: &mut String, index: usize, series: &Series) {
        let name = escape(&shorten(&series.name, 80));
        write!(to, r#"<g class="series {}" data-name="{name}">"#, series.style.class()).expect(OK);
        if series.shape != Shape::Dots {
            self.band(to, series);
            for line in &series.faint {
                let path = self.line(line, series.shape);
                write!(to, r#"<path class="line faint" d="{path}"/>"#).expect(OK);
            }
            let path = self.line(&series.points, series.shape);
            let dash = series.style.dash();
            let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
            write!(to, r#"<path class="line value" d="{path}"{dash}/>"#).expect(OK);
        } else {
            self.bars(to, &series.points);
        }
        for (x, y) in self.markers(index, series) {
            let outline = series.style.marker();
            to.push_str(r#"<path class="dot fill" transform="translate("#);
            pair(to, x, y);
            write!(to, r#")" d="{outline}"/>"#).expect(OK);
        }
        if let Some((ring, (x, y))) = series.ring.and_then(|ring| Some((ring, self.place(ring.x, ring.y)?))) {
            to.push_str(r#"<path class="line" transform="translate("#);
            pair(to, x, y);
            let dash = if ring.dashed { r#" stroke-dasharray="3 2.6""# } else { "" };
            write!(to, r#")" d="M-8,0A8,8 0 1 0 8,0A8,8 0 1 0 -8,0Z"{dash}/>"#).expect(OK);
        }
        // What ended without any value ends at the top.
        let top = |y: f64| self.y.at(y).unwrap_or(self.y.pixels[1]);
        for (x, y) in series.crosses.iter().filter_map(|&(x, y)| Some((self.x.at(x)?, top(y)))) {
            to.push_str(r#"<path class="line cross" transform="translate("#);
            pair(to, x, y);
            to.push_str(r#")" d="M-5,-5L5,5M-5,5L5,-5"/>"#);
        }
        to.push_str("</g>");
    }

    fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x.at(x)?, self.y.at(y)?))
    }

    /// A path through the points, broken where a value has no place.
    fn line(&self, points: &[Point], shape: Shape) -> String {
        let mut path = String::with_capacity(points.len() * 14);
        for run in self.runs(points) {
            for (i, corner) in corners(run.iter().map(|p| (p[0], p[1])), shape).into_iter().enumerate() {
                path.push(if i == 0 { 'M' } else { 'L' });
                pair(&mut path, corner.0, corner.1);
            }
        }
        path
    }

    /// The area between the smallest and the largest values that the points stand for.
    fn band(&self, to: &mut String, series: &Series) {
        if !series.points.iter().any(|p| p.low < p.high) {
            return;
        }
        let mut path = String::with_capacity(series.points.len() * 28);
        for run in self.runs(&series.points) {
            let high = corners(run.iter().map(|p| (p[0], p[3])), series.shape);
            let low = corners(run.iter().map(|p| (p[0], p[2])), series.shape);
            for (i, &(x, y)) in high.iter().chain(low.iter().rev()).enumerate() {
                path.push(if i == 0 { 'M' } else { 'L' });
                pair(&mut path, x, y);
            }
            path.push('Z');
        }
        write!(to, r#"<path class="band fill" d="{path}"/>"#).expect(OK);
    }

    /// Bars from low to high.
    fn bars(&self, to: &mut String, points: &[Point]) {
        let mut path = String::new();
        for [x, _, low, high] in self.runs(points).into_iter().flatten().filter(|p| p[2] != p[3]) {
            path.push('M');
            pair(&mut path, x, low);
            path.push('L');
            pair(&mut path, x, high);
        }
        if !path.is_empty() {
            write!(to, r#"<path class="line bar" d="{path}"/>"#).expect(OK);
        }
    }

    /// Runs of points that have a place, as x, y, low, high on the page. A low end below a logarithmic axis lies on it.
    fn runs(&self, points: &[Point]) -> Vec<Vec<[f64; 4]>> {
        let mut runs = vec![Vec::new()];
        for point in points {
            match self.place(point.x, point.y) {
                Some((x, y)) => {
                    let end = |value: f64| self.y.at(value);
                    let low = end(point.low).unwrap_or(self.y.pixels[0]);
                    runs.last_mut().expect("never empty").push([x, y, low, end(point.high).unwrap_or(y)]);
                }
                None => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// Where markers stand: on every point, or on some so that lines can be told apart without colour.
    fn markers(&self, index: usize, series: &Series) -> Vec<(f64, f64)> {
        let places: Vec<_> = series.points.iter().filter_map(|p| self.place(p.x, p.y)).collect();
        let every = match series.shape {
            Shape::Dots | Shape::Marked => 1,
            Shape::Line | Shape::Stairs => places.len().div_ceil(5).max(1),
        };
        let first = if every == 1 { 0 } else { (every / 2 + index * every / 8) % every };
        places.into_iter().skip(first).step_by(every).collect()
    }
}

/// Writes the axes' labels: below the plot, and above its left edge.
pub(crate) fn labels(to: &mut String, [x_label, y_label]: [&str; 2], x: &Scale, y: &Scale) {
    let ([left, right], [bottom, top]) = (x.pixels, y.pixels);
    let (x_label, y_label) = (escape(&shorten(x_label, 60)), escape(&shorten(y_label, 50)));
    let middle = (left + right) / 2.0;
    write!(to, r#"<text x="{middle}" y="{}" text-anchor="middle" class="x-label">{x_label}</text>"#, bottom + 36.0)
        .expect(OK);
    write!(to, r#"<text x="6" y="{}" class="y-label">{y_label}</text>"#, top - 10.0).expect(OK);
}

/// The corners of a line or a stair through points on the page.
fn corners(points: impl Iterator<Item = (f64, f64)>, shape: Shape) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for (x, y) in points {
        if let (Shape::Stairs, Some(&(_, before))) = (shape, corners.last()) {
            corners.push((x, before));
        }
        corners.push((x, y));
    }
    corners
}

fn pair(to: &mut String, x: f64, y: f64) {
    coordinate(to, x);
    to.push(',');
    coordinate(to, y);
}

/// The legend below a picture that stands alone, and its height.
fn legend(chart: &Chart, top: f64) -> (String, f64) {
    if chart.series.len() < 2 {
        return (String::new(), 0.0);
    }
    let longest = chart.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0).clamp(8, 60);
    let columns = ((WIDTH - 24.0) / (46.0 + 7.2 * longest as f64)).floor().clamp(1.0, 4.0) as usize;
    let step = (WIDTH - 24.0) / columns as f64;
    let mut text = String::new();
    for (i, series) in chart.series.iter().enumerate() {
        let (x, y) = (12.0 + (i % columns) as f64 * step, top + 8.0 + (i / columns) as f64 * LINE);
        let name = escape(&shorten(&series.name, ((step - 40.0) / 7.2) as usize));
        write!(text, r#"<g class="{}" transform="translate({x},{y})">{}"#, series.style.class(), swatch(series))
            .expect(OK);
        write!(text, r#"<text x="34" y="4">{name}</text></g>"#).expect(OK);
    }
    (text, 12.0 + LINE * chart.series.len().div_ceil(columns) as f64)
}

/// A sample of a series' look, 28 wide, around y = 0.
pub(crate) fn swatch(series: &Series) -> String {
    let (dash, marker) = (series.style.dash(), series.style.marker());
    let line = match series.shape {
        Shape::Dots => String::new(),
        Shape::Line | Shape::Marked | Shape::Stairs => format!(
            r#"<path class="line" d="M0,0H28" stroke-dasharray="{}"/>"#,
            if dash.is_empty() { "none" } else { dash }
        ),
    };
    format!(r#"{line}<path class="fill" transform="translate(14,0)" d="{marker}"/>"#)
}
