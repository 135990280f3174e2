//! The correlation map: how alike two inputs are from one layer to the next.
//!
//! c′ = (σ_w²·`E[φ(u₁)φ(u₂)]` + σ_b²)/Q(q) with u₁, u₂ ~ N(0,q) of correlation c (Poole et al. 2016, eq. 5).

use std::f64::consts::PI;

use crate::theory::gains::kaiming_gain;
use crate::theory::length::{LengthMap, straight_leak};
use crate::theory::moments::{TINY_Q, moments};
use crate::theory::quadrature::gaussian_product_mean;
use crate::theory::root::bisect;

/// The map of correlations for two inputs that both have second moment q.
///
/// Dividing by Q(q), not q, makes it right on the way to a fixed length too, not only at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelationMap {
    length: LengthMap,
    q: f64,
    next_q: f64,
}

/// The correlation that any two different inputs end at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelationFixedPoint {
    /// c* in [0, 1]; 1 means that all inputs become alike.
    pub c: f64,
    /// The map's slope at c*: the factor of a small deviation per layer.
    pub slope: f64,
}

impl CorrelationMap {
    /// The map of `length` at second moment `q` ≥ 0 (0 stands for the limit from above).
    pub fn new(length: LengthMap, q: f64) -> Self {
        let q = q.max(TINY_Q);
        Self { length, q, next_q: length.next(q) }
    }

    /// The correlation after the next layer, for `c` in [−1, 1].
    pub fn next(&self, c: f64) -> f64 {
        let covariance = self.length.variance_w() * self.product_mean(c) + self.length.variance_b();
        (covariance / self.next_q).clamp(-1.0, 1.0)
    }

    /// χ(c) = σ_w²·`E[φ′(u₁)φ′(u₂)]` (Schoenholz et al. 2017, section 3, inside the logarithm of 1/ξ_c).
    pub fn chi(&self, c: f64) -> f64 {
        let phi = self.length.phi();
        let product = match straight_leak(phi) {
            Some((leak, _)) => {
                let both_positive = (PI - c.clamp(-1.0, 1.0).acos()) / (2.0 * PI);
                (1.0 - leak).powi(2) * both_positive + leak
            }
            None if c >= 1.0 => moments(phi, self.q).slope_square,
            None => gaussian_product_mean(self.q, c, &phi.kinks(), |u| phi.derivative(u)),
        };
        self.length.variance_w() * product
    }

    /// The map's slope at `c`: χ(c)·q/Q(q).
    pub fn slope(&self, c: f64) -> f64 {
        self.chi(c) * self.q / self.next_q
    }

    /// c*, where any two inputs that are not opposite end; `None` if the map keeps every correlation.
    ///
    /// On [0, 1] the map is a power series with coefficients ≥ 0 that sum to 1 (Mehler's expansion), hence convex: with
    /// slope ≤ 1 at 1 only c = 1 is fixed, otherwise exactly one c* < 1 is too, and attracts (Poole et al. 2016).
    pub fn fixed_point(&self) -> Option<CorrelationFixedPoint> {
        let slope_at_one = self.slope(1.0);
        if (slope_at_one - 1.0).abs() < 1e-9 && (self.next(0.5) - 0.5).abs() < 1e-9 {
            return None;
        }
        let c = if slope_at_one <= 1.0 + 1e-9 {
            1.0
        } else if self.next(0.0) < 1e-13 {
            0.0
        } else {
            // c* lies where the map has come below the diagonal; near 1 it is about 2(slope−1)/curvature away.
            let mut below = 0.5;
            while self.next(below) >= below && 1.0 - below > 1e-9 {
                below = 0.5 * (1.0 + below);
            }
            bisect(0.0, below, |c| c - self.next(c))
        };
        Some(CorrelationFixedPoint { c, slope: self.slope(c) })
    }

