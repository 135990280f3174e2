//! Charts a signal's predicted length from layer to layer, for the variances that are given and for the known starts.

use anyhow::Context;

use crate::activation::Activation;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::palette::Style;
use crate::report::thin::Point;
use crate::theory::critical::critical_point;
use crate::theory::length::LengthMap;

/// Layers of the chart where no depth is given.
pub(crate) const LAYERS: u32 = 30;

/// The second moment of the pre-activations from layer to layer, starting at 1, for PyTorch's, LeCun's (Xavier's at equal widths), Kaiming's
/// (for ReLU) and the critical weight variance, and for the variances that are given.
///
/// # Errors
/// The given variances are no variances.
pub(crate) fn by_layer(phi: Activation, [w, b]: [Option<f64>; 2], depth: usize) -> anyhow::Result<Chart> {
    let mut maps: Vec<(String, LengthMap)> = Vec::new();
    let b = b.unwrap_or(0.0);
    if let Some(w) = w {
        maps.push((format!("given: {w}"), LengthMap::new(phi, w, b).context("cannot follow the length")?));
    }
    let critical = critical_point(phi, 0.0).ok().map(|point| point.variance_w);
    let known = [
        ("torch, 1/3", Some(1.0 / 3.0)),
        ("xavier, 1", Some(1.0)),
        ("kaiming for ReLU, 2", Some(2.0)),
        ("critical", critical),
    ];
    for (name, variance) in known.into_iter().filter_map(|(name, variance)| Some((name, variance?))) {
        let same =
            |(_, map): &(String, LengthMap)| (map.variance_w() - variance).abs() < 1e-9 && map.variance_b() == 0.0;
        let name = if name == "critical" { format!("critical, {variance:.3}") } else { name.to_owned() };
        if !maps.iter().any(same) {
            maps.extend(LengthMap::new(phi, variance, 0.0).ok().map(|map| (name, map)));
        }
    }
    let line = |(i, (name, map)): (usize, &(String, LengthMap))| {
        let lengths = std::iter::successors(Some(1.0), |&q| Some(map.next(q)));
        let points = lengths.take(depth).enumerate().map(|(layer, q)| Point::new((layer + 1) as f64, q)).collect();
        Series::new(name.clone(), Style::Category(i), Shape::Line, points)
    };
    Ok(Chart {
        title: format!("{phi}: length of the signal by layer"),
        about: "E[z²] from layer to layer as mean field theory has it, for fan_in times the weights' variance, starting at 1.".into(),
        x: Axis { whole: true, include: vec![1.0], ..Axis::linear("layer") },
        y: Axis::log("E[z²]"),
        series: maps.iter().enumerate().map(line).collect(),
        rules: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relu_halves_the_length_for_xavier_and_keeps_it_for_kaiming() {
        let chart = by_layer(Activation::Relu, [None, None], 5).unwrap();
        let last = |name: &str| chart.series.iter().find(|s| s.name.starts_with(name)).unwrap().points[4].y;
        assert!((last("xavier") - 0.0625).abs() < 1e-12 && (last("kaiming") - 1.0).abs() < 1e-12, "{chart:?}");
        assert!(chart.series.iter().all(|series| !series.name.starts_with("critical")), "that of ReLU is Kaiming's");
        assert!(by_layer(Activation::Relu, [Some(-1.0), None], 5).is_err());
    }
}
