//! Maps of colours: values over two axes as a picture of few bytes.

use std::fmt::Write;

use crate::numerals::number;
use crate::report::draw::{ABOVE, BELOW, Frame, LEFT, LINE, OK, WIDTH, document, labels};
use crate::report::palette::sequential;
use crate::report::png::{data_uri, indexed};
use crate::report::scale::{Kind, Scale, drawable};
use crate::report::text::{coordinate, escape, shorten};

/// Values in rows and columns, drawn as colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Its heading: the quantity shown.
    pub title: String,
    /// A description in a sentence or two.
    pub about: String,
    /// The side from left to right.
    pub x: Side,
    /// The side upwards, or downwards if it has names.
    pub y: Side,
    /// Columns of each row.
    pub columns: usize,
    /// Row after row, the uppermost first; what is not finite stays empty.
    pub values: Vec<f64>,
    /// The meaning of a value.
    pub label: String,
    /// How values become colours.
    pub kind: Kind,
    /// The smallest and the largest value of the maps that share its colours; of this map's own values if absent.
    pub scale: Option<[f64; 2]>,
    /// True if colours run into each other, as those of a picture do, and cells have no edges.
    pub smooth: bool,
    /// Height in units of the chart.
    pub height: f64,
    /// A line over the map, such as a prediction.
    pub line: Option<Line>,
}

/// A line over a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the key below the map.
    pub label: String,
    /// Its corners, as (x, y); it is broken where they are not finite or lie beyond the map.
    pub path: Vec<(f64, f64)>,
    /// The side of the map along which it is told in the table.
    pub side: String,
    /// Its rows in the table: places of that side, and values.
    pub values: Vec<(String, String)>,
}

/// One side of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The quantity that it measures.
    pub label: String,
    /// The outer edges of the first and the last cell.
    pub range: [f64; 2],
    /// How cells are spread over the range.
    pub kind: Kind,
    /// True if only whole numbers mean something.
    pub whole: bool,
    /// Names of the cells instead of numbers; empty for none.
    pub names: Vec<String>,
}

/// The smallest and the largest value of several maps, for the colours that they share.
pub fn range<'a>(values: impl Iterator<Item = &'a f64>) -> Option<[f64; 2]> {
    let finite = values.copied().filter(|value| drawable(*value));
    let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
    (low <= high).then_some([low, high])
}

/// Room for the scale of colours on the right.
const BAR: f64 = 66.0;
/// Colours on the scale: few compress well, and no eye tells more apart.
const LEVELS: usize = 63;

/// Draws a map.
pub fn heat(heat: &Heat, frame: Frame<'_>) -> String {
    let lift = if frame == Frame::Alone { LINE } else { 0.0 };
    let shared = heat.scale.iter().flatten();
    let colours = Scale::fit(heat.kind, heat.values.iter().chain(shared).copied(), [0.0, 1.0]);
    // Names of rows are wider than numbers.
    let left = if heat.y.names.is_empty() { LEFT } else { LEFT + 28.0 };
    let x = Scale { kind: heat.x.kind, domain: heat.x.range, pixels: [left, WIDTH - BAR] };
    let y_pixels = [heat.height - BELOW + lift, ABOVE + lift];
    let y = Scale { kind: heat.y.kind, domain: heat.y.range, pixels: y_pixels };
    let mut body = String::new();
    picture(&mut body, heat, &colours, &x, &y);
    sides(&mut body, heat, &x, &y);
    bar(&mut body, heat, &colours, y_pixels);
    let mut height = heat.height + lift;
    if let Some(line) = &heat.line {
        overlay(&mut body, &path(&line.path, &x, &y));
        key(&mut body, &line.label, left, height + 8.0);
        height += LINE + 8.0;
    }
    let attributes = match frame {
        Frame::Page(_) => attributes(heat, &colours, &x, &y),
        Frame::Alone => String::new(),
    };
    document(frame, &heat.title, &heat.about, height, &attributes, &body)
}

/// Attributes from which the page's script turns a place into values.
fn attributes(heat: &Heat, colours: &Scale, x: &Scale, y: &Scale) -> String {
    let axis = |scale: &Scale, whole: bool| {
        let ([low, high], [from, to]) = (scale.domain, scale.pixels);
        let kind = format!("{:?}", scale.kind).to_lowercase();
        format!("{kind} {low:e} {high:e} {from} {to} {}", if whole { "whole" } else { "any" })
    };
    let names = |side: &Side| escape(&serde_json::Value::from(side.names.clone()).to_string());
    format!(
        r#" data-x="{}" data-y="{}" data-v="{}" data-columns="{}" data-rows="{}" data-x-names="{}" data-y-names="{}""#,
        axis(x, heat.x.whole),
        axis(y, heat.y.whole),
        axis(colours, false),
        heat.columns,
        heat.values.len() / heat.columns.max(1),
        names(&heat.x),
        names(&heat.y)
    )
}

