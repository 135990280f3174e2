//! The theory's constants, each to the digits it is known by, and published vectors of other implementations.

// Constants stand as the digits that are known, also where those begin a constant of the standard library.
#![allow(clippy::approx_constant)]

use std::f64::consts::{PI, SQRT_2};

use initlab::activation::Activation;
use initlab::theory::correlation::{CorrelationMap, leaky_relu_map};
use initlab::theory::critical::critical_point;
use initlab::theory::depth_aware::{ZETA, centred_for_chi, depth_aware};
use initlab::theory::finite_width::{LogNormalBand, relative_variance};
use initlab::theory::gains::gains;
use initlab::theory::jacobian::{WeightSpectrum, jacobian_spread};
use initlab::theory::length::{LengthMap, Stability};
use initlab::theory::mean_field::mean_field;
use initlab::theory::moments::moments;
use initlab::theory::quadrature::gaussian_mean;
use initlab::theory::regimes::ShiftedLeakyRelu;
use initlab::theory::tailored::{ETA, tailored, tailored_to};

fn phi(text: &str) -> Activation {
    Activation::parse(text).unwrap()
}

/// Half a unit of the last of `digits` decimals, and what rounding in f64 adds.
fn to_digits(what: &str, found: f64, expected: f64, digits: i32) {
    let allowed = 0.5 * 10f64.powi(-digits) * (1.0 + 1e-6);
    assert!((found - expected).abs() <= allowed, "{what}: {found} is not {expected} to {digits} decimals");
}

#[test]
fn relu_family_moments_have_their_constants() {
    let cases = [
        ("relu", 1.0, "mean", 0.3989422804, 10),
        ("relu", 1.0, "variance", 0.3408450569, 10),
        ("relu", 1.0, "std", 0.5838193701, 10),
        ("relu", 2.0, "mean", 0.5641895835, 10),
        ("relu", 2.0, "std", 0.8256452712, 10),
        ("leaky_relu:leak=0.1", 1.0, "mean", 0.3590480524, 10),
        ("leaky_relu:leak=0.1", 1.0, "std", 0.6132572838, 10),
    ];
    for (text, q, moment, expected, digits) in cases {
        let m = moments(phi(text), q);
        let found = match moment {
            "mean" => m.mean,
            "variance" => m.variance(),
            _ => m.std(),
        };
        to_digits(&format!("{moment} of {text} at q = {q}"), found, expected, digits);
    }
}

#[test]
fn the_shift_moves_mean_and_mean_square_as_the_formulas_say() {
    for (a, s, q) in [(0.0, 0.5, 1.0), (0.1, 0.4, 2.5), (0.3, -0.2, 0.4)] {
        let m = moments(Activation::GeneralRelu { leak: a, shift: s, max: None }, q);
        let plain = (1.0 - a) * (q / (2.0 * PI)).sqrt();
        assert!((m.mean - (plain - s)).abs() < 1e-15);
        assert!((m.mean_square - (q * (1.0 + a * a) / 2.0 - 2.0 * s * plain + s * s)).abs() < 1e-15);
    }
}

#[test]
fn every_activation_has_its_moments_gains_and_chis() {
    let cases = [
        ("relu", 0.398942, 0.5, 1.414214, 1.712859, 1.0, 1.466942),
        ("leaky_relu:leak=0.01", 0.394953, 0.50005, 1.414143, 1.704832, 1.0, 1.453371),
        ("elu", 0.160521, 0.644945, 1.245198, 1.270843, 1.035905, 1.079013),
        ("selu", 0.0, 1.0, 1.0, 1.0, 1.071575, 1.071575),
        ("gelu", 0.282095, 0.425221, 1.533530, 1.700926, 1.072032, 1.318845),
        ("silu", 0.206621, 0.355776, 1.676532, 1.787187, 1.066634, 1.212081),
        ("tanh", 0.0, 0.394294, 1.592537, 1.592537, 1.177807, 1.177807),
        ("sigmoid", 0.5, 0.293379, 1.846229, 4.801313, 0.152827, 1.033592),
        // χ at 1/rms is .318458984: a table that gives .318458 has cut it, not rounded it.
        ("softplus", 0.806059, 0.921246, 1.041867, 1.919126, 0.318459, 1.080528),
        ("softsign", 0.0, 0.183014, 2.337533, 2.337533, 1.244010, 1.244010),
        ("mish", 0.240404, 0.452342, 1.486848, 1.592025, 1.059118, 1.214259),
    ];
    for (text, mean, mean_square, rms, std, chi_rms, chi_std) in cases {
        let (m, g) = (moments(phi(text), 1.0), gains(phi(text)));
        to_digits(&format!("mean of {text}"), m.mean, mean, 6);
        to_digits(&format!("mean square of {text}"), m.mean_square, mean_square, 6);
        to_digits(&format!("1/rms of {text}"), g.rms.unwrap(), rms, 6);
        to_digits(&format!("1/std of {text}"), g.std.unwrap(), std, 6);
        to_digits(&format!("chi at 1/rms of {text}"), g.chi_rms.unwrap(), chi_rms, 6);
        to_digits(&format!("chi at 1/std of {text}"), g.chi_std.unwrap(), chi_std, 6);
    }
}

