//! Critical lines: the weight variance at which gradients keep their size, for a given bias variance.
//!
//! On the line χ₁ = σ_w²·`E[φ′(u)²]` = 1 at the fixed length q* (Poole et al. 2016, eq. 6; Schoenholz et al. 2017). With q*
//! as the parameter both variances follow: σ_w² = 1/`E[φ′²]`, σ_b² = q* − σ_w²·`E[φ²]`.

use crate::activation::Activation;
use crate::theory::error::TheoryError;
use crate::theory::fate::LengthLimit;
use crate::theory::length::{LengthMap, straight_leak};
use crate::theory::moments::moments;
use crate::theory::root::bisect;

/// A point on a critical line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalPoint {
    /// σ_w² = fan_in·Var(w).
    pub variance_w: f64,
    /// σ_b².
    pub variance_b: f64,
    /// The fixed length; `None` where every length is fixed (ReLU).
    pub q: Option<f64>,
    /// σ_w² of the first layer, for inputs of second moment 1. Where lengths return to q* too slowly (GELU, SiLU: Q′ is
    /// nearly 1 over a wide range), this one starts them there.
    pub first_variance_w: f64,
}

/// The critical σ_w² of `phi` at σ_b² = `variance_b` ≥ 0.
///
/// Where there are several, the shortest length that holds. The search sees q* from 1e-8 to 1e6, and 0.
///
/// # Errors
/// There is none, or the length moves away from it, as at length 0 of GELU and SiLU; the error then offers the bias variance
/// of [`half_stable`].
pub fn critical_point(phi: Activation, variance_b: f64) -> Result<CriticalPoint, TheoryError> {
    if !(variance_b.is_finite() && variance_b >= 0.0) {
        return Err(TheoryError::BiasVariance { found: variance_b });
    }
    let points: Vec<CriticalPoint> = match straight_leak(phi) {
        Some((leak, _)) => of_straight(phi, 2.0 / (1.0 + leak * leak), variance_b).into_iter().collect(),
        None => searched(phi, variance_b),
    };
    let least = half_stable(phi);
    let held = |point: &CriticalPoint| {
        if least.is_some() { started_there(phi, point) } else { is_reached(phi, point).then_some(*point) }
    };
    if let Some(point) = points.iter().find_map(held) {
        return Ok(point);
    }
    let activation = phi.to_string();
    let Some(&CriticalPoint { variance_w, q, .. }) = points.first() else {
        return Err(TheoryError::NotCritical { activation, variance_b, advice: advice_without(phi) });
    };
    let advice = least.map_or_else(
        || "take another bias variance".to_string(),
        |CriticalPoint { variance_w, variance_b, q, .. }| {
            let q = q.unwrap_or_default();
            format!("take bias variance {variance_b:.5} (weight variance {variance_w:.5}, length {q:.5}) or more")
        },
    );
    Err(TheoryError::CriticalRepels { activation, variance_b, variance_w, q: q.unwrap_or_default(), advice })
}

/// Advises what to do where `phi` has no critical point at a bias variance.
fn advice_without(phi: Activation) -> &'static str {
    let needed = |q: f64| q - moments(phi, q).mean_square / moments(phi, q).slope_square;
    if straight_leak(phi).is_some() {
        "try another bias variance, 0 for the ReLU family without shift"
    } else if (-8..=6).any(|digits| needed(10f64.powi(digits)) >= 0.0) {
        "try another bias variance"
    } else {
        "it has none at any bias variance; init.preset = \"moment-matched\" keeps the second moment at 1"
    }
}

/// The σ_b² at which `phi` is usually made critical: 0 where a length holds there, else that of [`half_stable`].
pub fn usual_bias_variance(phi: Activation) -> f64 {
    if let Err(TheoryError::CriticalRepels { .. }) = critical_point(phi, 0.0) {
        half_stable(phi).map_or(0.0, |point| point.variance_b)
    } else {
        0.0
    }
}

/// The critical point at the least bias variance that holds a length above 0: χ = 1 and Q′ = 1 at once, so that lengths on
/// one side of it come to it, and on the other move away more slowly than any geometric rate. GELU and SiLU have one
/// (Roberts, Yaida & Hanin 2022, section 5.3.4, "half-stable"), and so has Mish.
///
/// `None` where lengths hold at every bias variance (tanh) or nowhere (softplus).
pub fn half_stable(phi: Activation) -> Option<CriticalPoint> {
    if straight_leak(phi).is_some() {
        return None;
    }
    // Q′/χ − 1: above 0 where a length on the critical line repels, below 0 where it attracts.
    let excess = |q: f64| {
        let m = moments(phi, q);
        m.growth / m.slope_square - 1.0
    };
    let q = sign_changes(excess).into_iter().find(|&q| excess(0.9 * q) > 0.0 && excess(1.1 * q) < 0.0)?;
    let m = moments(phi, q);
    let variance_b = q - m.mean_square / m.slope_square;
    let point =
        CriticalPoint { variance_w: 1.0 / m.slope_square, variance_b, q: Some(q), first_variance_w: q - variance_b };
    (variance_b >= 0.0).then_some(point)
}

