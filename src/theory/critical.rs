//! Critical lines: the weight variance at which gradients keep their size, for a given bias variance.
//!
//! On the line χ₁ = σ_w²·`E[φ′(u)²]` = 1 at the fixed length q* (Poole et al. 2016, eq. 6; Schoenholz et al. 2017). With q*
//! as the parameter both variances follow: σ_w² = 1/`E[φ′²]`, σ_b² = q* − σ_w²·`E[φ²]`.

use crate::activation::Activation;
use crate::theory::error::TheoryError;
use crate::theory::length::{LengthLimit, LengthMap, Stability, straight_leak};
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
}

/// The critical σ_w² of `phi` at σ_b² = `variance_b` ≥ 0.
///
/// Where there are several, the one whose length attracts, and of those the shortest. The search sees q* from 1e-8
/// to 1e6, and 0.
pub fn critical_point(phi: Activation, variance_b: f64) -> Result<CriticalPoint, TheoryError> {
    if !(variance_b.is_finite() && variance_b >= 0.0) {
        return Err(TheoryError::BiasVariance { found: variance_b });
    }
    let found = match straight_leak(phi) {
        Some((leak, _)) => of_straight(phi, 2.0 / (1.0 + leak * leak), variance_b),
        None => searched(phi, variance_b),
    };
    found.ok_or_else(|| TheoryError::NotCritical { activation: phi.to_string(), variance_b })
}

/// χ of the ReLU family depends on σ_w² alone; what remains is whether a length is fixed there.
fn of_straight(phi: Activation, variance_w: f64, variance_b: f64) -> Option<CriticalPoint> {
    let fixed = LengthMap::new(phi, variance_w, variance_b).ok()?.fixed_points();
    if fixed.continuum.is_some() {
        return Some(CriticalPoint { variance_w, variance_b, q: None });
    }
    fixed.points.first().map(|point| CriticalPoint { variance_w, variance_b, q: Some(point.q) })
}

fn searched(phi: Activation, variance_b: f64) -> Option<CriticalPoint> {
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
    let at = |i: i32| 1e-8 * 10f64.powf(f64::from(i) / 20.0);
    // Differences below 1e-11 are rounding: at zero bias every small length is nearly critical.
    let grid: Vec<(f64, f64)> = (0..=280).map(|i| (at(i), excess(at(i)))).filter(|pair| pair.1.abs() > 1e-11).collect();
    for pair in grid.windows(2) {
        if (pair[0].1 > 0.0) != (pair[1].1 > 0.0) {
            lengths.push(bisect(pair[0].0.ln(), pair[1].0.ln(), |log_q| excess(log_q.exp())).exp());
        }
    }
    let points: Vec<CriticalPoint> = lengths
        .into_iter()
        .filter_map(|q| weight_at(q).map(|variance_w| CriticalPoint { variance_w, variance_b, q: Some(q) }))
        .collect();
    points.iter().find(|point| attracts(phi, point)).or(points.first()).copied()
}

/// Whether lengths near the point's own come to it.
fn attracts(phi: Activation, point: &CriticalPoint) -> bool {
    let Ok(map) = LengthMap::new(phi, point.variance_w, point.variance_b) else { return false };
    let q = point.q.unwrap_or(1.0);
    match map.limit(1.001 * q.max(1e-6)) {
        LengthLimit::Fixed(fixed) => (fixed.q - q).abs() < 1e-6 * q.max(1.0) && fixed.stability != Stability::Repelling,
        _ => false,
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

    #[test]
    fn on_the_line_the_depth_is_unlimited() {
        let point = critical_point(Activation::Tanh, 0.05).unwrap();
        let map = LengthMap::new(Activation::Tanh, point.variance_w, 0.05).unwrap();
        assert_eq!(mean_field(&map).trainable_depth(), None);
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
