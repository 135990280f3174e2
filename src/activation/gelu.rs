//! GELU (Hendrycks & Gimpel 2016) and its approximation by a tanh.

use std::f64::consts::PI;

use crate::activation::row::{Curve, Phi, Row};
use crate::inference::normal::{normal_cdf, normal_pdf};

pub(super) const EXACT: Row = Row {
    name: "gelu",
    help: "z·Φ(z), Φ the normal distribution function (Hendrycks & Gimpel 2016)",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| z * normal_cdf(z),
        slope: |z, _| normal_cdf(z) + z * normal_pdf(z),
        kinks: &[],
        span: f64::INFINITY,
    }),
    slope_from_output: |_| false,
    gain: Some(|_| 1.533_530_441_195_535),
    in_torch: false,
};

pub(super) const TANH: Row = Row {
    name: "gelu_tanh",
    help: "the tanh approximation of GELU, same source",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| 0.5 * z * (1.0 + inner(z).0.tanh()),
        slope: |z, _| {
            let (inner, slope) = inner(z);
            let t = inner.tanh();
            0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * slope
        },
        kinks: &[],
        span: f64::INFINITY,
    }),
    slope_from_output: |_| false,
    gain: Some(|_| 1.533_580_521_666_147),
    in_torch: false,
};

/// The argument of the tanh and its derivative.
fn inner(z: f64) -> (f64, f64) {
    let c = (2.0 / PI).sqrt();
    (c * (z + 0.044715 * z * z * z), c * (1.0 + 3.0 * 0.044715 * z * z))
}