    /// `E[φ(u₁)φ(u₂)]`.
    fn product_mean(&self, c: f64) -> f64 {
        let phi = self.length.phi();
        match straight_leak(phi) {
            Some((leak, shift)) => {
                let mean = (1.0 - leak) * (self.q / (2.0 * PI)).sqrt();
                let gain = kaiming_gain(leak);
                self.q * leaky_relu_map(c, leak) / (gain * gain) - 2.0 * shift * mean + shift * shift
            }
            None if c >= 1.0 => moments(phi, self.q).mean_square,
            None => gaussian_product_mean(self.q, c, &phi.kinks(), |u| phi.value(u)),
        }
    }
}

/// κ(c), the correlation map of a leaky ReLU of slope `leak` with zero biases, at any weight variance.
///
/// For `leak` 0 the arc-cosine kernel of order 1 (Cho & Saul 2009); with a leak as in Zhang et al. 2022 (TAT).
pub fn leaky_relu_map(c: f64, leak: f64) -> f64 {
    let c = c.clamp(-1.0, 1.0);
    // √(1−c²) loses its digits near c = 1 unless it is factored.
    let arc = ((1.0 - c) * (1.0 + c)).sqrt() + (PI - c.acos()) * c;
    ((1.0 - leak).powi(2) * arc / PI + 2.0 * leak * c) / (1.0 + leak * leak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    fn map(phi: Activation, variance_w: f64, variance_b: f64, q: f64) -> CorrelationMap {
        CorrelationMap::new(LengthMap::new(phi, variance_w, variance_b).unwrap(), q)
    }

    #[test]
    fn the_closed_form_agrees_with_the_plane_integral() {
        // A ceiling that nothing reaches makes the same function take the other path.
        for (leak, shift) in [(0.0, 0.0), (0.1, 0.4), (0.5, -0.2)] {
            let open = map(Activation::GeneralRelu { leak, shift, max: None }, 1.7, 0.1, 0.8);
            let far = map(Activation::GeneralRelu { leak, shift, max: Some(30.0) }, 1.7, 0.1, 0.8);
            for c in [-0.7, 0.0, 0.3, 0.9, 0.999, 1.0] {
                assert!((open.next(c) - far.next(c)).abs() < 1e-12, "leak {leak}, c = {c}");
                assert!((open.chi(c) - far.chi(c)).abs() < 1e-12, "leak {leak}, c = {c}");
            }
        }
    }

    #[test]
    fn the_slope_is_the_derivative_of_the_map() {
        for name in Activation::NAMES {
            let map = map(Activation::from_name(name).unwrap(), 1.3, 0.2, 0.9);
            for c in [-0.5, 0.0, 0.4, 0.95] {
                let h = 1e-5;
                let slope = (map.next(c + h) - map.next(c - h)) / (2.0 * h);
                assert!((slope - map.slope(c)).abs() < 1e-8, "{name} at {c}: {slope} against {}", map.slope(c));
            }
            assert!((map.next(1.0) - 1.0).abs() < 1e-13, "{name}");
        }
    }

    #[test]
    fn order_ends_at_one_and_chaos_below_it() {
        let ordered = map(Activation::Tanh, 1.0, 0.05, 0.3).fixed_point().unwrap();
        assert_eq!(ordered.c, 1.0);
        let length = LengthMap::new(Activation::Tanh, 3.0, 0.05).unwrap();
        let q = length.fixed_points().points[0].q;
        let chaotic = CorrelationMap::new(length, q);
        let fixed = chaotic.fixed_point().unwrap();
        assert!(fixed.c > 0.0 && fixed.c < 0.5 && fixed.slope < 1.0 && chaotic.chi(1.0) > 1.0, "{fixed:?}");
        assert!((chaotic.next(fixed.c) - fixed.c).abs() < 1e-12);
    }

    #[test]
    fn a_linear_net_without_bias_keeps_every_correlation() {
        assert_eq!(map(Activation::Identity, 1.0, 0.0, 1.0).fixed_point(), None);
        assert_eq!(map(Activation::Identity, 0.5, 0.0, 1.0).fixed_point(), None);
        assert_eq!(map(Activation::Identity, 0.5, 0.5, 1.0).fixed_point().unwrap().c, 1.0);
    }
}
