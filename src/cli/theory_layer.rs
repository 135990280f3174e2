//! Rows of `initlab theory` about one layer: moments, gains, the ReLU family's shift, and the critical start.

use crate::activation::Activation;
use crate::cli::theory_config::matched;
use crate::cli::theory_rows::{Row, Value};
use crate::theory::critical::{critical_point, usual_bias_variance};
use crate::theory::gains::{Purpose, gains, purpose};
use crate::theory::matched::Matched;
use crate::theory::moments::moments;
use crate::theory::regimes::ShiftedLeakyRelu;

/// Moments and gains over N(0,1).
pub(crate) fn one_layer(phi: Activation) -> Vec<Row> {
    let m = moments(phi, 1.0);
    let g = gains(phi);
    let dead = "the activation is zero for every input";
    let flat = "the activation is constant";
    vec![
        Row::section("One layer, pre-activations N(0,1)"),
        Row::new("mean", "mean E[phi]", Value::number(m.mean), "over N(0,1)"),
        Row::new("mean_square", "mean square E[phi^2]", Value::number(m.mean_square), "[K] (7)"),
        Row::new("std", "std of phi", Value::number(m.std()), "sqrt(E[phi^2] - E[phi]^2)"),
        Row::new("gain_rms", "gain 1/rms", Value::or(g.rms, "none", dead), "[K] (10): for E[phi^2] = 1"),
        Row::new("gain_std", "gain 1/std", Value::or(g.std, "none", flat), "std 1, mean taken out"),
        Row::new(
            "gain_torch",
            "gain in torch",
            Value::or(g.torch, "none", "torch publishes no gain for it"),
            "torch.nn.init",
        ),
        Row::new(
            "gain_recommended",
            "gain to use, preset kaiming's",
            Value::number(g.usual),
            match purpose(phi) {
                Purpose::Chi => "[K] (15): for chi = 1",
                Purpose::Torch => "torch's, from practice",
                Purpose::MeanSquare => "1/rms: for E[phi^2] = 1",
            },
        ),
        Row::new("chi_gain_recommended", "chi at the gain to use", Value::number(g.chi_usual), "[P] (6), [K] (14)"),
        Row::new("chi_gain_rms", "chi at 1/rms", Value::or(g.chi_rms, "none", dead), "[P] (6), [K] (14)"),
        Row::new("chi_gain_std", "chi at 1/std", Value::or(g.chi_std, "none", flat), "[P] (6)"),
    ]
}

/// Regimes of the ReLU family, for the activation's own leak, shift and ceiling.
pub(crate) fn relu_family(phi: Activation) -> Vec<Row> {
    let Some(form) = phi.relu_form() else { return Vec::new() };
    let open = form.max == f64::INFINITY;
    let mut rows =
        vec![Row::section(if open { "Shift and gain of this leak" } else { "Shift and gain under this ceiling" })];
    if form.shift != 0.0 && open {
        let fixed = ShiftedLeakyRelu::shifted(form.leak, form.shift).fixed_point();
        let none = "at the gain to use this shift leaves no fixed length";
        rows.extend([
            Row::new(
                "shifted_q_fixed",
                "gain to use and this shift: q*",
                Value::or(fixed.map(|point| point.q), "none", none),
                "[P] (3), still chi = 1",
            ),
            Row::new(
                "shifted_slope",
                "  slope Q'(q*)",
                Value::or(fixed.map(|point| point.slope), "none", none),
                "below 1: q* attracts",
            ),
        ]);
    }
    let unit = matched(phi);
    let refused = "no gain and shift give mean 0 and std 1 under this ceiling";
    let of = |f: fn(&Matched) -> f64| Value::or(unit.as_ref().map(f), "none", refused);
    if open {
        let shift = Value::number(ShiftedLeakyRelu::centred(form.leak).shift);
        rows.push(Row::new("centred_shift", "mean 0, std 1: shift, z ~ N(0,1)", shift, "(1-a)/sqrt(2 pi)"));
    }
    let shift = |unit: &Matched| unit.activation.relu_form().map_or(0.0, |form| form.shift);
    let chi = |unit: &Matched| unit.gain.powi(2) * moments(unit.activation, unit.gain.powi(2)).slope_square;
    rows.extend([
        Row::new("centred_shift_config", "  shift in a config, std z = gain", of(shift), "gain times shift"),
        Row::new("centred_gain", "  gain", of(|unit| unit.gain), "1/std"),
        Row::new("centred_chi", "  chi", of(chi), "[P] (6): above 1 explodes"),
    ]);
    rows
}

/// Rows about the start that `init.preset = "critical"` gives the activation.
pub(crate) fn critical_start(phi: Activation) -> Vec<Row> {
    let variance_b = usual_bias_variance(phi);
    let point = critical_point(phi, variance_b);
    let refused = point.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let (point, kept) = (point.ok(), "every length is kept");
    let q = match point {
        Some(point) => Value::or(point.q, "every", kept),
        None => Value::missing("none", &refused),
    };
    let source = if variance_b > 0.0 { "[R] 5.3.4: Q'(q*) = 1 too" } else { "[P] (6) with (3)" };
    vec![
        Row::section("Critical start, preset critical"),
        Row::new(
            "critical_variance_w",
            "weight variance",
            Value::or(point.map(|point| point.variance_w), "none", &refused),
            source,
        ),
        Row::new(
            "critical_first_variance_w",
            "  of the first layer",
            Value::or(point.map(|point| point.first_variance_w), "none", &refused),
            if variance_b > 0.0 { "starts lengths at q*" } else { "the same" },
        ),
        Row::new(
            "critical_variance_b",
            "bias variance",
            Value::or(point.map(|point| point.variance_b), "none", &refused),
            "the least that holds",
        ),
        Row::new("critical_q", "length q*", q, "[P] (3)"),
    ]
}
