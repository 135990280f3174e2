//! Questions that the rules ask of a check, and the words for the answers: exponents with their intervals, beside 0 and beside theory's.

use crate::width::record::{Growth, LayerRecord, WidthRecord};

/// `0.97 (0.93 to 1.01)`.
fn exponent(growth: &Growth) -> String {
    let number = |x: f64| {
        let text = format!("{x:.2}");
        if text == "-0.00" { "0.00".into() } else { text }
    };
    let mean = number(growth.mean.unwrap_or(f64::NAN));
    growth.interval.map_or(mean.clone(), |[low, high]| format!("{mean} ({} to {})", number(low), number(high)))
}

/// When the last change was measured.
pub(super) fn steps(record: &WidthRecord) -> String {
    format!("after {} step{}", record.steps, if record.steps == 1 { "" } else { "s" })
}

/// The logits' change after the last step.
pub(super) fn logits(record: &WidthRecord) -> Option<&Growth> {
    record.logits().changes.last()
}

/// True if the whole interval lies above the threshold.
pub(super) fn grows(growth: &Growth, threshold: f64) -> bool {
    growth.interval.is_some_and(|[low, _]| low > threshold)
}

/// True if the whole interval lies below what is as far under 0.
pub(super) fn fades(growth: &Growth, threshold: f64) -> bool {
    growth.interval.is_some_and(|[_, high]| high < -threshold)
}

/// True if the whole interval lies within the threshold of 0.
pub(super) fn stays(growth: &Growth, threshold: f64) -> bool {
    growth.interval.is_some_and(|[low, high]| low >= -threshold && high <= threshold)
}

/// When the logits' change was measured, and how it follows the width.
pub(super) fn change_of_logits(record: &WidthRecord, verb: &str, growth: &Growth) -> String {
    format!("{} the logits' change {verb} like width^{}", steps(record), exponent(growth))
}

/// Names of the layers before the logits whose last change `is` so, with their exponents.
pub(super) fn layers(record: &WidthRecord, is: impl Fn(&Growth) -> bool) -> Option<String> {
    let (_, before) = record.layers.split_last()?;
    let last =
        |layer: &LayerRecord| Some((layer.name.clone(), layer.changes.last().filter(|growth| is(growth))?.clone()));
    named(before.iter().filter_map(last).collect())
}

/// The first few with their exponents, and how many more there are.
pub(super) fn named(all: Vec<(String, Growth)>) -> Option<String> {
    const SHOWN: usize = 3;
    let words: Vec<String> =
        all.iter().take(SHOWN).map(|(name, growth)| format!("{name} {}", exponent(growth))).collect();
    let more = if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() };
    (!all.is_empty()).then(|| words.join(", ") + &more)
}

/// Distance of an interval from a number; 0 where it holds it.
fn distance(growth: &Growth, wanted: f64) -> Option<f64> {
    growth.interval.map(|[low, high]| (low - wanted).max(wanted - high).max(0.0))
}

/// How many intervals hold theory's exponent, of all, and those that are further away than `threshold`.
pub(super) fn held(record: &WidthRecord, threshold: f64) -> (usize, usize, Vec<(String, Growth)>) {
    let (mut inside, mut all, mut far) = (0, 0, Vec::new());
    for (name, growth, wanted) in record.predicted() {
        let Some(distance) = distance(growth, wanted) else { continue };
        all += 1;
        inside += usize::from(distance == 0.0);
        if distance > threshold {
            far.push((format!("{name} (theory {wanted})"), growth.clone()));
        }
    }
    (inside, all, far)
}
