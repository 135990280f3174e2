//! The page of a probe: what a network does to the signal before its first training step, measured beside predicted.

use crate::numerals::number;
use crate::probe::record::{Condition, Direction, LayerRecord, ProbeRecord, Quantity, Trend};
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::page::{Block, Page, Section, Table};
use crate::report::palette::Style;
use crate::report::thin::Point;

/// The page.
pub fn page(probe: &ProbeRecord) -> Page {
    let seeds = probe.seeds.len();
    let lead = format!(
        "{} hidden layers of {}, weights {}; {seeds} network{}, {} images of {}, before the first training step.",
        probe.depth,
        probe.activation,
        probe.init,
        if seeds == 1 { "" } else { "s" },
        probe.images,
        probe.dataset
    );
    let sections =
        [verdict(probe), forwards(probe), backwards(probe), layers(probe), jacobian(probe), far(probe), origin(probe)];
    let sections = sections.into_iter().filter(|section| !section.blocks.is_empty()).collect();
    Page { title: format!("{}: the signal at the start", probe.name), lead, findings: probe.said(), sections }
}

fn verdict(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("Verdict");
    let verdict = &probe.verdict;
    let mut facts = vec![
        ("activations, forwards".into(), trend(&verdict.forward)),
        ("gradients, backwards".into(), trend(&verdict.backward)),
    ];
    if let Some(likeness) = verdict.likeness {
        facts.push(("correlation of different classes at the end".into(), number(likeness)));
    }
    if verdict.checked > 0 {
        facts.push(("predictions within their band".into(), format!("{} of {}", verdict.inside, verdict.checked)));
    }
    if let Some(found) = &probe.sharpness {
        let told = |x: Option<f64>| x.map_or_else(|| "not known".into(), number);
        facts.push((format!("sharpness on {} training images", found.images), told(found.eigenvalue.median)));
        facts.push(("largest stable rate on all of them".into(), told(found.stable_rate)));
    }
    section.blocks.push(Block::Facts(facts));
    section
}

fn trend(direction: &Direction) -> String {
    let word = match direction.trend {
        Trend::Explodes => "explode",
        Trend::Vanishes => "vanish",
        Trend::Holds => "hold",
        Trend::Zero => "are zero",
        Trend::Grows => "grow, which a learning rate makes up for",
        Trend::Shrinks => "shrink, which the first steps make up for",
    };
    direction.per_layer.map_or_else(|| word.into(), |factor| format!("{word}, × {} per layer", number(factor)))
}

/// The band's meaning, in words.
fn about_band(probe: &ProbeRecord) -> String {
    format!(
        "The line is the prediction for infinitely wide layers, the band holds {} % of networks of this width; marks are the median over seeds, bars reach from the smallest to the largest.",
        number(100.0 * probe.confidence)
    )
}

fn forwards(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("Forwards");
    section.text(about_band(probe));
    let about = "E[z²] of what each activation gets; the same everywhere if the signal is kept.";
    section.chart(by_depth(probe, "Second moment of the pre-activations", about, Axis::log("E[z²]"), true, |l| {
        &l.z_second_moment
    }));
    let about = "Of the activations h = φ(z).";
    section.chart(by_depth(probe, "Standard deviation of the activations", about, Axis::log("std of h"), false, |l| {
        &l.h_std
    }));
    section.chart(by_depth(probe, "Mean of the activations", about, Axis::linear("mean of h"), false, |l| &l.h_mean));
    let same = quantity(probe, "one class", 0, |l| &l.correlation_same);
    let different = quantity(probe, "different classes", 2, |l| &l.correlation_different);
    section.chart(Chart {
        title: "Correlation of two images".into(),
        about: "Where it nears 1, the network can no longer tell images apart.".into(),
        x: layer_axis(probe),
        y: Axis::linear("correlation of z"),
        series: same.into_iter().chain(different).collect(),
        rules: Vec::new(),
    });
    section
}

