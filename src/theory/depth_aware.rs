//! The centred leaky ReLU whose gradients stay bounded over a given depth.
//!
//! Mean 0 and std 1 after the activation need χ > 1 (see `regimes`). The leak is chosen so that χ^L = ζ over the whole
//! network of L layers: Deep Kernel Shaping (Martens et al. 2021) for a chain, where ζ bounds the slope of the network's
//! correlation map at 1.

use std::f64::consts::PI;

use crate::theory::error::TheoryError;
use crate::theory::regimes::ShiftedLeakyRelu;

/// The bound ζ that Martens et al. 2021 recommend.
pub const ZETA: f64 = 1.5;

/// The centred leaky ReLU with χ = ζ^(1/`depth`), for `depth` ≥ 1 layers and `zeta` > 1.
///
/// Fails where that χ is above π/(π−1) = 1.4669, which the plain centred ReLU has, or not above 1.
pub fn depth_aware(depth: usize, zeta: f64) -> Result<ShiftedLeakyRelu, TheoryError> {
    let chi = zeta.powf(1.0 / depth as f64);
    centred_for_chi(chi).ok_or(TheoryError::DepthAware { depth, zeta })
}

/// Computes the centred leaky ReLU (mean 0, std 1) that multiplies the gradient's variance by χ.
///
/// Its leak is a = −A/(χ + √(χ²−A²)) with A = π(χ−1) − χ, and there is none outside 1 < χ ≤ π/(π−1). This is the root in
/// [0, 1) of A·a² + 2χ·a + A = 0, written so that it keeps its digits at A = 0.
pub fn centred_for_chi(chi: f64) -> Option<ShiftedLeakyRelu> {
    // At the upper end A is rounding around 0.
    if !(chi > 1.0 && chi <= PI / (PI - 1.0) + 1e-12) {
        return None;
    }
    let a = PI * (chi - 1.0) - chi;
    Some(ShiftedLeakyRelu::centred((-a / (chi + (chi * chi - a * a).sqrt())).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_of_chi_over_all_layers_is_the_bound() {
        for depth in [2, 3, 7, 30, 1000] {
            for zeta in [1.2, 1.5, 2.0] {
                let unit = depth_aware(depth, zeta).unwrap();
                assert!((unit.chi().powi(depth as i32) - zeta).abs() < 1e-9 * zeta, "{depth} layers: {unit:?}");
            }
        }
    }

    #[test]
    fn the_largest_chi_is_the_plain_centred_relu() {
        assert!(centred_for_chi(PI / (PI - 1.0)).unwrap().leak < 1e-12);
    }

    #[test]
    fn bounds_that_no_leak_reaches_are_refused() {
        for (depth, zeta) in [(1, 1.5), (2, 3.0), (10, 1.0), (10, 0.5), (0, 1.5)] {
            let refused = depth_aware(depth, zeta).unwrap_err().to_string();
            assert!(refused.contains("no leak in [0, 1]"), "{refused}");
        }
    }
}