fn picture(to: &mut String, heat: &Heat, colours: &Scale, x: &Scale, y: &Scale) {
    let index = |&value: &f64| match colours.at(value) {
        Some(share) => 1 + (share * (LEVELS - 1) as f64).round() as u8,
        // Zero on a logarithmic scale is the least of all, and not absent.
        None if drawable(value) => 1,
        None => 0,
    };
    let pixels: Vec<u8> = heat.values.iter().map(index).collect();
    let uri = data_uri(&indexed(heat.columns.max(1), &pixels, &levels()));
    let ([left, right], [bottom, top]) = (x.pixels, y.pixels);
    let (width, height) = (right - left, bottom - top);
    write!(
        to,
        r#"<image class="cells" x="{left}" y="{top}" width="{width}" height="{height}" preserveAspectRatio="none" "#
    )
    .expect(OK);
    let rendering = if heat.smooth { "auto" } else { "pixelated" };
    write!(to, r#"style="image-rendering:{rendering}" href="{uri}"/>"#).expect(OK);
    write!(to, r#"<path class="axis" d="M{left},{top}H{right}V{bottom}H{left}Z"/>"#).expect(OK);
}

/// The picture's colours; the first is that of an empty cell.
fn levels() -> Vec<[u8; 3]> {
    let scale = (0..LEVELS).map(|i| sequential(i as f64 / (LEVELS - 1) as f64));
    std::iter::once([255, 255, 255]).chain(scale).collect()
}

fn sides(to: &mut String, heat: &Heat, x: &Scale, y: &Scale) {
    let ([left, right], [bottom, top]) = (x.pixels, y.pixels);
    for (place, label) in places(&heat.x, x, 5, (right - left) / 50.0) {
        write!(to, r#"<text x="{place:.1}" y="{}" text-anchor="middle">{label}</text>"#, bottom + 18.0).expect(OK);
    }
    for (place, label) in places(&heat.y, y, 4, (bottom - top) / 15.0) {
        write!(to, r#"<text x="{}" y="{:.1}" text-anchor="end">{label}</text>"#, left - 6.0, place + 4.0).expect(OK);
    }
    labels(to, [&heat.x.label, &heat.y.label], x, y);
}

/// Where labels of a side stand, and the labels, ready for markup; of names, as many as have room.
fn places(side: &Side, scale: &Scale, ticks: usize, room: f64) -> Vec<(f64, String)> {
    let [from, to] = scale.pixels;
    if side.names.is_empty() {
        let ticks = scale.ticks(ticks, side.whole).into_iter();
        return ticks.filter_map(|tick| Some((scale.at(tick.value)?, tick.label))).collect();
    }
    let n = side.names.len();
    let every = (n as f64 / room.max(1.0)).ceil().max(1.0) as usize;
    // Names of rows are read downwards: the first stands above.
    let downwards = to < from;
    let name = |i: usize| {
        let share = (i as f64 + 0.5) / n as f64;
        let place = from + (if downwards { 1.0 - share } else { share }) * (to - from);
        (place, escape(&shorten(&side.names[i], 8)))
    };
    (0..n).step_by(every).map(name).collect()
}

/// The scale of colours, read upwards.
fn bar(to: &mut String, heat: &Heat, colours: &Scale, [bottom, top]: [f64; 2]) {
    let x = WIDTH - BAR + 12.0;
    let pixels: Vec<u8> = (1..=LEVELS as u8).rev().collect();
    let uri = data_uri(&indexed(1, &pixels, &levels()));
    let height = bottom - top;
    write!(to, r#"<image class="scale" x="{x}" y="{top}" width="12" height="{height}" "#).expect(OK);
    write!(to, r#"preserveAspectRatio="none" href="{uri}"/>"#).expect(OK);
    let upright = Scale { pixels: [bottom, top], ..*colours };
    for tick in upright.ticks(4, false) {
        let Some(y) = upright.at(tick.value) else { continue };
        let label = if tick.label.len() > 6 { number(tick.value) } else { tick.label };
        write!(to, r#"<text class="small" x="{}" y="{:.1}">{label}</text>"#, x + 16.0, y + 4.0).expect(OK);
    }
    let label = escape(&shorten(&heat.label, 30));
    write!(to, r#"<text x="{}" y="{}" text-anchor="end" class="v-label">{label}</text>"#, WIDTH - 4.0, top - 10.0)
        .expect(OK);
}

/// A line's path over the map.
fn path(line: &[(f64, f64)], x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    let within = |place: f64, [a, b]: [f64; 2]| (a.min(b)..=a.max(b)).contains(&place);
    let mut pen_down = false;
    for &(a, b) in line {
        match (x.at(a), y.at(b)) {
            (Some(a), Some(b)) if within(a, x.pixels) && within(b, y.pixels) => {
                path.push(if pen_down { 'L' } else { 'M' });
                coordinate(&mut path, a);
                path.push(',');
                coordinate(&mut path, b);
                pen_down = true;
            }
            _ => pen_down = false,
        }
    }
    path
}

/// Draws a path so that it is seen on every colour of the scale, and on every page: black over white.
fn overlay(to: &mut String, path: &str) {
    if !path.is_empty() {
        write!(to, r##"<path d="{path}" fill="none" stroke="#ffffff" stroke-width="4"/>"##).expect(OK);
        write!(to, r##"<path d="{path}" fill="none" stroke="#000000" stroke-width="1.8" stroke-dasharray="6 3"/>"##)
            .expect(OK);
    }
}

/// Writes the key below the map: the line and its name.
fn key(to: &mut String, label: &str, x: f64, y: f64) {
    overlay(to, &format!("M{x},{y}h28"));
    write!(to, r#"<text x="{}" y="{}">{}</text>"#, x + 36.0, y + 4.0, escape(&shorten(label, 46))).expect(OK);
}
