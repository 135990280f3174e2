//! The three regimes of the shifted leaky ReLU: what the shift does to the length, and what it cannot do to gradients.
//!
//! Without ceiling Q(q) = σ_w²·[q(1+a²)/2 − 2s(1−a)√(q/2π) + s²] and χ = σ_w²(1+a²)/2: the shift s never enters χ.
//! Derived for this project from He et al. 2015 (eq. 10, 14, 15) and Poole et al. 2016 (eq. 3, 6).

use std::f64::consts::PI;

use crate::activation::Activation;
use crate::theory::gains::kaiming_gain;
use crate::theory::length::{LengthFixedPoint, LengthMap};
use crate::theory::moments::{Moments, moments};

/// Which aim a shifted leaky ReLU follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// A: Kaiming's gain, no shift; every length is kept and χ = 1.
    Kaiming,
    /// B: Kaiming's gain with a shift, as lesson 8; one length attracts and χ = 1 still.
    Shifted,
    /// C: mean 0 and std 1 after the activation; χ > 1.
    Centred,
}

/// A shifted leaky ReLU with the gain of its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShiftedLeakyRelu {
    /// The aim.
    pub regime: Regime,
    /// Slope a of the negative side.
    pub leak: f64,
    /// Subtracted after the leaky ReLU, in units of a pre-activation of second moment q*.
    pub shift: f64,
    /// g = σ_w, the factor on 1/√fan_in.
    pub gain: f64,
}

impl ShiftedLeakyRelu {
    /// Regime A for slope `leak`: g² = 2/(1+a²) (He et al. 2015, eq. 15).
    pub fn kaiming(leak: f64) -> Self {
        Self { regime: Regime::Kaiming, leak, shift: 0.0, gain: kaiming_gain(leak) }
    }

    /// Regime B: Kaiming's gain, and `shift` subtracted after the activation.
    pub fn shifted(leak: f64, shift: f64) -> Self {
        Self { regime: Regime::Shifted, leak, shift, gain: kaiming_gain(leak) }
    }

    /// Regime B with the shift that fixes the length at `q`: s = 2(1−a)√(q/2π).
    pub fn shifted_to_length(leak: f64, q: f64) -> Self {
        Self::shifted(leak, 2.0 * (1.0 - leak) * (q / (2.0 * PI)).sqrt())
    }

    /// Regime C: s = (1−a)/√2π and g = 1/√[(1+a²)/2 − (1−a)²/2π], so Q(1) = 1 with mean 0 and std 1.
    pub fn centred(leak: f64) -> Self {
        let spread = (1.0 + leak * leak) / 2.0 - (1.0 - leak).powi(2) / (2.0 * PI);
        Self { regime: Regime::Centred, leak, shift: (1.0 - leak) / (2.0 * PI).sqrt(), gain: 1.0 / spread.sqrt() }
    }

    /// The activation itself.
    pub fn activation(&self) -> Activation {
        Activation::GeneralRelu { leak: self.leak, shift: self.shift, max: None }
    }

    /// The shift on the scaled output g·φ, for networks that scale the activation instead of the weights.
    pub fn scaled_shift(&self) -> f64 {
        self.gain * self.shift
    }

    /// χ = g²(1+a²)/2, the gradient's variance factor per layer.
    pub fn chi(&self) -> f64 {
        self.gain * self.gain * (1.0 + self.leak * self.leak) / 2.0
    }

    /// The length map with zero biases.
    pub fn length_map(&self) -> LengthMap {
        LengthMap::new(self.activation(), self.gain * self.gain, 0.0)
            .expect("the gain of a leaky ReLU with a finite leak is positive and finite")
    }

    /// The fixed length, or `None` where every length is kept (regime A).
    pub fn fixed_point(&self) -> Option<LengthFixedPoint> {
        self.length_map().fixed_points().points.first().copied()
    }

    /// Q″(q) = g²·s(1−a)/(2√2π)·q^(−3/2): positive means stable from below and unstable from above where Q′ = 1.
    pub fn curvature(&self, q: f64) -> f64 {
        self.gain * self.gain * self.shift * (1.0 - self.leak) / (2.0 * (2.0 * PI).sqrt()) / (q * q.sqrt())
    }

    /// Mean, std and slopes after the activation at the fixed length; at q = 1 where every length is fixed.
    pub fn moments_at_fixed_point(&self) -> Moments {
        moments(self.activation(), self.fixed_point().map_or(1.0, |point| point.q))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::length::Stability;

    #[test]
    fn centred_relu_touches_the_diagonal_and_holds_only_from_below() {
        for leak in [0.0, 0.1, 0.5] {
            let fixed = ShiftedLeakyRelu::centred(leak).length_map().fixed_points().points;
            assert_eq!(fixed.len(), 1);
            assert!((fixed[0].q - 1.0).abs() < 1e-12);
            assert_eq!(fixed[0].stability, Stability::Marginal { from_below: true, from_above: false });
        }
    }

    #[test]
    fn a_ceiling_keeps_longer_signals_from_growing() {
        let open = ShiftedLeakyRelu::centred(0.0);
        let phi = Activation::GeneralRelu { leak: 0.0, shift: open.shift, max: Some(2.0) };
        let cut = LengthMap::new(phi, open.gain * open.gain, 0.0).unwrap();
        assert!(cut.next(3.0) < 3.0 && open.length_map().next(3.0) > 3.0);
    }

    #[test]
    fn the_curvature_is_the_second_derivative_of_the_length_map() {
        let centred = ShiftedLeakyRelu::centred(0.2);
        let map = centred.length_map();
        let h = 1e-4;
        let second = (map.slope(1.0 + h) - map.slope(1.0 - h)) / (2.0 * h);
        assert!((second - centred.curvature(1.0)).abs() < 1e-7);
    }

    #[test]
    fn the_shift_for_a_length_fixes_that_length() {
        for (leak, q) in [(0.0, 1.0), (0.1, 0.3), (0.7, 4.0)] {
            assert!((ShiftedLeakyRelu::shifted_to_length(leak, q).fixed_point().unwrap().q - q).abs() < 1e-12);
        }
    }
}
