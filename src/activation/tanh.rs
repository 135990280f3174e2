//! The hyperbolic tangent.

use crate::activation::row::{Curve, Phi, Row};

pub(super) const ROW: Row = Row {
    name: "tanh",
    help: "hyperbolic tangent",
    parameters: &[],
    phi: Phi::Curve(Curve { value: |z, _| z.tanh(), slope: |z, _| 1.0 - z.tanh().powi(2), kinks: &[], span: 2.0 }),
    slope_from_output: |_| true,
    gain: Some(|_| 5.0 / 3.0),
    in_torch: true,
};