/// Slopes so little above 1 count as 1: a bias variance written with five digits moves Q′ by about 1e-6.
const SLOPE_TOLERANCE: f64 = 1e-5;

/// χ of the ReLU family depends on σ_w² alone; what remains is whether a length is fixed there.
fn of_straight(phi: Activation, variance_w: f64, variance_b: f64) -> Option<CriticalPoint> {
    let fixed = LengthMap::new(phi, variance_w, variance_b).ok()?.fixed_points();
    let at = |q| CriticalPoint { variance_w, variance_b, q, first_variance_w: variance_w };
    if fixed.continuum.is_some() {
        return Some(at(None));
    }
    fixed.points.first().map(|point| at(Some(point.q)))
}

fn searched(phi: Activation, variance_b: f64) -> Vec<CriticalPoint> {
    let weight_at = |q: f64| Some(1.0 / moments(phi, q).slope_square).filter(|w| w.is_finite());
    // σ_b² needed at q, less the one asked for, relative to q; nothing where no slope is left to scale.
    let excess = |q: f64| {
        let m = moments(phi, q);
        let needed = q - m.mean_square / m.slope_square;
        if needed.is_finite() { (needed - variance_b) / q } else { f64::NEG_INFINITY }
    };
    let mut lengths = Vec::new();
    if variance_b == 0.0 && phi.value(0.0) == 0.0 {
        lengths.push(0.0);
    }
    lengths.extend(sign_changes(excess));
    let point = |q| {
        let at = |variance_w| CriticalPoint { variance_w, variance_b, q: Some(q), first_variance_w: variance_w };
        weight_at(q).map(at)
    };
    lengths.into_iter().filter_map(point).collect()
}

/// The lengths between 1e-8 and 1e6 at which `f` changes its sign, ascending.
fn sign_changes(f: impl Fn(f64) -> f64) -> Vec<f64> {
    let at = |i: i32| 1e-8 * 10f64.powf(f64::from(i) / 20.0);
    // Differences below 1e-11 are rounding: at zero bias every small length is nearly critical.
    let grid: Vec<(f64, f64)> = (0..=280).map(|i| (at(i), f(at(i)))).filter(|pair| pair.1.abs() > 1e-11).collect();
    let changes = grid.windows(2).filter(|pair| (pair[0].1 > 0.0) != (pair[1].1 > 0.0));
    changes.map(|pair| bisect(pair[0].0.ln(), pair[1].0.ln(), |log_q| f(log_q.exp())).exp()).collect()
}

/// The point with a first layer that starts lengths at its own, if they stay there.
fn started_there(phi: Activation, point: &CriticalPoint) -> Option<CriticalPoint> {
    let q = point.q.filter(|&q| q > point.variance_b)?;
    let stays = (point.variance_w * moments(phi, q).growth).abs() <= 1.0 + SLOPE_TOLERANCE;
    stays.then_some(CriticalPoint { first_variance_w: q - point.variance_b, ..*point })
}

