//! The conclusions: what the signal does in each direction, and how many predictions hold.

use crate::config::Experiment;
use crate::probe::evidence::Evidence;
use crate::probe::record::{Direction, LayerRecord, ProbeRecord, Quantity, Trend, Verdict};
use crate::probe::rules::of_start;
use crate::probe::words::Way;
use crate::probe::zeros::{Cause, Zeros};
use crate::record::finding::Finding;
use crate::theory::trainable::Course;

/// Factors per layer this close to 1 lead nowhere.
const STEADY: f64 = 1e-3;

/// Concludes from the layers of `report`; `leaving` are the places where floats end, forwards and backwards.
pub(super) fn conclude(
    report: &ProbeRecord,
    leaving: (Option<usize>, Option<usize>),
    zeros: &Zeros,
    experiment: &Experiment,
) -> (Verdict, Vec<Finding>) {
    let hidden = hidden(report);
    let forwards = followed(report, &hidden, &zeros.forward, |layer| layer.z_second_moment.median);
    let back: Vec<usize> = hidden.iter().rev().copied().collect();
    let backwards = followed(report, &back, &zeros.backward, gradient_length);
    let (checked, inside) = count(report, leaving);
    let (steps_checked, steps_inside) = count_steps(report, leaving.0);
    let last = hidden.last().map(|&i| &report.layers[i]);
    let verdict = Verdict {
        forward: direction(&forwards, leaving.0, &zeros.forward, &hidden),
        backward: direction(&backwards, leaving.1, &zeros.backward, &back),
        likeness: last.and_then(|layer| layer.correlation_different.median),
        checked,
        inside,
        steps_checked,
        steps_inside,
        ..Verdict::default()
    };
    let evidence = Evidence { report, ways: [&forwards, &backwards], last, zeros, verdict: &verdict, experiment };
    let findings = of_start(&evidence);
    (verdict, findings)
}

/// The layers whose signal is followed: those with an activation, or all but the output where there is none.
fn hidden(report: &ProbeRecord) -> Vec<usize> {
    let all = 0..report.layers.len();
    let active: Vec<_> = all.clone().filter(|&i| report.layers[i].activation != "identity").collect();
    if active.is_empty() { all.rev().skip(1).rev().collect() } else { active }
}

/// The second moments of the layers in `order`. What is 0 by design, as a branch that starts at 0, is no part of the way.
fn followed<'a>(
    report: &'a ProbeRecord,
    order: &[usize],
    causes: &[Option<Cause>],
    of: fn(&LayerRecord) -> Option<f64>,
) -> Way<'a> {
    let open = order.iter().filter(|&&i| causes[i].is_none()).map(|&i| &report.layers[i]);
    open.map(|layer| (layer.name.as_str(), of(layer))).collect()
}

/// Units × pixels × variance of ∂loss/∂z.
pub(super) fn gradient_length(layer: &LayerRecord) -> Option<f64> {
    layer.gradient_variance.median.map(|variance| variance * (layer.units * layer.pixels) as f64)
}

/// Course of second moments in the order of travel. A layer at the end of the way that is 0 by design ends it.
fn direction(way: &Way<'_>, leaves_floats_at: Option<usize>, causes: &[Option<Cause>], order: &[usize]) -> Direction {
    if order.last().is_some_and(|&end| causes[end].is_some()) {
        return Direction { trend: Trend::Zero, ..Direction::default() };
    }
    course(&way.iter().map(|(_, value)| *value).collect::<Vec<_>>(), leaves_floats_at)
}

/// Course of `values`, up to the first beyond the range of floats: 0 after a number is an underflow.
fn course(values: &[Option<f64>], leaves_floats_at: Option<usize>) -> Direction {
    let numbers: Vec<f64> = values.iter().flatten().copied().collect();
    let known: Vec<f64> = numbers.iter().copied().take_while(|x| *x > 0.0).collect();
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else {
        let trend = match (numbers.is_empty(), leaves_floats_at) {
            (false, None) => Trend::Zero,
            (false, Some(_)) => Trend::Vanishes,
            (true, Some(_)) => Trend::Explodes,
            (true, None) => Trend::Holds,
        };
        return Direction { trend, leaves_floats_at, ..Direction::default() };
    };
    let total = last / first;
    let half = known.len() / 2;
    let steps = known.len() - 1 - half.min(known.len() - 1);
    let per_layer = (steps > 0)
        .then(|| (last / known[half]).powf(1.0 / steps as f64))
        .or_else(|| (known.len() == 2).then_some(total));
    let trend = Trend::of(total);
    let beyond = |limit: f32, factor: f64| {
        known.len() as f64 + ((2.0 * f64::from(limit).ln() - last.ln()) / factor.ln()).max(0.0)
    };
    let leaves_floats_after = match (trend, per_layer) {
        (Trend::Explodes, Some(factor)) if factor > 1.0 + STEADY => Some(beyond(f32::MAX, factor)),
        (Trend::Vanishes, Some(factor)) if factor < 1.0 - STEADY => Some(beyond(f32::MIN_POSITIVE, factor)),
        (Trend::Explodes | Trend::Vanishes | Trend::Holds | Trend::Grows | Trend::Shrinks | Trend::Zero, _) => None,
    };
    Direction { trend, total: Some(total), per_layer, leaves_floats_at, leaves_floats_after }
}

