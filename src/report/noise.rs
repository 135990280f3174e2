//! Draws `noise.csv`: the noise scale of every layer's gradient over time.

use crate::inference::noise::{GradientNoise, scale_of};
use crate::record::noise::{ALL, LayerNoise};
use crate::record::read::RunRecords;
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::page::Section;
use crate::report::palette::{DEPTHS, Style};
use crate::report::thin::Point;

/// Points of a curve, each over a window of steps.
const WINDOWS: usize = 24;
/// Steps of a window at least: of fewer the ratio says little.
const STEPS: usize = 4;

/// The section about the noise of gradients; without blocks if none was recorded.
pub fn section(run: &RunRecords) -> Section {
    let mut section = Section::new("Noise of the gradients");
    let Some(all) = run.noise.iter().find(|layer| layer.layer == ALL) else { return section };
    section.text(
        "The simple noise scale tr Σ/|G|² (McCandlish et al. 2018) of each layer's gradient and of all together: the batch at which \
         signal and noise of a step are equally large. tr Σ and |G|² are averaged over windows of steps before they are divided.",
    );
    let images = all.images.iter().copied().max().unwrap_or(0);
    let batch = Rule { upright: false, value: images as f64, label: format!("batch of {images}") };
    let scale = |noise: &GradientNoise, _: usize| noise.scale();
    section.chart(chart(run, "Gradient noise scale", "images", scale, batch));
    let even = Rule { upright: false, value: 1.0, label: "as much signal as noise".into() };
    let ratio = |noise: &GradientNoise, images: usize| noise.signal_to_noise(images).filter(|ratio| *ratio > 0.0);
    section.chart(chart(run, "Signal-to-noise ratio of a step's gradient", "ratio", ratio, even));
    section
}

fn chart(
    run: &RunRecords,
    title: &str,
    unit: &str,
    of: impl Fn(&GradientNoise, usize) -> Option<f64> + Copy,
    rule: Rule,
) -> Chart {
    let layers: Vec<&LayerNoise> = run.noise.iter().filter(|layer| layer.layer != ALL).collect();
    let drawn = super::layers::spread(layers.len(), DEPTHS - 1);
    let mut series: Vec<Series> = drawn
        .iter()
        .enumerate()
        .map(|(i, &at)| {
            let style = Style::Depth(i, drawn.len());
            Series::new(layers[at].layer.clone(), style, Shape::Line, curve(layers[at], of))
        })
        .collect();
    let all = run.noise.iter().filter(|layer| layer.layer == ALL);
    series.extend(all.map(|all| Series::new("all layers", Style::Category(1), Shape::Marked, curve(all, of))));
    let about = "Each point is a window of recorded steps; a gap is a window whose gradient is lost in noise.";
    Chart {
        title: title.into(),
        about: about.into(),
        x: Axis::counts("step"),
        y: Axis::log(unit),
        series,
        rules: vec![rule],
    }
}

/// One point for each window of steps.
fn curve(layer: &LayerNoise, of: impl Fn(&GradientNoise, usize) -> Option<f64>) -> Vec<Point> {
    let n = layer.noise.len();
    let size = n.div_ceil(WINDOWS).max(STEPS.min(n)).max(1);
    let window = |i: usize| {
        let range = i * size..((i + 1) * size).min(n);
        let k = range.len() as f64;
        let sum = |of: fn(&GradientNoise) -> f64| layer.noise[range.clone()].iter().map(of).sum::<f64>() / k;
        let noise = GradientNoise { trace: sum(|noise| noise.trace), square: sum(|noise| noise.square) };
        let (first, last) = (layer.steps[range.start], layer.steps[range.end - 1]);
        let x = (first + last) as f64 / 2.0;
        let interval = scale_of(&layer.noise[range.clone()]);
        let y = of(&noise, layer.images[range.start]).unwrap_or(f64::NAN);
        // The interval of the scale, carried over to what is drawn.
        match interval.filter(|interval| interval.value > 0.0 && y.is_finite()) {
            Some(interval) => {
                let [a, b] = [interval.low, interval.high].map(|end| y * (end / interval.value));
                let [c, d] = [interval.high, interval.low].map(|end| y * (interval.value / end));
                let direct = (y - interval.value).abs() <= 1e-9 * y;
                let (low, high) = if direct { (a, b) } else { (c, d) };
                Point { x, y, low, high: if high.is_finite() { high } else { y } }
            }
            None => Point::new(x, y),
        }
    };
    (0..n.div_ceil(size)).map(window).collect()
}
