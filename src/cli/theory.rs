//! `initlab theory`: what an activation does to signal and gradient at the start, before any network is built.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::activation::Activation;
use crate::cli::UsageError;
use crate::cli::complete;
use crate::cli::path::path;
use crate::cli::theory_chart::{LAYERS, by_layer};
use crate::cli::theory_config::blocks;
use crate::cli::theory_layer::{critical_start, one_layer, relu_family};
use crate::cli::theory_rows::{Row, Value, json, layers, table};
use crate::theory::critical::critical_point;
use crate::theory::depth_aware::{ZETA, depth_aware};
use crate::theory::fate::LengthLimit;
use crate::theory::finite_width::length_bands;
use crate::theory::gains::gains;
use crate::theory::jacobian::{WeightSpectrum, jacobian_spread};
use crate::theory::length::LengthMap;
use crate::theory::mean_field::{MeanField, mean_field};
use crate::theory::norm_law::{NormLaw, NormStep};
use crate::theory::regimes::ShiftedLeakyRelu;
use crate::theory::tailored::{ETA, tailored};
use crate::theory::trainable::trainable_depth;

/// Share of networks inside the band that is printed.
const CONFIDENCE: f64 = 0.999;

/// Print what theory says of an activation: moments, gains, depth scales
///
/// Pre-activations are N(0,1) where not said otherwise; the table ends with its sources.
#[derive(Args, Clone, Debug)]
pub struct TheoryArgs {
    /// Activation, with parameters as in leaky_relu:leak=0.1 or general_relu:leak=0.1,shift=0.4,max=6; "relu - 0.5" is a ReLU moved
    /// down
    #[arg(add = complete::activation())]
    activation: Activation,
    /// Weight variance times fan_in (2 is Kaiming's for ReLU): adds fixed points and depth scales
    #[arg(long, value_name = "V", allow_negative_numbers = true, value_parser = positive)]
    variance_w: Option<f64>,
    /// Bias variance, with --variance-w [default: 0]
    #[arg(long, value_name = "B", requires = "variance_w", allow_negative_numbers = true, value_parser = not_negative)]
    variance_b: Option<f64>,
    /// Layers: adds the leaky ReLUs made for this depth, and what adds up over it
    #[arg(long, value_name = "L", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    depth: Option<u32>,
    /// Units per layer, with --depth: adds how far one network strays
    #[arg(long, value_name = "N", requires = "depth", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    width: Option<u32>,
    /// Print one JSON object; what does not exist is null, with the reason in KEY_reason
    #[arg(long)]
    json: bool,
    /// Write the length of the signal by layer as a chart into this file, too: .svg, or .png
    #[arg(long, value_name = "FILE", value_parser = path())]
    chart: Option<PathBuf>,
}

impl TheoryArgs {
    /// The command with these options alone.
    ///
    /// # Errors
    /// A number out of range; names the option.
    pub fn of(
        activation: Activation,
        variance_w: Option<f64>,
        variance_b: Option<f64>,
        depth: Option<u32>,
        width: Option<u32>,
    ) -> Result<Self, UsageError> {
        let refuse = |name: &str, wrong: &dyn std::fmt::Display, expected: &str| {
            Err(UsageError(format!("{name} = {wrong}: expected {expected}")))
        };
        match (variance_w, variance_b, depth, width) {
            (Some(v), ..) if !(v.is_finite() && v > 0.0) => refuse("variance_w", &v, "a finite number above 0"),
            (_, Some(b), ..) if !(b.is_finite() && b >= 0.0) => refuse("variance_b", &b, "a finite number, 0 or above"),
            (None, Some(b), ..) => refuse("variance_b", &b, "variance_w beside it"),
            (_, _, Some(l), _) if !(1..=10_000).contains(&l) => refuse("depth", &l, "1 to 10000 layers"),
            (.., Some(0)) => refuse("width", &0, "at least one unit"),
            (_, _, None, Some(n)) => refuse("width", &n, "depth beside it"),
            (Some(_) | None, Some(_) | None, Some(_) | None, Some(_) | None) => {
                Ok(Self { activation, variance_w, variance_b, depth, width, json: false, chart: None })
            }
        }
    }
}

