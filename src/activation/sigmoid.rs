//! The logistic function, and what is made of it.

use crate::activation::row::{Curve, Phi, Row};

pub(super) const SIGMOID: Row = Row {
    name: "sigmoid",
    help: "1/(1 + e^−z)",
    parameters: &[],
    phi: Phi::Curve(Curve { value: |z, _| sigmoid(z), slope: |z, _| sigmoid(z) * sigmoid(-z), kinks: &[], span: 1.0 }),
    slope_from_output: |_| true,
    gain: Some(|_| 1.0),
    in_torch: true,
};

pub(super) const SILU: Row = Row {
    name: "silu",
    help: "z·sigmoid(z), also called swish",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| z * sigmoid(z),
        slope: |z, _| sigmoid(z) * (1.0 + z * sigmoid(-z)),
        kinks: &[],
        span: f64::INFINITY,
    }),
    slope_from_output: |_| false,
    gain: Some(|_| 1.676_532_470_331_091),
    in_torch: false,
};

pub(super) const SOFTPLUS: Row = Row {
    name: "softplus",
    help: "ln(1 + e^z)",
    parameters: &[],
    phi: Phi::Curve(Curve { value: |z, _| softplus(z), slope: |z, _| sigmoid(z), kinks: &[], span: f64::INFINITY }),
    slope_from_output: |_| false,
    gain: Some(|_| 1.041_866_835_535_302),
    in_torch: false,
};

pub(super) const MISH: Row = Row {
    name: "mish",
    help: "z·tanh(softplus(z)) (Misra 2019)",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| z * softplus(z).tanh(),
        slope: |z, _| {
            let t = softplus(z).tanh();
            t + z * sigmoid(z) * (1.0 - t * t)
        },
        kinks: &[],
        span: f64::INFINITY,
    }),
    slope_from_output: |_| false,
    gain: None,
    in_torch: false,
};

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn sigmoid(z: f64) -> f64 {
    // The exponent is never positive, so nothing overflows and small values keep their digits.
    let e = (-z.abs()).exp();
    if z >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}
