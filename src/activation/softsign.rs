//! Softsign: bounded like tanh, but with tails that reach far.

use crate::activation::row::{Curve, Phi, Row};

pub(super) const ROW: Row = Row {
    name: "softsign",
    help: "z/(1 + |z|)",
    parameters: &[],
    phi: Phi::Curve(Curve {
        value: |z, _| z / (1.0 + z.abs()),
        slope: |z, _| (1.0 + z.abs()).powi(-2),
        kinks: &[0.0],
        span: 2.0,
    }),
    // 1 − |h| has few digits where |h| is nearly 1, and the tails are where this slope still counts.
    slope_from_output: |_| false,
    gain: None,
    in_torch: false,
};