/// The table of the command, and the object of its `--json`.
///
/// # Errors
/// The length of the signal cannot be followed.
pub fn told(args: &TheoryArgs) -> anyhow::Result<(String, serde_json::Value)> {
    let (rows, name) = (rows(args)?, args.activation.to_string());
    Ok((table(&name, &rows), json(&name, &rows)))
}

/// Prints the table, or the object with `--json`, to stdout.
pub fn run(args: &TheoryArgs) -> anyhow::Result<()> {
    super::chart_file::check(args.chart.as_deref())?;
    let rows = rows(args)?;
    let name = args.activation.to_string();
    if args.json {
        super::print(&format!("{}\n", serde_json::to_string_pretty(&json(&name, &rows))?))?;
    } else {
        super::print(&table(&name, &rows))?;
    }
    match &args.chart {
        Some(file) => {
            let variances = [args.variance_w, args.variance_b];
            super::chart_file::write(
                &by_layer(args.activation, variances, args.depth.unwrap_or(LAYERS) as usize)?,
                file,
            )
        }
        None => Ok(()),
    }
}

fn rows(args: &TheoryArgs) -> anyhow::Result<Vec<Row>> {
    let phi = args.activation;
    let variance_b = args.variance_b.unwrap_or(0.0);
    let mut rows = one_layer(phi);
    rows.extend(relu_family(phi));
    rows.extend(critical_start(phi));
    let given = match args.variance_w {
        Some(variance_w) => Some(LengthMap::new(phi, variance_w, variance_b).context("cannot follow the length")?),
        None => None,
    };
    // Without given variances the rest speaks of the gain 1/rms, which keeps the length 1.
    let mut map = gains(phi).rms.and_then(|gain| LengthMap::new(phi, gain * gain, 0.0).ok());
    let mut q = Some(1.0);
    if let Some(given) = given {
        let field = mean_field(&given);
        rows.extend(many_layers(&given, &field));
        (map, q) = (Some(given), field.q);
    }
    if let Some(depth) = args.depth {
        rows.extend(made_for_depth(depth as usize, args.variance_w.is_some()));
        rows.extend(over_depth(phi, map, q, depth as usize, args.width.map(|n| n as usize)));
    }
    rows.extend(blocks(phi, args.depth.map(|depth| depth as usize)));
    Ok(rows)
}

fn many_layers(map: &LengthMap, field: &MeanField) -> Vec<Row> {
    let (variance_w, variance_b) = (map.variance_w(), map.variance_b());
    let lost = match field.limit {
        LengthLimit::Unbounded => "q grows without bound; take a smaller weight variance",
        LengthLimit::Fixed(_) | LengthLimit::Kept | LengthLimit::Unsettled => {
            "q neither settles nor grows without bound: 1 is a fixed length that repels, or q goes around; \
             take other variances"
        }
    };
    let fate = match field.limit {
        LengthLimit::Fixed(point) if point.q == 0.0 => "vanishes",
        LengthLimit::Fixed(_) => "settles",
        LengthLimit::Kept => "stays",
        LengthLimit::Unbounded => "grows",
        LengthLimit::Unsettled => "unsettled",
    };
    let q_fixed = match field.limit {
        LengthLimit::Fixed(point) => Value::number(point.q),
        LengthLimit::Kept => Value::missing("every", "every q is a fixed point and none attracts: chance moves it"),
        LengthLimit::Unbounded | LengthLimit::Unsettled => Value::missing("none", lost),
    };
    let q_slope = match field.limit {
        LengthLimit::Fixed(point) => Value::number(point.slope),
        LengthLimit::Kept => Value::number(1.0),
        LengthLimit::Unbounded | LengthLimit::Unsettled => Value::missing("none", lost),
    };
    let known = field.chi.is_some();
    let correlations = if known { "the map keeps every correlation" } else { lost };
    let (short, unlimited) = if known { ("infinite", "infinite: chi = 1 at the fixed point") } else { ("none", lost) };
    let critical = critical_point(map.phi(), variance_b);
    let critical_reason = critical.as_ref().err().map(ToString::to_string).unwrap_or_default();
    vec![
        Row::section(&format!("Many layers, weight variance {variance_w}, bias variance {variance_b}")),
        Row::new("length", "length from q = 1", Value::Word(fate), "[P] (3), iterated"),
        Row::new("q_fixed", "  at q*", q_fixed, "[P] (3)"),
        Row::new("q_slope", "slope Q'(q*)", q_slope, "[S] sec. 3"),
        Row::new("chi", "chi", Value::or(field.chi, "none", lost), "[P] (6)"),
        Row::new(
            "correlation_fixed",
            "correlation c*",
            Value::or(field.correlation_fixed, if known { "every" } else { "none" }, correlations),
            "[P] (5)",
        ),
        Row::new("xi", "depth scale xi, in layers", Value::or(field.xi, short, unlimited), "[S] sec. 3"),
        Row::new(
            "trainable_depth",
            "trainable depth, about",
            Value::or(trainable_depth(map), "unlimited", "the gradient stays where nets train"),
            "docs/depth.md",
        ),
        Row::new(
            "variance_w_critical",
            "weight variance for chi = 1",
            Value::or(critical.ok().map(|point| point.variance_w), "none", &critical_reason),
            "[P] (6) with (3)",
        ),
    ]
}

