//! The tables of `initlab probe` and its verdict, in 80 columns.

use crate::cli::findings;
use crate::cli::theory_rows::wrapped;
use crate::numerals::{four_digits, or_dash, three_decimals, three_digits, two_decimals};
use crate::probe::record::{Condition, ProbeRecord, Quantity, Trend};

/// The whole text.
pub(crate) fn text(report: &ProbeRecord) -> String {
    [
        head(report),
        forward(report),
        backward(report),
        reasons(report),
        jacobian(report),
        sharpness(report),
        verdict(report),
    ]
    .concat()
}

fn head(report: &ProbeRecord) -> String {
    let (seeds, images) = (report.seeds.len(), report.images);
    let plural = if report.depth == 1 { "" } else { "s" };
    let line = format!(
        "{} before training: {} hidden layer{plural}, {}, {}; median of {seeds} seeds, {images} images of {}",
        report.name, report.depth, report.activation, report.init, report.dataset
    );
    let input = &report.input;
    let pairs = format!(
        "images: E[x^2] {}, correlation {} in one class, {} across classes",
        four_digits(input.second_moment),
        or_dash(input.correlation_same, two_decimals),
        or_dash(input.correlation_different, two_decimals)
    );
    format!("{}\n{}\n", wrapped(&line, ""), wrapped(&pairs, ""))
}

/// Forward: z and h against their predictions. `*` marks medians outside the band.
fn forward(report: &ProbeRecord) -> String {
    let band = 100.0 * report.confidence;
    let title = format!("forward, beside the prediction; E[z^2] with its {band} % band, * outside");
    let mut text = format!(
        "\n{title}\n{:<10}{:>9}{:>9}  {:<17}{:>8}{:>8}{:>8}{:>8}\n",
        "layer", "E[z^2]", "pred.", "band", "mean h", "pred.", "std h", "pred."
    );
    for layer in &report.layers {
        let z = &layer.z_second_moment;
        let band = match (z.low, z.high) {
            (Some(low), Some(high)) => format!("{}…{}", four_digits(low), four_digits(high)),
            _ => "–".into(),
        };
        text += &format!(
            "{:<10}{}{}{band:<17}{}{}\n",
            layer.name,
            beside(z, [9, 9], four_digits),
            if outside(z) { "* " } else { "  " },
            beside(&layer.h_mean, [8, 8], three_decimals),
            beside(&layer.h_std, [8, 8], three_decimals),
        );
    }
    text
}

/// Backward, the conditions, and correlations.
fn backward(report: &ProbeRecord) -> String {
    let title = "backward: variance of dloss/dz, and over the next layer's (chi); (10) and (14) of He et al. 2015; \
                 correlation of z in one class and across classes";
    let title = wrapped(title, "");
    let mut text = format!(
        "\n{title}\n{:<10}{:>9}{:>9}{:>7}{:>7} {:>5}{:>6}{:>7}{:>6}{:>7}{:>6}\n",
        "layer", "Var", "pred.", "chi", "pred.", "(10)", "(14)", "same", "pred.", "other", "pred."
    );
    for layer in &report.layers {
        let ratio = &layer.gradient_ratio;
        text += &format!(
            "{:<10}{}{}{}{:>5}{:>6}{}{}\n",
            layer.name,
            beside(&layer.gradient_variance, [9, 9], four_digits),
            beside(ratio, [7, 7], two_decimals),
            if outside(ratio) { "*" } else { " " },
            condition(layer.forward_condition),
            condition(layer.backward_condition),
            beside(&layer.correlation_same, [7, 6], two_decimals),
            beside(&layer.correlation_different, [7, 6], two_decimals),
        );
    }
    text
}

/// The median and the prediction, to the right of columns of these widths.
fn beside(quantity: &Quantity, widths: [usize; 2], text: fn(f64) -> String) -> String {
    let [left, right] = widths;
    format!("{:>left$}{:>right$}", or_dash(quantity.median, text), or_dash(quantity.predicted, text))
}

