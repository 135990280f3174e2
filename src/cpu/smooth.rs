//! The activations that are not of straight pieces, over slices.

use super::math;
use crate::activation::{Activation, SELU_ALPHA, SELU_LAMBDA};

#[inline(always)]
fn map(values: &mut [f32], f: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(|v| *v = f(*v));
}

#[inline(always)]
fn map_slope(gradient: &mut [f32], saved: &[f32], f: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(saved).for_each(|(g, &s)| *g = f(*g, s));
}

const SELU_SCALE: f32 = SELU_LAMBDA as f32;
const SELU_SCALED_ALPHA: f32 = (SELU_LAMBDA * SELU_ALPHA) as f32;
const GELU_C: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

/// Mish and its slope, which share an exponential.
#[inline(always)]
fn mish(z: f32) -> (f32, f32) {
    // With w = 1 + e^z, tanh(ln w) is (w² − 1)/(w² + 1). Both sides are multiplied by e^(−2z) where z > 0, so that nothing
    // overflows; sums of positive terms keep their digits on either side.
    let e = math::exp_nonpositive(-z.abs());
    let (above, rest, share) = if z > 0.0 { (1.0 + 2.0 * e, 2.0 * e * e, e) } else { (e * (2.0 + e), 2.0, 1.0) };
    let below = above + rest;
    let t = above / below;
    // sigmoid(z)·(1 − t²)
    let bend = 4.0 * e * (1.0 + e) * share / (below * below);
    (z * t, t + z * bend)
}

dispatch! {
    /// h = φ(z) in place, for every φ that is not of straight pieces.
    pub fn apply_smooth(activation: Activation, values: &mut [f32]) {
        match activation {
            Activation::Tanh => map(values, math::tanh),
            Activation::Sigmoid => map(values, math::sigmoid),
            Activation::Gelu => map(values, |z| z * math::normal_cdf_pdf(z).0),
            Activation::GeluTanh => {
                map(values, |z| 0.5 * z * (1.0 + math::tanh(GELU_C * (z + GELU_CUBIC * z * z * z))));
            }
            Activation::Silu => map(values, |z| z * math::sigmoid(z)),
            Activation::Elu { alpha } => {
                let alpha = alpha as f32;
                map(values, |z| if z > 0.0 { z } else { alpha * math::exp_m1_nonpositive(z) });
            }
            Activation::Selu => {
                map(values, |z| {
                    if z > 0.0 { SELU_SCALE * z } else { SELU_SCALED_ALPHA * math::exp_m1_nonpositive(z) }
                });
            }
            Activation::Softplus => map(values, math::softplus),
            Activation::Softsign => map(values, |z| z / (1.0 + z.abs())),
            Activation::Mish => map(values, |z| mish(z).0),
            Activation::Identity
            | Activation::Relu
            | Activation::LeakyRelu { .. }
            | Activation::GeneralRelu { .. }
            | Activation::ShiftedRelu { .. } => unreachable!("straight pieces have vectors of their own"),
        }
    }
}

dispatch! {
    /// g ← g·φ′(z) in place, for the same; `saved` is h where [`Activation::slope_from_output`] holds, else z.
    pub fn apply_smooth_slope(activation: Activation, gradient: &mut [f32], saved: &[f32]) {
        match activation {
            Activation::Tanh => map_slope(gradient, saved, |g, h| g * (1.0 - h * h)),
            Activation::Sigmoid => map_slope(gradient, saved, |g, h| g * (h * (1.0 - h))),
            Activation::Gelu => map_slope(gradient, saved, |g, z| {
                let (cdf, pdf) = math::normal_cdf_pdf(z);
                g * (cdf + z * pdf)
            }),
            Activation::GeluTanh => map_slope(gradient, saved, |g, z| {
                let t = math::tanh(GELU_C * (z + GELU_CUBIC * z * z * z));
                g * (0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * (GELU_C * (1.0 + 3.0 * GELU_CUBIC * z * z)))
            }),
            Activation::Silu => map_slope(gradient, saved, |g, z| {
                let s = math::sigmoid(z);
                g * (s * (1.0 + z * (1.0 - s)))
            }),
            Activation::Elu { alpha } => {
                let alpha = alpha as f32;
                map_slope(gradient, saved, |g, h| if h > 0.0 { g } else { g * (h + alpha) });
            }
            Activation::Selu => map_slope(gradient, saved, |g, h| {
                g * if h > 0.0 { SELU_SCALE } else { h + SELU_SCALED_ALPHA }
            }),
            Activation::Softplus => map_slope(gradient, saved, |g, z| g * math::sigmoid(z)),
            Activation::Softsign => map_slope(gradient, saved, |g, z| {
                let r = 1.0 / (1.0 + z.abs());
                g * (r * r)
            }),
            Activation::Mish => map_slope(gradient, saved, |g, z| g * mish(z).1),
            Activation::Identity
            | Activation::Relu
            | Activation::LeakyRelu { .. }
            | Activation::GeneralRelu { .. }
            | Activation::ShiftedRelu { .. } => unreachable!("straight pieces have vectors of their own"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_form;

    /// Values of either sign, denser and denser towards 0, then far out.
    fn points() -> Vec<f32> {
        let near = (-4000..=4000i16).map(|i| 80.0 * (f32::from(i) / 4000.0).powi(3));
        near.chain([1e4, 1e10, f32::MAX].into_iter().flat_map(|z| [z, -z])).collect()
    }

    #[test]
    fn values_and_slopes_keep_their_digits_near_0_and_far_out() {
        with_every_form(|| {
            for phi in [Activation::Softsign, Activation::Mish] {
                let z = points();
                let (mut h, mut slope) = (z.clone(), vec![1.0; z.len()]);
                apply_smooth(phi, &mut h);
                apply_smooth_slope(phi, &mut slope, &z);
                for ((&z, &h), &slope) in z.iter().zip(&h).zip(&slope) {
                    let (z, h, slope) = (f64::from(z), f64::from(h), f64::from(slope));
                    let (value, exact) = (phi.value(z), phi.derivative(z));
                    // Mish's slope is the sum of φ(z)/z and what cancels it near −1.2.
                    let size =
                        if phi == Activation::Mish && z != 0.0 { exact.abs() + (value / z).abs() } else { exact };
                    assert!((h - value).abs() <= 5e-7 * value.abs() + 1e-36, "{phi}({z}) is {h}, not {value}");
                    assert!((slope - exact).abs() <= 5e-7 * size + 1e-36, "{phi}'({z}) is {slope}, not {exact}");
                }
            }
        });
    }

    #[test]
    fn nan_passes_forwards_and_backwards() {
        for phi in Activation::ALL.into_iter().filter(|phi| phi.pieces().is_none()) {
            let (mut h, mut slope) = ([f32::NAN], [1.0]);
            apply_smooth(phi, &mut h);
            apply_smooth_slope(phi, &mut slope, &[f32::NAN]);
            assert!(h[0].is_nan() && slope[0].is_nan(), "{phi}");
        }
    }
}