#[test]
fn gains_that_torch_publishes_are_exact_and_recommended() {
    let cases = [
        ("identity", 1.0),
        ("sigmoid", 1.0),
        ("tanh", 5.0 / 3.0),
        ("relu", SQRT_2),
        ("leaky_relu:leak=0.01", (2.0f64 / (1.0 + 0.01f64 * 0.01)).sqrt()),
        ("leaky_relu:leak=0.3", (2.0f64 / (1.0 + 0.3f64 * 0.3)).sqrt()),
        ("selu", 0.75),
    ];
    for (text, gain) in cases {
        assert_eq!((gains(phi(text)).torch, gains(phi(text)).usual), (Some(gain), gain), "{text}");
    }
    for text in ["gelu", "gelu_tanh", "silu", "elu", "softplus", "softsign", "mish", "shifted_relu", "general_relu"] {
        assert_eq!(gains(phi(text)).torch, None, "{text}");
    }
}

#[test]
fn regime_b_has_one_attracting_length() {
    // (leak, shift, q*, digits, slope, mean, std with its digits)
    let cases = [
        (0.0, 0.5, 0.392699, 6, 0.363380, -0.25, 0.36585, 5),
        (0.1, 0.4, 0.310281, 6, 0.489444, -0.2, 0.3416, 4),
        (0.0, 0.797885, 1.0, 5, 0.363380, -0.3989425, 0.58382, 5),
    ];
    for (leak, shift, q, q_digits, slope, mean, std, std_digits) in cases {
        let unit = ShiftedLeakyRelu::shifted(leak, shift);
        let fixed = unit.fixed_point().unwrap();
        to_digits("q*", fixed.q, q, q_digits);
        to_digits("slope", fixed.slope, slope, 6);
        assert_eq!(fixed.stability, Stability::Attracting);
        let m = unit.moments_at_fixed_point();
        to_digits("mean", m.mean, mean, 9);
        to_digits("std", m.std(), std, std_digits);
        assert!((unit.chi() - 1.0).abs() < 1e-15);
    }
    let lesson = ShiftedLeakyRelu::shifted(0.0, 0.5).fixed_point().unwrap();
    assert!((lesson.q - PI / 8.0).abs() < 1e-15 && (lesson.slope - (1.0 - 2.0 / PI)).abs() < 1e-15);
    to_digits("shift for q* = 1", ShiftedLeakyRelu::shifted_to_length(0.0, 1.0).shift, 0.797885, 6);
}

#[test]
fn regime_a_keeps_every_length_and_regime_c_explodes_backwards() {
    let kaiming = ShiftedLeakyRelu::kaiming(0.0);
    assert_eq!(kaiming.fixed_point(), None);
    assert_eq!(kaiming.length_map().fixed_points().continuum, Some((0.0, f64::INFINITY)));

    let centred = ShiftedLeakyRelu::centred(0.0);
    to_digits("shift", centred.shift, 0.398942280401, 12);
    to_digits("shift on the scaled output", centred.scaled_shift(), 0.683331696, 9);
    to_digits("g^2", centred.gain * centred.gain, 2.933884414, 9);
    to_digits("g", centred.gain, 1.712858550, 9);
    to_digits("chi", centred.chi(), 1.466942207, 9);
    assert!((centred.chi() - PI / (PI - 1.0)).abs() < 1e-15);
    to_digits("Q''(1)", centred.curvature(1.0), 0.2335, 4);
    let m = centred.moments_at_fixed_point();
    assert!(m.mean.abs() < 1e-12 && (centred.gain * m.std() - 1.0).abs() < 1e-12);
    assert!(CorrelationMap::new(centred.length_map(), 1.0).next(0.0).abs() < 1e-15);
    to_digits("gradient growth over 10 layers", centred.chi().powi(10), 46.0, 0);
    to_digits("gradient growth over 20 layers", centred.chi().powi(20), 2129.0, 0);
    to_digits("gradient growth over 50 layers, in 1e8", centred.chi().powi(50) / 1e8, 2.1, 1);
}