/// Why predictions are missing, from the first layer on that lacks one, and what padding does to them.
fn reasons(report: &ProbeRecord) -> String {
    let signal = report.layers.iter().find_map(|layer| Some((layer, layer.not_predicted.as_ref()?)));
    let gradient = report.layers.iter().rev().find_map(|layer| Some((layer, layer.gradient_not_predicted.as_ref()?)));
    let padded = report.layers.iter().find(|layer| layer.fan_in_inside.is_some_and(|inside| inside < 0.999));
    let mut notes = Vec::new();
    notes.extend(signal.map(|(layer, why)| format!("no prediction of the signal from {} on: {why}", layer.name)));
    let told = signal.map(|(_, why)| why);
    let untold = gradient.filter(|(_, why)| told != Some(*why));
    notes.extend(untold.map(|(layer, why)| format!("no prediction of the gradient back from {}: {why}", layer.name)));
    notes.extend(padded.map(|layer| {
        format!(
            "padding: of the taps of {} {:.0} % fall inside the image; predictions count those, (10) and (14) all",
            layer.name,
            100.0 * layer.fan_in_inside.unwrap_or(1.0)
        )
    }));
    notes.iter().map(|note| format!("{}\n", wrapped(note, ""))).collect()
}

fn jacobian(report: &ProbeRecord) -> String {
    let Some(jacobian) = &report.jacobian else { return String::new() };
    let (Some(most), Some(least)) = (jacobian.singular_values.first(), jacobian.singular_values.last()) else {
        return String::new();
    };
    let told = |quantity: &Quantity| {
        let median = or_dash(quantity.median, four_digits);
        match quantity.predicted {
            Some(predicted) => format!("{median} (predicted {})", four_digits(predicted)),
            None => median,
        }
    };
    let line = format!(
        "input-output Jacobian: {} singular values from {} to {}; mean of s^2 {}, variance of s^2 over its squared mean {}",
        jacobian.singular_values.len(),
        four_digits(*most),
        four_digits(*least),
        told(&jacobian.mean_square),
        told(&jacobian.spread)
    );
    format!("\n{}\n", wrapped(&line, ""))
}

/// Curvature at the start, where it was asked for.
fn sharpness(report: &ProbeRecord) -> String {
    let Some(found) = &report.sharpness else { return String::new() };
    let limit = match found.stable_rate {
        Some(stable) => format!(
            "steps on all of them overshoot at rates above {}; the config has {}",
            three_digits(stable),
            found.rate
        ),
        None => "no largest stable rate is known for this optimiser".into(),
    };
    let value = or_dash(found.eigenvalue.median, four_digits);
    let line = format!(
        "sharpness: largest eigenvalue of the loss's Hessian {value} on {} training images; {limit}",
        found.images
    );
    format!("\n{}\n", wrapped(&line, ""))
}

/// Curvature of every start of a study, where it was asked for.
pub(crate) fn sharpness_of_starts(reports: &[ProbeRecord]) -> String {
    let mut text = String::new();
    for report in reports {
        let Some(found) = &report.sharpness else { continue };
        if text.is_empty() {
            text = format!("\n{:<24}{:>12}{:>22}\n", "start", "sharpness", "largest stable rate");
        }
        let [value, rate] = [found.eigenvalue.median, found.stable_rate].map(|x| or_dash(x, three_digits));
        text += &format!("{:<24}{value:>12}{rate:>22}\n", report.name);
    }
    text
}

fn verdict(report: &ProbeRecord) -> String {
    let verdict = &report.verdict;
    let mut text = format!(
        "\nverdict: the signal {} forwards and {} backwards\n",
        trend(verdict.forward.trend),
        trend(verdict.backward.trend)
    );
    text += &findings::text(&report.said());
    text
}

/// Names a signal's trend in a word or two.
pub(crate) fn trend(trend: Trend) -> &'static str {
    match trend {
        Trend::Explodes => "explodes",
        Trend::Vanishes => "vanishes",
        Trend::Holds => "holds",
        Trend::Zero => "is 0",
        Trend::Grows => "grows",
        Trend::Shrinks => "shrinks",
    }
}

fn outside(quantity: &Quantity) -> bool {
    match (quantity.median, quantity.low, quantity.high) {
        (Some(median), Some(low), Some(high)) => !(low..=high).contains(&median),
        _ => false,
    }
}

fn condition(condition: Option<Condition>) -> String {
    or_dash(condition.map(|condition| condition.value), two_decimals)
}
