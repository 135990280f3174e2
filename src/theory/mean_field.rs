//! How deep a signal reaches: depth scales ξ and the phase of a choice of variances.
//!
//! Deviations from a fixed point die out as e^{−l/ξ} (Schoenholz et al. 2017, section 3).

use crate::theory::correlation::CorrelationMap;
use crate::theory::fate::LengthLimit;
use crate::theory::length::LengthMap;

/// |χ − 1| below which a network counts as critical, and ξ as infinite.
const CRITICAL: f64 = 1e-9;

/// Phase of a network: how gradients change on their way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// χ < 1: gradients vanish, inputs become alike.
    Ordered,
    /// χ = 1.
    Critical,
    /// χ > 1: gradients explode, small differences grow.
    Chaotic,
}

/// The signal far from the input, for a length that starts at 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanField {
    /// Where the length ends.
    pub limit: LengthLimit,
    /// The second moment at which the rest was computed: q*, or any q where χ does not depend on it.
    pub q: Option<f64>,
    /// χ₁ = σ_w²·`E[φ′²]` there (Poole et al. 2016, eq. 6).
    pub chi: Option<f64>,
    /// The correlation that two inputs end at; `None` also where every correlation is kept.
    pub correlation_fixed: Option<f64>,
    /// Depth scale of the length, −1/ln|Q′(q*)|, in layers; `None` where it is infinite or nothing is approached.
    pub xi_q: Option<f64>,
    /// Depth scale of the correlation, −1/ln χ(c*), in layers; `None` where infinite.
    ///
    /// Where the length grows without bound as χ^l this is the depth of an e-fold, 1/ln χ.
    pub xi: Option<f64>,
}

impl MeanField {
    /// The phase, where χ is known.
    pub fn phase(&self) -> Option<Phase> {
        self.chi.map(|chi| match chi - 1.0 {
            excess if excess.abs() < CRITICAL => Phase::Critical,
            excess if excess < 0.0 => Phase::Ordered,
            _ => Phase::Chaotic,
        })
    }
}

/// The far signal of `map`.
pub fn mean_field(map: &LengthMap) -> MeanField {
    let limit = map.limit(1.0);
    let homogeneous = map.homogeneous_ratio().is_some();
    let q = match limit {
        LengthLimit::Fixed(point) => Some(point.q),
        LengthLimit::Kept => Some(1.0),
        LengthLimit::Unbounded if homogeneous => Some(1.0),
        LengthLimit::Unbounded | LengthLimit::Unsettled => None,
    };
    let xi_q = match limit {
        LengthLimit::Fixed(point) => depth_scale(point.slope),
        LengthLimit::Kept | LengthLimit::Unbounded | LengthLimit::Unsettled => None,
    };
    let Some(at) = q else {
        return MeanField { limit, q, chi: None, correlation_fixed: None, xi_q, xi: None };
    };
    let chi = map.chi(at);
    let correlations = CorrelationMap::new(*map, at);
    let fixed = correlations.fixed_point();
    // Where correlations do not move, gradients still shrink or grow by χ per layer, and that limits the depth.
    let chi_at_fixed = fixed.map_or(chi, |fixed| correlations.chi(fixed.c));
    let xi = if homogeneous { depth_scale(chi).map(f64::abs) } else { depth_scale(chi_at_fixed) };
    MeanField { limit, q, chi: Some(chi), correlation_fixed: fixed.map(|fixed| fixed.c), xi_q, xi }
}

/// −1/ln|factor| in layers; `None` for a factor of 1. A factor 0 is forgotten at once: scale 0.
fn depth_scale(factor: f64) -> Option<f64> {
    let factor = factor.abs();
    if (factor - 1.0).abs() < CRITICAL {
        return None;
    }
    Some(if factor == 0.0 { 0.0 } else { -1.0 / factor.ln() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    fn field(phi: Activation, variance_w: f64, variance_b: f64) -> MeanField {
        mean_field(&LengthMap::new(phi, variance_w, variance_b).unwrap())
    }

    #[test]
    fn the_depth_scale_is_the_rate_at_which_iterated_correlations_settle() {
        let map = LengthMap::new(Activation::Tanh, 2.5, 0.05).unwrap();
        let field = mean_field(&map);
        let correlations = CorrelationMap::new(map, field.q.unwrap());
        let (mut c, target) = (0.9, field.correlation_fixed.unwrap());
        let mut gaps = Vec::new();
        for _ in 0..160 {
            c = correlations.next(c);
            gaps.push((c - target).abs());
        }
        let measured = 1.0 / (gaps[149] / gaps[150]).ln();
        assert!((measured - field.xi.unwrap()).abs() < 1e-4 * measured, "{measured} against {field:?}");
    }

    #[test]
    fn phases_follow_chi() {
        assert_eq!(field(Activation::Relu, 2.0, 0.0).phase(), Some(Phase::Critical));
        assert_eq!(field(Activation::Relu, 1.0, 0.0).phase(), Some(Phase::Ordered));
        assert_eq!(field(Activation::Tanh, 3.0, 0.05).phase(), Some(Phase::Chaotic));
        assert_eq!(field(Activation::Gelu, 5.0, 0.0).phase(), None);
    }

    #[test]
    fn the_shift_cures_the_length_but_not_the_collapse_of_correlations() {
        let shifted = field(Activation::ShiftedRelu { shift: 0.5 }, 2.0, 0.0);
        assert_eq!((shifted.phase(), shifted.correlation_fixed), (Some(Phase::Critical), Some(1.0)));
        assert!(shifted.xi_q.unwrap() < 1.0 && shifted.xi.is_none());
    }

    #[test]
    fn no_number_is_ever_nan_or_infinite() {
        for name in Activation::NAMES {
            for variance_w in [1e-6, 0.3, 1.0, 2.0, 5.0, 1e6] {
                for variance_b in [0.0, 0.05, 10.0] {
                    let f = field(Activation::from_name(name).unwrap(), variance_w, variance_b);
                    for number in [f.q, f.chi, f.correlation_fixed, f.xi_q, f.xi].into_iter().flatten() {
                        assert!(number.is_finite(), "{name} {variance_w} {variance_b}: {f:?}");
                    }
                }
            }
        }
    }
}