#[test]
fn depth_aware_forms_have_their_table() {
    let cases = [
        (2, 1.224745, 0.222209, 0.310294, 1.527820),
        (5, 1.084472, 0.456265, 0.216919, 1.339858),
        (10, 1.041380, 0.589807, 0.163643, 1.243069),
        (20, 1.020480, 0.694315, 0.121951, 1.173498),
        (50, 1.008142, 0.796371, 0.081236, 1.110766),
        (100, 1.004063, 0.851886, 0.059089, 1.078727),
    ];
    for (depth, chi, leak, shift, gain) in cases {
        let unit = depth_aware(depth, ZETA).unwrap();
        to_digits(&format!("chi for {depth}"), unit.chi(), chi, 6);
        to_digits(&format!("leak for {depth}"), unit.leak, leak, 6);
        to_digits(&format!("shift for {depth}"), unit.shift, shift, 6);
        to_digits(&format!("gain for {depth}"), unit.gain, gain, 6);
    }
}

#[test]
fn tailored_leaks_have_their_constants() {
    for (depth, leak) in [(20, 0.181380), (50, 0.430523), (100, 0.570440)] {
        to_digits(&format!("TAT's leak for {depth}"), tailored(depth, ETA).unwrap().leak, leak, 6);
    }
    for depth in 1..=12 {
        assert!(tailored(depth, ETA).is_err(), "{depth}");
    }
}

#[test]
fn relu_correlations_climb_as_iterated() {
    let mut c = 0.0;
    let expected = [(1, 0.3183), (5, 0.7359), (10, 0.8715), (20, 0.9484), (50, 0.9879), (100, 0.9964)];
    for layer in 1..=100 {
        c = leaky_relu_map(c, 0.0);
        if let Some((_, value)) = expected.iter().find(|(at, _)| *at == layer) {
            to_digits(&format!("correlation after {layer} layers"), c, *value, 4);
        }
    }
}

#[test]
fn relu_away_from_criticality_has_its_depths() {
    for (variance_w, depth, digits) in [(1.0 / 3.0, 3.3, 1), (1.0, 8.7, 1), (1.5, 20.9, 1), (1.9, 117.0, 0)] {
        for variance_b in [0.0, 0.1] {
            let map = LengthMap::new(Activation::Relu, variance_w, variance_b).unwrap();
            to_digits(&format!("6 xi at {variance_w}"), 6.0 * mean_field(&map).xi.unwrap(), depth, digits);
        }
    }
}

#[test]
fn the_critical_line_of_tanh_has_its_points() {
    let cases = [(0.001, 1.18919), (0.01, 1.42421), (0.05, 1.76095), (0.1, 1.98607), (0.2, 2.28515), (0.0, 1.0)];
    for (variance_b, variance_w) in cases {
        let point = critical_point(Activation::Tanh, variance_b).unwrap();
        to_digits(&format!("critical weight variance at {variance_b}"), point.variance_w, variance_w, 5);
    }
    to_digits("q* at 0.05", critical_point(Activation::Tanh, 0.05).unwrap().q.unwrap(), 0.57005, 5);
}

#[test]
fn tanh_depths_peak_at_the_critical_line() {
    // At σ_w² = 2 some tables say 139; a plain trapezoid sum over the plane also gives 151.28 (q* = .721762, c* = .744082).
    let cases = [(1.0, 21.8, 1), (1.5, 94.7, 1), (2.0, 151.0, 0), (2.5, 71.0, 0), (3.0, 54.0, 0), (4.0, 42.0, 0)];
    for (variance_w, depth, digits) in cases {
        let map = LengthMap::new(Activation::Tanh, variance_w, 0.05).unwrap();
        to_digits(&format!("6 xi at {variance_w}"), 6.0 * mean_field(&map).xi.unwrap(), depth, digits);
    }
}