/// The leaky ReLUs made for a depth; `chi` names the given variances' χ where those are given.
fn made_for_depth(depth: usize, chi_is_taken: bool) -> Vec<Row> {
    let centred = depth_aware(depth, ZETA);
    let refused = centred.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let of = |f: fn(&ShiftedLeakyRelu) -> f64| Value::or(centred.as_ref().ok().map(f), "none", &refused);
    let unshifted = tailored(depth, ETA);
    let out_of_reach = unshifted.as_ref().err().map(ToString::to_string).unwrap_or_default();
    vec![
        Row::section(&format!("Leaky ReLUs made for {}", layers(depth))),
        Row::new("leak", "mean 0, std 1: leak", of(|unit| unit.leak), "DKS, zeta = 1.5"),
        Row::new("shift", "  shift, z ~ N(0,1)", of(|unit| unit.shift), "(1-a)/sqrt(2 pi)"),
        Row::new(
            "shift_config",
            "  shift in a config, std z = gain",
            of(ShiftedLeakyRelu::scaled_shift),
            "gain times shift",
        ),
        Row::new("gain", "  gain", of(|unit| unit.gain), "1/std"),
        Row::new(
            if chi_is_taken { "chi_depth_aware" } else { "chi" },
            "  chi",
            of(ShiftedLeakyRelu::chi),
            "zeta^(1/L)",
        ),
        Row::new(
            "tat_leak",
            "no shift, c from 0 to 0.9: leak",
            Value::or(unshifted.as_ref().ok().map(|unit| unit.leak), "none", &out_of_reach),
            "TAT, eta = 0.9",
        ),
        Row::new(
            "tat_gain",
            "  gain",
            Value::or(unshifted.as_ref().ok().map(|unit| unit.gain), "none", &out_of_reach),
            "[K] (15)",
        ),
    ]
}

/// Quantities that add up over the depth for `map`, starting from the length `q`.
fn over_depth(phi: Activation, map: Option<LengthMap>, q: Option<f64>, depth: usize, width: Option<usize>) -> Vec<Row> {
    let (Some(map), Some(q)) = (map, q) else { return Vec::new() };
    let flat = "no slope is left";
    let spread = |weights| Value::or(jacobian_spread(phi, q, weights, depth), "none", flat);
    let mut rows = vec![
        Row::section(&format!(
            "{} over {depth} layers, weight variance {:.6}, q = {q:.6}",
            phi.name(),
            map.variance_w()
        )),
        Row::new(
            "gradient_growth",
            "gradient variance grows by",
            Value::number(map.chi(q).powi(depth as i32)),
            "chi^L, [K] (14)",
        ),
        Row::new(
            "jacobian_spread_gaussian",
            "Jacobian s^2, var/mean^2",
            spread(WeightSpectrum::Gaussian),
            "Pennington 2018",
        ),
        Row::new(
            "jacobian_spread_orthogonal",
            "  orthogonal weights",
            spread(WeightSpectrum::Orthogonal),
            "Pennington 2018",
        ),
    ];
    if let Some(width) = width {
        let bands = length_bands(&map, q, &vec![width; depth]);
        let band = bands.get(depth).map(|(_, band)| *band);
        let exact = exact_law(&map, width, depth);
        let interval =
            exact.as_ref().map(|law| law.interval(CONFIDENCE)).or(band.map(|band| band.interval(CONFIDENCE)));
        let source = if exact.is_some() { "exact, normal weights" } else { "log-normal" };
        let ended = "the length reaches zero on the way";
        rows.extend([
            Row::new(
                "length_drift",
                "log q strays: mean",
                Value::or(band.map(|b| b.drift), "none", ended),
                "Hanin & Nica 2018",
            ),
            Row::new("length_variance", "  variance", Value::or(band.map(|b| b.variance), "none", ended), "sum of v/n"),
            Row::new(
                "band_low",
                "99.9% of nets: q from factor",
                Value::or(interval.map(|i| i.0), "none", ended),
                source,
            ),
            Row::new("band_high", "  to factor", Value::or(interval.map(|i| i.1), "none", ended), source),
        ]);
        if let Some(law) = exact.filter(|_| phi == Activation::Relu) {
            rows.push(Row::new("born_dead", "dead for one input", Value::number(law.dead()), "1 - (1 - 2^-n)^L"));
        }
    }
    rows
}

