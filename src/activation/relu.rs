//! The identity and the ReLU family.

use crate::activation::pieces::{Pieces, ReluForm, kaiming_gain};
use crate::activation::row::{Parameter, Phi, Range, Row};

const LEAK: Parameter = Parameter { name: "leak", range: Range::Finite, help: "slope of the negative side" };
const SHIFT: Parameter = Parameter { name: "shift", range: Range::Finite, help: "subtracted after the leaky ReLU" };
const MAX: Parameter =
    Parameter { name: "max", range: Range::Finite, help: "ceiling of the result, after the shift; absent for none" };

pub(super) const IDENTITY: Row = Row {
    name: "identity",
    help: "z",
    parameters: &[],
    phi: Phi::Pieces(|_| Pieces::Line),
    slope_from_output: |_| true,
    gain: Some(|_| 1.0),
    in_torch: true,
};

pub(super) const RELU: Row = Row {
    name: "relu",
    help: "max(z, 0), with slope 0 at 0",
    parameters: &[],
    phi: Phi::Pieces(|_| Pieces::Rectified),
    slope_from_output: |_| true,
    gain: Some(|_| kaiming_gain(0.0)),
    in_torch: true,
};

pub(super) const LEAKY: Row = Row {
    name: "leaky_relu",
    help: "z above 0, leak·z below",
    parameters: &[LEAK],
    phi: Phi::Pieces(|[leak, ..]| Pieces::Leaky { leak }),
    slope_from_output: |[leak, ..]| leak >= 0.0,
    gain: Some(|[leak, ..]| kaiming_gain(leak)),
    in_torch: true,
};

/// A shift does not change the slope that the gradient meets, and a ceiling is met too rarely: both gains are those without.
pub(super) const GENERAL: Row = Row {
    name: "general_relu",
    help: "lesson 8's general ReLU: leaky ReLU, minus shift, then cut at max",
    parameters: &[LEAK, SHIFT, MAX],
    phi: Phi::Pieces(|[leak, shift, max]| Pieces::Bent(ReluForm { leak, shift, max })),
    slope_from_output: |_| false,
    gain: Some(|[leak, ..]| kaiming_gain(leak)),
    in_torch: false,
};

pub(super) const SHIFTED: Row = Row {
    name: "shifted_relu",
    help: "max(z, 0) − shift, with lesson 8's shift",
    parameters: &[SHIFT],
    phi: Phi::Pieces(|[shift, ..]| Pieces::Bent(ReluForm { leak: 0.0, shift, max: f64::INFINITY })),
    slope_from_output: |_| false,
    gain: Some(|_| kaiming_gain(0.0)),
    in_torch: false,
};