#[test]
fn finite_width_and_jacobian_have_their_multiples() {
    for (text, v) in [("relu", 5.0), ("identity", 2.0)] {
        let v_found = relative_variance(phi(text), 1.0).unwrap();
        assert!((v_found - v).abs() < 1e-12);
        let band = LogNormalBand::of_kept_length(v_found, &[100; 30]);
        assert!((band.variance - v * 0.3).abs() < 1e-12 && (band.drift + v * 0.15).abs() < 1e-12);
    }
    let cases = [
        ("relu", WeightSpectrum::Gaussian, 2.0),
        ("relu", WeightSpectrum::Orthogonal, 1.0),
        ("identity", WeightSpectrum::Gaussian, 1.0),
        ("identity", WeightSpectrum::Orthogonal, 0.0),
    ];
    for (text, weights, per_layer) in cases {
        assert!((jacobian_spread(phi(text), 1.0, weights, 30).unwrap() - 30.0 * per_layer).abs() < 1e-12, "{text}");
    }
}

#[test]
fn xavier_on_relu_loses_its_published_share_of_the_std() {
    // He et al. 2015, section 2.2: 1/√2 of the std per layer.
    let map = LengthMap::new(Activation::Relu, 1.0, 0.0).unwrap();
    let std_after = |layers: usize| (0..layers).fold(1.0, |q, _| map.next(q)).sqrt();
    to_digits("after 22 layers, in 1e-4", std_after(22) * 1e4, 4.9, 1);
    to_digits("after 30 layers, in 1e-5", std_after(30) * 1e5, 3.1, 1);
}

/// Numbers published in the tests of google-deepmind/dks (tests/test_activation_transform.py, commit 021816e), the code
/// of Martens et al. 2021 and Zhang et al. 2022. Their network is a residual one; this is its largest subnetwork.
fn dks_network(x: f64, unit: impl Fn(f64) -> f64) -> f64 {
    let branch = |x: f64| unit(unit(unit(x)));
    let shortcut = 0.6f64 * 0.6;
    let mut whole = x;
    for blocks in [3, 4, 23, 3] {
        for block in 0..blocks {
            let kept = if block == 0 { unit(whole) } else { whole };
            whole = shortcut * kept + (1.0 - shortcut) * branch(whole);
        }
    }
    unit(whole).max(branch(x))
}