/// The exact law of one input's length over its prediction, where it is known: ReLU or linear layers without biases.
fn exact_law(map: &LengthMap, width: usize, depth: usize) -> Option<NormLaw> {
    let rectified = map.phi() == Activation::Relu;
    let known = map.variance_b() == 0.0 && (rectified || map.phi() == Activation::Identity);
    // The variance that keeps the mean: the law is that of the factor on the prediction.
    let variance_w = if rectified { 2.0 } else { 1.0 };
    known.then(|| NormLaw::new(&vec![NormStep { variance_w, width, rectified }; depth]))
}

fn positive(text: &str) -> Result<f64, String> {
    finite(text)
        .filter(|x| *x > 0.0)
        .ok_or_else(|| "expected a finite number above 0, such as 2 for Kaiming".to_string())
}

fn not_negative(text: &str) -> Result<f64, String> {
    finite(text).filter(|x| *x >= 0.0).ok_or_else(|| "expected a finite number, 0 or above".to_string())
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(activation: &str) -> TheoryArgs {
        let activation = activation.parse().unwrap();
        TheoryArgs {
            activation,
            variance_w: None,
            variance_b: None,
            depth: None,
            width: None,
            json: false,
            chart: None,
        }
    }

    #[test]
    fn every_line_fits_a_terminal_and_no_line_says_nan() {
        for name in Activation::NAMES {
            for (variance_w, depth) in [(1e-6, 1), (0.5, 2), (2.0, 10), (5.0, 60), (1e9, 10_000)] {
                let curved = depth > 100 && name.parse::<Activation>().unwrap().relu_form().is_none();
                let depth = if curved { 100 } else { depth };
                for variance_b in [None, Some(0.05)] {
                    let args = TheoryArgs {
                        variance_w: Some(variance_w),
                        variance_b,
                        depth: Some(depth),
                        width: Some(100),
                        ..args(name)
                    };
                    let rows = rows(&args).unwrap();
                    let text = table(name, &rows);
                    for line in text.lines() {
                        assert!(
                            line.chars().count() <= 80 && !line.contains("NaN") && !line.contains("inf "),
                            "{line}"
                        );
                    }
                    assert!(!json(name, &rows).to_string().contains("NaN"));
                }
            }
        }
    }

    #[test]
    fn both_chis_have_a_key_when_depth_and_variance_are_given() {
        let both = TheoryArgs { variance_w: Some(1.5), depth: Some(10), ..args("relu") };
        let object = json("relu", &rows(&both).unwrap());
        assert_eq!(object["chi"], 0.75);
        assert!((object["chi_depth_aware"].as_f64().unwrap() - 1.041380).abs() < 1e-6);
        let depth = TheoryArgs { depth: Some(10), ..args("relu") };
        assert!((json("relu", &rows(&depth).unwrap())["chi"].as_f64().unwrap() - 1.041380).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_exist_is_null_with_its_reason() {
        let shallow = TheoryArgs { depth: Some(1), variance_w: Some(2.0), ..args("relu") };
        let object = json("relu", &rows(&shallow).unwrap());
        for key in ["leak", "tat_leak", "q_fixed", "xi", "trainable_depth"] {
            assert!(object[key].is_null(), "{key}");
            assert!(!object[format!("{key}_reason")].as_str().unwrap().is_empty(), "{key}");
        }
        assert_eq!(object["correlation_fixed"], 1.0);
    }
}
