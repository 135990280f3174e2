//! ELU (Clevert et al. 2016) and its scaled form SELU (Klambauer et al. 2017).

use crate::activation::row::{Curve, Parameter, Phi, Range, Row};
use crate::inference::normal::normal_cdf;

/// SELU's scale λ (Klambauer et al. 2017, eq. 14).
pub const SELU_LAMBDA: f64 = 1.050_700_987_355_480_5;
/// SELU's α, same source.
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

pub(super) const ELU: Row = Row {
    name: "elu",
    help: "z above 0, alpha·(e^z − 1) below (Clevert et al. 2016)",
    parameters: &[Parameter { name: "alpha", range: Range::Positive, help: "size of the negative limit" }],
    phi: Phi::Curve(Curve {
        value: |z, [alpha, ..]| elu(z, alpha),
        slope: |z, [alpha, ..]| elu_slope(z, alpha),
        kinks: &[0.0],
        span: f64::INFINITY,
    }),
    slope_from_output: |[alpha, ..]| alpha > 0.0,
    gain: Some(|[alpha, ..]| {
        // E[(e^z − 1)²; z < 0] = e²Φ(−2) − 2√e Φ(−1) + ½, by completing the square.
        let negative = 2f64.exp() * normal_cdf(-2.0) - 2.0 * 0.5f64.exp() * normal_cdf(-1.0) + 0.5;
        (0.5 + alpha * alpha * negative).sqrt().recip()
    }),
    in_torch: false,
};

pub(super) const SELU: Row = Row {
    name: "selu",
    help: "λ·elu(z) with λ = 1.0507, α = 1.6733 (Klambauer et al. 2017)",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| SELU_LAMBDA * elu(z, SELU_ALPHA),
        slope: |z, _| SELU_LAMBDA * elu_slope(z, SELU_ALPHA),
        kinks: &[0.0],
        span: f64::INFINITY,
    }),
    slope_from_output: |_| true,
    gain: Some(|_| 0.75),
    in_torch: true,
};

fn elu(z: f64, alpha: f64) -> f64 {
    if z > 0.0 { z } else { alpha * z.exp_m1() }
}

fn elu_slope(z: f64, alpha: f64) -> f64 {
    if z > 0.0 { 1.0 } else { alpha * z.exp() }
}
