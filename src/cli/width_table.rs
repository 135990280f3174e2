//! The tables of `initlab width` and its verdict, in 80 columns.

use crate::cli::findings;
use crate::cli::theory_rows::wrapped;
use crate::config::parametrisation::Parametrisation;
use crate::inference::spread::geometric_mean;
use crate::numerals::{or_dash, three_digits};
use crate::width::WidthRecord;
use crate::width::record::{Growth, LayerRecord};

/// Columns of widths, at most.
const COLUMNS: usize = 7;

/// The whole text.
pub(crate) fn text(found: &WidthRecord) -> String {
    format!("{}\n{}\n{}\n{}", head(found), exponents(found), sizes(found), findings::text(&found.findings))
}

fn head(found: &WidthRecord) -> String {
    let WidthRecord { name, widths, seeds, images, dataset, optimizer, .. } = found;
    let kind = serde_json::to_value(optimizer).ok().and_then(|all| Some(all["kind"].as_str()?.to_owned()));
    let parametrisation = match found.parametrisation {
        Parametrisation::Standard => "standard parametrisation",
        Parametrisation::Mup => "maximal update parametrisation",
    };
    let line = format!(
        "{name}: {} widths from {} to {}, {parametrisation}, {} at rate {}; {} seeds, {images} images of {dataset}",
        widths.len(),
        widths[0],
        widths[widths.len() - 1],
        kind.unwrap_or_default(),
        optimizer.lr,
        seeds.len(),
    );
    format!("{}\n", wrapped(&line, ""))
}

/// A layer's growths that are shown: at the start, after the first step and after the last.
fn shown(layer: &LayerRecord) -> Vec<&Growth> {
    let mut all = vec![&layer.start];
    all.extend(layer.changes.first());
    if layer.changes.len() > 1 {
        all.extend(layer.changes.last());
    }
    all
}

fn exponents(found: &WidthRecord) -> String {
    let title = format!(
        "size of the pre-activations at the start, and of their change, as a power of the width: its exponent, with its {} % interval, \
         beside theory's of infinite width",
        100.0 * found.confidence
    );
    let mut text = format!("{}\n{:<12}", wrapped(&title, ""), "layer");
    let after = format!("{} steps", found.steps);
    let heads = ["at the start", "1 step", &after];
    let columns = if found.steps > 1 { 3 } else { 2 };
    heads[..columns].iter().for_each(|head| text += &format!("{head:>15}{:>7}", "theory"));
    for layer in &found.layers {
        text += &format!("\n{:<12}", layer.name);
        for growth in shown(layer) {
            let theory = growth.theory.map_or_else(|| "–".into(), |theory| format!("{theory:.1}"));
            text += &format!("{:>15}{theory:>7}", with_interval(growth));
        }
    }
    text + "\n"
}

/// `0.97 ± 0.04`.
fn with_interval(growth: &Growth) -> String {
    // Without a sign where it would be that of a rounded 0.
    let number = |x: f64| format!("{:.2}", if x.abs() < 0.005 { 0.0 } else { x });
    match (growth.mean, growth.interval) {
        (Some(mean), Some([low, high])) => format!("{} ± {:.2}", number(mean), 0.5 * (high - low)),
        (Some(mean), None) => number(mean),
        (None, _) => "–".into(),
    }
}

/// The sizes behind the last exponents, at widths among which are the first and the last.
fn sizes(found: &WidthRecord) -> String {
    let n = found.widths.len();
    let kept = n.min(COLUMNS);
    let places: Vec<usize> = (0..kept).map(|i| i * (n - 1) / (kept - 1).max(1)).collect();
    let plural = if found.steps == 1 { "" } else { "s" };
    let title = format!(
        "size of the change after {} step{plural} by width: root mean square, geometric mean of the seeds",
        found.steps
    );
    let mut text = format!("{}\n{:<12}", wrapped(&title, ""), "layer");
    places.iter().for_each(|&place| text += &format!("{:>9}", found.widths[place]));
    for layer in &found.layers {
        text += &format!("\n{:<12}", layer.name);
        let sizes = layer.changes.last().map_or(&[][..], |growth| &growth.sizes);
        for &place in &places {
            let there: Vec<f64> = sizes[place].iter().flatten().copied().collect();
            text += &format!("{:>9}", or_dash((!there.is_empty()).then(|| geometric_mean(&there)), three_digits));
        }
    }
    text + "\n"
}