/// The χ at which the network's slope at correlation 1 is `bound`; the slope rises with χ.
fn dks_chi(bound: f64) -> f64 {
    let (mut low, mut high) = (1.0, 2.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if dks_network(1.0, |slope| slope * middle) > bound { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

#[test]
fn dks_leaky_relu_is_the_centred_form() {
    let unit = centred_for_chi(dks_chi(1.2)).unwrap();
    to_digits("leak", unit.leak, 0.8761257073473065, 7);
    to_digits("shift", unit.shift, 0.049418692997275034, 7);
    to_digits("gain", unit.gain, 1.0651832705682147, 7);
    // Given their leak the two others follow, up to 2e-10 that their quadrature loses at the kink.
    let same = ShiftedLeakyRelu::centred(0.8761257073473065);
    to_digits("shift at their leak", same.shift, 0.049418692997275034, 9);
    to_digits("gain at their leak", same.gain, 1.0651832705682147, 9);
}

#[test]
fn tat_leaky_relu_is_the_tailored_form() {
    let of = |target| tailored_to(target, |leak| dks_network(0.0, |c| leaky_relu_map(c, leak))).unwrap();
    to_digits("leak", of(0.75).leak, 0.6291800290346146, 7);
    to_digits("gain", of(0.75).gain, 1.196996549778802, 7);
    let unit = of(0.95);
    to_digits("value at 0.6", unit.gain * 0.6, 0.7954047194402861, 7);
    to_digits("value at -0.6", unit.gain * unit.leak * -0.6, -0.2955187511683813, 7);
}

#[test]
fn dks_transformed_activations_have_mean_zero_length_one_and_the_slopes_asked_for() {
    // (activation, input scale, input shift, output shift, output scale)
    let cases = [
        ("softplus", 0.18761008168267976, 0.40688063442262007, -0.9213466151411376, 8.878672543665223),
        ("tanh", 0.07461073057540868, 0.5566915199964182, -0.5034378768692127, 18.002635964442558),
        ("gelu_tanh", 0.07036271496383567, 0.2586837248593587, -0.15758328114374964, 20.249573305194307),
        ("gelu", 0.07043253126531114, 0.259489297927707, -0.15815378961903598, 20.21158902315857),
    ];
    let chi = dks_chi(1.2);
    for (text, input_scale, input_shift, output_shift, output_scale) in cases {
        let phi = phi(text);
        let inside = |z: f64| input_scale * z + input_shift;
        let mean = gaussian_mean(1.0, &[], |z| phi.value(inside(z)));
        to_digits(&format!("output shift of {text}"), -mean, output_shift, 9);
        let variance = gaussian_mean(1.0, &[], |z| (phi.value(inside(z)) - mean).powi(2));
        to_digits(&format!("output scale of {text}"), 1.0 / variance.sqrt(), output_scale, 7);
        let slope = |z: f64| output_scale * input_scale * phi.derivative(inside(z));
        to_digits(&format!("chi of {text}"), gaussian_mean(1.0, &[], |z| slope(z).powi(2)), chi, 7);
        let out = |z: f64| output_scale * (phi.value(inside(z)) + output_shift);
        to_digits(&format!("Q'(1) of {text}"), gaussian_mean(1.0, &[], |z| out(z) * slope(z) * z), 1.0, 7);
    }
}

#[test]
fn dks_relu_with_a_shifted_input_has_its_output_shift_and_scale() {
    let (scale, kink) = (0.3685360046708044, -1.0 / 0.3685360046708044);
    let relu = |z: f64| (scale * z + 1.0f64).max(0.0);
    let mean = gaussian_mean(1.0, &[kink], relu);
    to_digits("output shift", mean, 1.000373858553784, 9);
    let variance = gaussian_mean(1.0, &[kink], |z| (relu(z) - mean).powi(2));
    to_digits("output scale", 1.0 / variance.sqrt(), 2.721729988761473, 8);
}

#[test]
fn activations_have_the_values_that_dks_publishes() {
    let cases = [
        ("tanh", 0.5370495669980353, -0.5370495669980353),
        ("softplus", 1.0374879504858856, 0.4374879504858857),
        ("relu", 0.6, 0.0),
        ("leaky_relu", 0.6, -0.006),
    ];
    for (text, plus, minus) in cases {
        assert!((phi(text).value(0.6) - plus).abs() < 1e-15 && (phi(text).value(-0.6) - minus).abs() < 1e-15, "{text}");
    }
}

/// From torch.nn.functional of PyTorch 2.15 in float64: `z = torch.tensor(x, requires_grad=True); h = f(z); h.backward()`, then
/// `h` and `z.grad` with 17 digits.
#[allow(clippy::excessive_precision, reason = "the digits are as PyTorch prints them")]
#[test]
fn activations_have_the_values_and_slopes_that_pytorch_computes() {
    let cases = [
        ("softsign", -1000.0, -0.99900099900099903, 9.9800299600502108e-07),
        ("softsign", -2.5, -0.7142857142857143, 0.081632653061224469),
        ("softsign", -1e-9, -9.9999999899999991e-10, 0.99999999799999995),
        ("softsign", 0.0, 0.0, 1.0),
        ("softsign", 0.1, 0.090909090909090912, 0.82644628099173545),
        ("softsign", 8.0, 0.88888888888888884, 0.012345679012345678),
        ("mish", -1000.0, 0.0, 0.0),
        ("mish", -30.0, -2.8072868906519209e-12, -2.7137106609633922e-12),
        ("mish", -2.5, -0.19681620390653337, -0.10974357275018566),
        ("mish", -1.0, -0.30340146137410895, 0.059216755877395014),
        ("mish", 0.0, 0.0, 0.59999999999999998),
        ("mish", 0.1, 0.063179417491489726, 0.66333682075199518),
        ("mish", 2.5, 2.4713923045578809, 1.041129530131353),
        ("mish", 1000.0, 1000.0, 1.0),
    ];
    for (text, z, value, slope) in cases {
        let (h, d) = (phi(text).value(z), phi(text).derivative(z));
        assert!((h - value).abs() <= 4e-15 * value.abs(), "{text}({z}) is {h}, PyTorch has {value}");
        // Far out PyTorch's softsign has its slope from 1 − |h|, which has fewer digits.
        assert!((d - slope).abs() <= 4e-15 * slope.abs() + 1e-19, "{text}'({z}) is {d}, PyTorch has {slope}");
    }
}