fn backwards(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("Backwards");
    let about = "Of one image's loss with respect to z, from the last layer on the right back to the first.";
    section.chart(by_depth(probe, "Variance of the gradients", about, Axis::log("variance"), true, |l| {
        &l.gradient_variance
    }));
    let about = "Each layer's variance over the next one's: χ of that step. Above 1 gradients grow on their way back.";
    let mut ratio = by_depth(probe, "Gradient ratio", about, Axis::log("ratio"), false, |l| &l.gradient_ratio);
    ratio.rules.push(Rule { upright: false, value: 1.0, label: "1: kept".into() });
    section.chart(ratio);
    section
}

fn layer_axis(probe: &ProbeRecord) -> Axis {
    let last = probe.layers.iter().map(|layer| layer.depth).max().unwrap_or(1);
    Axis { whole: true, include: vec![1.0, last as f64], ..Axis::linear("layer") }
}

fn by_depth(
    probe: &ProbeRecord,
    title: &str,
    about: &str,
    y: Axis,
    squared: bool,
    find: impl Fn(&LayerRecord) -> &Quantity,
) -> Chart {
    let series = quantity(probe, "", 0, find);
    let rules = if squared { float_limits(&series) } else { Vec::new() };
    Chart { title: title.into(), about: about.into(), x: layer_axis(probe), y, series, rules }
}

/// A prediction as a line with its band, and the measurements as marks with bars. `style` leaves room for two.
fn quantity(probe: &ProbeRecord, name: &str, style: usize, find: impl Fn(&LayerRecord) -> &Quantity) -> Vec<Series> {
    let full = |what: &str| if name.is_empty() { what.to_string() } else { format!("{name}, {what}") };
    let nan = |x: Option<f64>| x.unwrap_or(f64::NAN);
    let predicted = probe.layers.iter().map(|layer| {
        let Quantity { predicted, low, high, .. } = find(layer);
        let y = nan(*predicted);
        Point { x: layer.depth as f64, y, low: low.unwrap_or(y), high: high.unwrap_or(y) }
    });
    let measured = probe.layers.iter().map(|layer| {
        let Quantity { measured, median, .. } = find(layer);
        let ends = measured.iter().flatten().fold([nan(*median); 2], |[low, high], &x| [low.min(x), high.max(x)]);
        Point { x: layer.depth as f64, y: nan(*median), low: ends[0], high: ends[1] }
    });
    let predicted = Series::new(full("predicted"), Style::Category(style), Shape::Line, predicted.collect());
    let measured = Series::new(full("measured"), Style::Category(style + 1), Shape::Dots, measured.collect());
    [predicted, measured].into_iter().filter(|s| s.points.iter().any(|p| p.y.is_finite())).collect()
}

/// Where a second moment says that values leave the range of 32-bit floats; drawn only where something comes near.
fn float_limits(series: &[Series]) -> Vec<Rule> {
    let square = |x: f32| f64::from(x).powi(2);
    let (largest, smallest) = (square(f32::MAX), square(f32::MIN_POSITIVE));
    let values = || series.iter().flat_map(|s| &s.points).map(|p| p.y).filter(|&y| y > 0.0);
    let rule = |value: f64, label: &str| Rule { upright: false, value, label: label.into() };
    let mut rules = Vec::new();
    if values().any(|y| y > largest.sqrt()) {
        rules.push(rule(largest, "largest float, squared"));
    }
    if values().any(|y| y < smallest.sqrt()) {
        rules.push(rule(smallest, "smallest normal float, squared"));
    }
    rules
}

