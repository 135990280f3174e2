//! How unequal the singular values of the input–output Jacobian are at the start.

use crate::activation::Activation;
use crate::theory::moments::moments;

/// How a layer's weight matrix is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightSpectrum {
    /// Independent entries.
    Gaussian,
    /// A scaled orthogonal matrix: all its singular values are equal.
    Orthogonal,
}

/// Variance of the squared singular values over their squared mean, after `depth` square layers whose pre-activations
/// are N(0,q); `None` where no slope is left.
///
/// L·(`E[φ′⁴]`/`E[φ′²]²` − 1 + s), s = 1 for Gaussian and 0 for orthogonal weights (Pennington et al. 2018, "The emergence of
/// spectral universality in deep networks", section 4). It grows with depth whatever χ is: χ = 1 alone is no isometry.
pub fn jacobian_spread(phi: Activation, q: f64, weights: WeightSpectrum, depth: usize) -> Option<f64> {
    let m = moments(phi, q);
    let of_slopes = m.slope_fourth / (m.slope_square * m.slope_square) - 1.0;
    let of_weights = match weights {
        WeightSpectrum::Gaussian => 1.0,
        WeightSpectrum::Orthogonal => 0.0,
    };
    of_slopes.is_finite().then_some(depth as f64 * (of_slopes + of_weights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straighter_activation_is_closer_to_isometry() {
        let spread = |phi| jacobian_spread(phi, 1.0, WeightSpectrum::Orthogonal, 10).unwrap();
        let leaky = spread(Activation::LeakyRelu { leak: 0.5 });
        assert!(spread(Activation::Identity) < leaky && leaky < spread(Activation::Relu));
    }

    #[test]
    fn small_lengths_make_tanh_an_isometry() {
        let spread = |q| jacobian_spread(Activation::Tanh, q, WeightSpectrum::Orthogonal, 100).unwrap();
        assert!(spread(1e-6) < 1e-6 && spread(1.0) > 1.0);
    }

    #[test]
    fn a_dead_activation_has_no_spread_to_tell() {
        let dead = Activation::GeneralRelu { leak: 0.0, shift: 0.0, max: Some(0.0) };
        assert_eq!(jacobian_spread(dead, 1.0, WeightSpectrum::Gaussian, 3), None);
    }
}