impl Trend {
    /// The word for a signal whose second moment changed by `factor`.
    fn of(factor: f64) -> Self {
        match Course::of(factor) {
            Course::Vanishes => Self::Vanishes,
            Course::Shrinks => Self::Shrinks,
            Course::Holds => Self::Holds,
            Course::Grows => Self::Grows,
            Course::Explodes => Self::Explodes,
        }
    }
}

/// Measured numbers with a band, and how many are inside. Where floats have ended nothing is measured.
fn count(report: &ProbeRecord, (forwards, backwards): (Option<usize>, Option<usize>)) -> (usize, usize) {
    let of = |(i, layer): (usize, _)| {
        let signal = if forwards.is_none_or(|end| i + 1 < end) { signal(layer).to_vec() } else { Vec::new() };
        let gradient = backwards.is_none_or(|end| i + 1 > end).then_some(&layer.gradient_ratio);
        signal.into_iter().chain(gradient)
    };
    let with_band =
        report.layers.iter().enumerate().flat_map(of).filter_map(|quantity| Some((quantity, quantity.inside?)));
    with_band.fold((0, 0), |(all, inside), (quantity, within)| {
        (all + quantity.measured.iter().flatten().count(), inside + within)
    })
}

/// Steps of one image with an exact band, and how many are inside.
fn count_steps(report: &ProbeRecord, forwards: Option<usize>) -> (usize, usize) {
    let known =
        report.layers.iter().take(forwards.map_or(usize::MAX, |end| end - 1)).map(|layer| &layer.one_image_step);
    let with_band = known.filter_map(|step| Some((step.measured.iter().flatten().count(), step.inside?)));
    with_band.fold((0, 0), |(all, inside), (count, within)| (all + count, inside + within))
}

/// The numbers of a layer's signal that are checked; the others follow from them.
fn signal(layer: &LayerRecord) -> [&Quantity; 6] {
    [
        &layer.z_second_moment,
        &layer.z_mean,
        &layer.h_second_moment,
        &layer.h_mean,
        &layer.correlation_same,
        &layer.correlation_different,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Direction {
        course(&values.iter().map(|&x| Some(x)).collect::<Vec<_>>(), None)
    }

    #[test]
    fn a_signal_that_leaves_what_a_rate_makes_up_for_has_a_foreseen_end() {
        let halving: Vec<f64> = (0..30).map(|i| 0.5f64.powi(i)).collect();
        let found = of(&halving);
        assert_eq!((found.trend, found.leaves_floats_at), (Trend::Vanishes, None));
        assert!((found.per_layer.unwrap() - 0.5).abs() < 1e-12);
        // 2^−l falls below the square of 2^−126 after 252 layers.
        assert!((found.leaves_floats_after.unwrap() - 253.0).abs() < 1e-6, "{found:?}");
        for (values, trend) in [
            (&[1.0, 3.0, 9.0][..], Trend::Holds),
            (&[1.0, 4.0, 16.0], Trend::Grows),
            (&[1.0, 1e4, 1e8], Trend::Explodes),
            (&[1.0, 0.3, 0.05], Trend::Shrinks),
            (&[2.0], Trend::Holds),
        ] {
            assert_eq!(of(values).trend, trend, "{values:?}");
        }
        assert_eq!(of(&[2.0]).per_layer, None);
        assert_eq!(of(&[2.0, 3.0]).per_layer, Some(1.5));
    }

    #[test]
    fn no_values_make_it_panic_whatever_is_missing_or_zero() {
        let values = [None, Some(0.0), Some(1e-60), Some(1.0), Some(f64::MAX), Some(f64::MIN_POSITIVE)];
        for a in values {
            for b in values {
                for c in values {
                    for leaving in [None, Some(1)] {
                        let found = course(&[a, b, c], leaving);
                        assert!(found.total.is_none_or(|total| total >= 0.0), "{a:?} {b:?} {c:?}: {found:?}");
                    }
                }
            }
        }
        assert_eq!(of(&[0.0, 0.0]).trend, Trend::Zero);
        assert_eq!(of(&[1e-60, 1e-70, 0.0, 0.0]).trend, Trend::Vanishes);
        assert_eq!(course(&[None, None], Some(1)).trend, Trend::Explodes);
    }
}