/// True if a network comes to the point's length of itself: its first pre-activations have q = σ_w² + σ_b² where inputs
/// have second moment 1.
fn is_reached(phi: Activation, point: &CriticalPoint) -> bool {
    let Ok(map) = LengthMap::new(phi, point.variance_w, point.variance_b) else { return false };
    match (map.limit(point.variance_w + point.variance_b), point.q) {
        (LengthLimit::Fixed(fixed), Some(q)) => (fixed.q - q).abs() <= 1e-6 * q,
        (LengthLimit::Kept, _) => true,
        (LengthLimit::Fixed(_), None) | (LengthLimit::Unbounded | LengthLimit::Unsettled, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::mean_field::mean_field;

    #[test]
    fn every_critical_point_has_chi_one_at_a_fixed_length() {
        for name in Activation::NAMES {
            let phi = Activation::from_name(name).unwrap();
            for variance_b in [0.0, 0.01, 0.3] {
                let Ok(point) = critical_point(phi, variance_b) else { continue };
                let map = LengthMap::new(phi, point.variance_w, variance_b).unwrap();
                let q = point.q.unwrap_or(1.0);
                assert!((map.chi(q) - 1.0).abs() < 1e-9, "{name} {point:?}");
                assert!((map.next(q) - q).abs() < 1e-9 * q.max(1e-6), "{name} {point:?}");
            }
        }
    }

    /// The points that Roberts, Yaida & Hanin 2022, section 5.3.4, give for GELU and SiLU (their SWISH), and Mish's by quadrature.
    #[test]
    fn curved_activations_whose_length_0_repels_are_half_stable_at_a_length_above() {
        for (name, variance_w, variance_b) in
            [("gelu", 1.98305826, 0.17292239), ("silu", 1.98800468, 0.55514317), ("mish", 2.01352407, 0.09452179)]
        {
            let phi = Activation::from_name(name).unwrap();
            let point = half_stable(phi).unwrap();
            assert!((point.variance_w - variance_w).abs() < 1e-7, "{name} {point:?}");
            assert!((point.variance_b - variance_b).abs() < 1e-7, "{name} {point:?}");
            let map = LengthMap::new(phi, point.variance_w, point.variance_b).unwrap();
            let q = point.q.unwrap();
            assert!((map.chi(q) - 1.0).abs() < 1e-9 && (map.slope(q) - 1.0).abs() < 1e-9, "{name} {point:?}");
            // The five digits that a person writes down do as well.
            let written = (point.variance_b * 1e5).round() / 1e5;
            assert!(critical_point(phi, written).is_ok(), "{name} {written}");
        }
        for name in Activation::NAMES {
            let repels = ["gelu", "gelu_tanh", "silu", "mish"].contains(&name);
            assert_eq!(half_stable(Activation::from_name(name).unwrap()).is_some(), repels, "{name}");
        }
    }

    #[test]
    fn whatever_is_called_critical_keeps_length_and_gradient_over_fifty_layers() {
        let mut found = 0;
        for name in Activation::NAMES {
            let phi = Activation::from_name(name).unwrap();
            let usual = usual_bias_variance(phi);
            for variance_b in [usual, usual + 0.02, usual + 0.3, 2.0] {
                let Ok(point) = critical_point(phi, variance_b) else { continue };
                found += 1;
                let map = LengthMap::new(phi, point.variance_w, variance_b).unwrap();
                let first = point.first_variance_w + variance_b;
                let fixed = point.q.unwrap_or(first);
                assert!((map.chi(fixed) - 1.0).abs() < 1e-9, "{name} {point:?}");
                let (mut q, mut before) = (first, (first - fixed).abs());
                for layer in 2..50 {
                    q = map.next(q);
                    let distance = (q - fixed).abs();
                    assert!(distance <= before + 1e-6 * fixed, "{name} {point:?}: {q} in layer {layer}");
                    before = distance;
                }
                // Where lengths do not return in time they are there from the first layer on.
                let near = if fixed == 0.0 { 0.5 * first } else { 0.1 * fixed };
                assert!((q - fixed).abs() < near, "{name} {point:?}: {q}");
            }
        }
        assert!(found >= 30, "{found} points");
    }

    #[test]
    fn what_cannot_hold_its_length_is_refused_with_what_can() {
        for (name, variance_b, part) in [
            ("gelu", 0.0, "take bias variance 0.17292 (weight variance 1.98306, length"),
            ("silu", 0.0, "take bias variance 0.55514 (weight variance 1.98800, length 14.3"),
            ("gelu", 0.1, "gelu at bias variance 0.1 has chi = 1 at length 1.6"),
            ("gelu_tanh", 0.1, "take bias variance 0.17290 (weight variance 1.98289, length 3.5"),
            (
                "softplus",
                0.0,
                "no critical weight variance at bias variance 0: no fixed point q* has chi = 1; it has none at any",
            ),
        ] {
            let refused = critical_point(Activation::from_name(name).unwrap(), variance_b).unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
        assert_eq!(usual_bias_variance(Activation::Tanh), 0.0);
        assert!((usual_bias_variance(Activation::Silu) - 0.555143).abs() < 1e-6);
    }

    #[test]
    fn on_the_line_the_depth_is_unlimited() {
        let point = critical_point(Activation::Tanh, 0.05).unwrap();
        let map = LengthMap::new(Activation::Tanh, point.variance_w, 0.05).unwrap();
        assert_eq!(mean_field(&map).xi, None);
    }

    #[test]
    fn relu_is_critical_only_without_bias_and_the_shift_mends_that() {
        assert_eq!(critical_point(Activation::Relu, 0.0).unwrap().variance_w, 2.0);
        let refused = critical_point(Activation::Relu, 0.1).unwrap_err().to_string();
        assert!(refused.contains("relu has no critical weight variance at bias variance 0.1"), "{refused}");
        let shifted = critical_point(Activation::ShiftedRelu { shift: 0.5 }, 0.1).unwrap();
        assert!(shifted.q.unwrap() > std::f64::consts::FRAC_PI_8);
    }
}
