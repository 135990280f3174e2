//! The conclusions: what the signal does in each direction, and how many predictions hold.

use crate::config::Experiment;
use crate::probe::report::{Direction, LayerReport, ProbeReport, Quantity, Trend, Verdict};
use crate::probe::words::{advice, findings};

/// Factor from one end of the network to the other above which a signal explodes, and below whose inverse it vanishes.
const TENFOLD: f64 = 10.0;
/// Factors per layer this close to 1 lead nowhere.
const STEADY: f64 = 1e-3;

/// Concludes from the layers of `report`; `leaving` are the places where floats end, forwards and backwards.
pub(super) fn conclude(
    report: &ProbeReport,
    leaving: (Option<usize>, Option<usize>),
    experiment: &Experiment,
) -> Verdict {
    let hidden = hidden(report);
    let lengths: Vec<_> = hidden.iter().map(|layer| layer.z_second_moment.median).collect();
    let gradients: Vec<_> = hidden.iter().rev().map(|layer| gradient_length(layer)).collect();
    let (checked, inside) = count(report);
    let mut verdict = Verdict {
        forward: direction(&lengths, leaving.0),
        backward: direction(&gradients, leaving.1),
        likeness: hidden.last().and_then(|layer| layer.correlation_different.median),
        checked,
        inside,
        ..Verdict::default()
    };
    verdict.findings = findings(report, &hidden, &verdict);
    verdict.advice = advice(report, &verdict, experiment);
    verdict
}

/// The layers whose signal is followed: those with an activation, or all but the output where there is none. Branches
/// that start at 0 are no part of the way.
fn hidden(report: &ProbeReport) -> Vec<&LayerReport> {
    let active: Vec<_> = report.layers.iter().filter(|layer| layer.activation != "identity").collect();
    if active.is_empty() { report.layers.iter().rev().skip(1).rev().collect() } else { active }
}

/// Units × pixels × variance of ∂loss/∂z.
pub(super) fn gradient_length(layer: &LayerReport) -> Option<f64> {
    layer.gradient_variance.median.map(|variance| variance * (layer.units * layer.pixels) as f64)
}

/// What second moments in the order of travel do.
fn direction(values: &[Option<f64>], leaves_floats_at: Option<usize>) -> Direction {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    if known.iter().all(|x| *x == 0.0) {
        let trend = match (known.is_empty(), leaves_floats_at) {
            (false, None) => Trend::Zero,
            (false, Some(_)) => Trend::Vanishes,
            (true, Some(_)) => Trend::Explodes,
            (true, None) => Trend::Holds,
        };
        return Direction { trend, leaves_floats_at, ..Direction::default() };
    }
    // Up to the first layer that floats cannot say: 0 after a number is an underflow.
    let known: Vec<f64> = known.into_iter().take_while(|x| *x > 0.0).collect();
    let (first, last) = (known[0], known[known.len() - 1]);
    let total = last / first;
    let half = known.len() / 2;
    let steps = known.len() - 1 - half.min(known.len() - 1);
    let per_layer = (steps > 0)
        .then(|| (last / known[half]).powf(1.0 / steps as f64))
        .or_else(|| (known.len() == 2).then_some(total));
    let trend = match total {
        total if total > TENFOLD => Trend::Explodes,
        total if total < 1.0 / TENFOLD => Trend::Vanishes,
        _ => Trend::Holds,
    };
    let beyond = |limit: f32, factor: f64| {
        known.len() as f64 + ((2.0 * f64::from(limit).ln() - last.ln()) / factor.ln()).max(0.0)
    };
    let leaves_floats_after = match (trend, per_layer) {
        (Trend::Explodes, Some(factor)) if factor > 1.0 + STEADY => Some(beyond(f32::MAX, factor)),
        (Trend::Vanishes, Some(factor)) if factor < 1.0 - STEADY => Some(beyond(f32::MIN_POSITIVE, factor)),
        _ => None,
    };
    Direction { trend, total: Some(total), per_layer, leaves_floats_at, leaves_floats_after }
}

/// Measured numbers with a band, and how many are inside.
fn count(report: &ProbeReport) -> (usize, usize) {
    let with_band = report.layers.iter().flat_map(checked).filter_map(|quantity| Some((quantity, quantity.inside?)));
    with_band.fold((0, 0), |(all, inside), (quantity, within)| {
        (all + quantity.measured.iter().flatten().count(), inside + within)
    })
}

/// The numbers of a layer that are checked; the others follow from them.
fn checked(layer: &LayerReport) -> [&Quantity; 7] {
    [
        &layer.z_second_moment,
        &layer.z_mean,
        &layer.h_second_moment,
        &layer.h_mean,
        &layer.gradient_ratio,
        &layer.correlation_same,
        &layer.correlation_different,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Direction {
        direction(&values.iter().map(|&x| Some(x)).collect::<Vec<_>>(), None)
    }

    #[test]
    fn tenfold_growth_explodes_and_its_end_is_foreseen() {
        let halving: Vec<f64> = (0..30).map(|i| 0.5f64.powi(i)).collect();
        let found = of(&halving);
        assert_eq!((found.trend, found.leaves_floats_at), (Trend::Vanishes, None));
        assert!((found.per_layer.unwrap() - 0.5).abs() < 1e-12);
        // 2^−l falls below the square of 2^−126 after 252 layers.
        assert!((found.leaves_floats_after.unwrap() - 253.0).abs() < 1e-6, "{found:?}");
        assert_eq!(of(&[1.0, 3.0, 9.0]).trend, Trend::Holds);
        assert_eq!(of(&[1.0, 4.0, 16.0]).trend, Trend::Explodes);
        assert_eq!((of(&[2.0]).trend, of(&[2.0]).per_layer), (Trend::Holds, None));
        assert_eq!(of(&[2.0, 3.0]).per_layer, Some(1.5));
    }

    #[test]
    fn zero_from_the_start_is_no_underflow() {
        assert_eq!(of(&[0.0, 0.0]).trend, Trend::Zero);
        assert_eq!(of(&[1e-60, 1e-70, 0.0, 0.0]).trend, Trend::Vanishes);
        assert_eq!(direction(&[None, None], Some(1)).trend, Trend::Explodes);
    }
}