fn layers(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("Layers");
    section.text(
        "Conditions of He et al. 2015: forwards (eq. 10) fan_in·Var(w)·E[φ²]/q and backwards (eq. 14) \
         fan_out·Var(w)·E[φ′²] should be 1.",
    );
    let head = [
        "layer",
        "kind",
        "units",
        "fan_in",
        "fan_in·Var(w)",
        "forwards",
        "backwards",
        "E[z²]",
        "predicted",
        "gradient variance",
        "predicted ",
    ];
    let dash = || "–".to_string();
    let value = |x: Option<f64>| x.map_or_else(dash, number);
    let condition = |c: Option<Condition>| {
        c.map_or_else(dash, |c| format!("{}{}", number(c.value), if c.holds { " ✓" } else { " ✗" }))
    };
    let row = |layer: &LayerRecord| {
        vec![
            layer.name.clone(),
            layer.op.clone(),
            layer.units.to_string(),
            layer.fan_in.map_or_else(dash, |n| n.to_string()),
            value(layer.variance_w),
            condition(layer.forward_condition),
            condition(layer.backward_condition),
            value(layer.z_second_moment.median),
            value(layer.z_second_moment.predicted),
            value(layer.gradient_variance.median),
            value(layer.gradient_variance.predicted),
        ]
    };
    let rows = probe.layers.iter().map(row).collect();
    section.blocks.push(Block::Table(Table { caption: String::new(), head: head.map(str::to_string).to_vec(), rows }));
    let mut reasons: Vec<String> = Vec::new();
    for layer in &probe.layers {
        for reason in layer.not_predicted.iter().chain(&layer.gradient_not_predicted) {
            if !reasons.iter().any(|known| known.ends_with(reason.as_str())) {
                reasons.push(format!("From {} on: {reason}", layer.name));
            }
        }
    }
    section.blocks.extend(reasons.into_iter().map(Block::Text));
    section
}

fn jacobian(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("Jacobian");
    let Some(jacobian) = &probe.jacobian else { return section };
    let points = jacobian.singular_values.iter().enumerate().map(|(i, &s)| Point::new((i + 1) as f64, s)).collect();
    section.chart(Chart {
        title: "Singular values of the input–output Jacobian".into(),
        about: "At one image, the median over seeds, from the largest down. The flatter, the nearer to an isometry."
            .into(),
        x: Axis { include: vec![1.0], whole: true, ..Axis::linear("place") },
        y: Axis::log("singular value"),
        series: vec![Series::new("median", Style::Category(0), Shape::Marked, points)],
        rules: Vec::new(),
    });
    let pair = |q: &Quantity| {
        let value = |x: Option<f64>| x.map_or_else(|| "–".into(), number);
        format!("{}, predicted {}", value(q.median), value(q.predicted))
    };
    section.blocks.push(Block::Facts(vec![
        ("mean of s²".into(), pair(&jacobian.mean_square)),
        ("variance of s² over its squared mean".into(), pair(&jacobian.spread)),
    ]));
    section
}

fn far(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("At great depth");
    let Some(far) = &probe.far else { return section };
    section.text("What infinitely many layers of this kind would do.");
    let endless = |x: Option<f64>| x.map_or_else(|| "no limit".into(), number);
    let value = |x: Option<f64>| x.map_or_else(|| "none".into(), number);
    section.blocks.push(Block::Facts(vec![
        ("σ_w²".into(), number(far.variance_w)),
        ("σ_b²".into(), number(far.variance_b)),
        ("length q* that attracts".into(), value(far.q_fixed)),
        ("χ there".into(), value(far.chi)),
        ("correlation at the end".into(), value(far.correlation_fixed)),
        ("depth scale ξ of correlations, layers".into(), endless(far.xi)),
        ("depth scale of gradients, layers".into(), endless(far.gradient_scale)),
        ("trainable depth, about".into(), endless(far.trainable_depth)),
        ("depth at which width alone moves the length".into(), endless(far.width_depth)),
    ]));
    section
}

fn origin(probe: &ProbeRecord) -> Section {
    let mut section = Section::new("How it was made");
    let seeds: Vec<String> = probe.seeds.iter().map(u64::to_string).collect();
    section.blocks.push(Block::Facts(vec![
        ("data".into(), probe.dataset.clone()),
        ("images".into(), probe.images.to_string()),
        ("pairs of images".into(), format!("{} of one class, {} of two", probe.pairs, probe.pairs)),
        ("seeds".into(), seeds.join(", ")),
        ("E[x²] of the images".into(), number(probe.input.second_moment)),
    ]));
    section
}
