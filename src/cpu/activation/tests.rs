//! Both passes against the definition, for every size, with statistics and without.

use super::*;
use crate::cpu::simd::tests::with_every_form;

#[test]
fn units_that_let_nothing_through_are_found() {
    with_every_form(assert_live_units);
}

fn assert_live_units() {
    let settings =
        ObserveSettings { near_zero: 0.05, gradient_near_zero: 0.0, histogram_range: (-1.0, 1.0), higher: true };
    let cases = [
        (Activation::Relu, [-1.0, 0.0, 0.5, 9.0], [false, false, true, true]),
        (Activation::LeakyRelu { leak: 0.1 }, [-1.0, 0.0, 0.5, 9.0], [true; 4]),
        (
            Activation::GeneralRelu { leak: 0.0, shift: 0.5, max: Some(2.0) },
            [-1.0, 0.0, 0.5, 9.0],
            [false, false, true, false],
        ),
        (Activation::Tanh, [-9.0, 0.0, 0.5, 9.0], [false, true, true, false]),
        (Activation::Identity, [-9.0, 0.0, 0.5, 9.0], [true; 4]),
    ];
    for (activation, row, live) in cases {
        let mut observation = Observation { live: LiveUnits::none(4), ..Observation::default() };
        let mut z: Vec<f32> = row.repeat(3);
        let mut h = z.clone();
        forward(
            activation,
            &mut z,
            Some(&mut h),
            4,
            None,
            Some((&mut observation, &settings)),
            &mut Scratch::default(),
        );
        assert_eq!(observation.live, live.into_iter().collect(), "{activation:?}");
    }
}

const ALL: [Activation; 9] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { leak: 0.1 },
    Activation::LeakyRelu { leak: -0.3 },
    Activation::GeneralRelu { leak: 0.1, shift: 0.4, max: Some(0.9) },
    Activation::GeneralRelu { leak: -0.2, shift: 0.1, max: None },
    Activation::ShiftedRelu { shift: 0.5 },
    Activation::Tanh,
    Activation::Gelu,
];

fn wave(n: usize, step: f32) -> Vec<f32> {
    (0..n).map(|i| 2.0 * (i as f32 * step).sin()).collect()
}

/// Compares sums with those of their definition.
fn assert_sums(sums: &Sums, values: &[f32], near_zero: f32, what: &str) {
    let exact = |f: fn(f64) -> f64| values.iter().map(|&x| f(f64::from(x))).sum::<f64>();
    assert_eq!(sums.n, values.len() as u64, "{what}");
    assert!((sums.sum - exact(|x| x)).abs() <= 6e-7 * exact(f64::abs), "{what}: sum");
    assert!((sums.sum_of_squares - exact(|x| x * x)).abs() <= 6e-7 * exact(|x| x * x), "{what}: squares");
    assert_eq!(sums.min, values.iter().copied().fold(f32::INFINITY, f32::min), "{what}: least");
    assert_eq!(sums.max, values.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{what}: largest");
    assert_eq!(sums.near_zero, values.iter().filter(|x| x.abs() < near_zero).count() as u64, "{what}: near zero");
}

#[test]
fn both_passes_do_what_the_definition_says_for_every_size_and_with_any_observation() {
    with_every_form(assert_both_passes);
}

fn assert_both_passes() {
    let settings =
        ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0), higher: true };
    for ((activation, (rows, cols)), scale) in ALL
        .into_iter()
        .flat_map(|a| [(1, 1), (3, 5), (700, 3), (300, 8), (64, 100), (2, 2500)].map(|shape| (a, shape)))
        .flat_map(|case| [1.0, 1e-20].map(|scale| (case, scale)))
    {
        let what = format!("{activation:?}, {rows}×{cols}, size {scale}");
        let start: Vec<f32> = wave(rows * cols, 0.37).iter().map(|x| x * scale).collect();
        let bias: Vec<f32> = wave(cols, 1.1).iter().map(|x| x * scale).collect();
        let dh: Vec<f32> = wave(rows * cols, 0.71).iter().map(|x| x * scale).collect();
        let want_z: Vec<f32> = start.iter().enumerate().map(|(i, x)| x + bias[i % cols]).collect();
        let in_place = activation.slope_from_output();
        let mut results = Vec::new();
        for observed in [false, true] {
            let mut observation = Observation { live: LiveUnits::none(cols), ..Observation::default() };
            let mut scratch = Scratch { careful: true, ..Scratch::default() };
            let (mut z, mut h) = (start.clone(), vec![f32::NAN; rows * cols]);
            let apart = (!in_place).then_some(&mut h[..]);
            let seen = observed.then_some((&mut observation, &settings));
            forward(activation, &mut z, apart, cols, Some(&bias), seen, &mut scratch);
            let h = if in_place { z.clone() } else { h };
            let (mut dz, mut db) = (dh.clone(), vec![f32::NAN; cols]);
            let saved = if in_place { &h } else { &z };
            let seen = observed.then_some((&mut observation, &settings));
            backward(activation, &mut dz, saved, cols, Some(&mut db), seen, &mut scratch);
            if observed {
                assert_sums(&observation.pre_activation, &want_z, 0.3, &what);
                assert_sums(&observation.activation, &h, 0.3, &what);
                assert_sums(&observation.gradient, &dh, 0.2, &what);
            }
            results.push((h, dz, db));
        }
        assert_eq!(results[0], results[1], "{what}: with an observation and without");
        let (h, dz, db) = &results[0];
        for i in 0..rows * cols {
            let z = f64::from(want_z[i]);
            let (value, slope) = (activation.value(z), activation.derivative(z) * f64::from(dh[i]));
            assert!((f64::from(h[i]) - value).abs() <= 1e-6 * value.abs().max(f64::from(scale)), "{what}: h");
            assert!((f64::from(dz[i]) - slope).abs() <= 2e-6 * f64::from(scale), "{what}: dz");
        }
        for (j, &db) in db.iter().enumerate() {
            let column = || dz[j..].iter().step_by(cols).map(|&g| f64::from(g));
            let size = column().map(f64::abs).sum::<f64>();
            assert!((f64::from(db) - column().sum::<f64>()).abs() <= 1e-6 * size, "{what}: db");
        }
    }
}

#[test]
fn without_care_sums_are_those_with_care_or_known_to_be_missing() {
    let settings =
        ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0), higher: true };
    for (activation, scale, misses) in [
        (Activation::Relu, 1.0, false),
        (Activation::Relu, 0.0, false),
        (Activation::Relu, 1e-20, true),
        (Activation::Relu, 1e20, true),
        (Activation::Relu, f32::NAN, true),
        (Activation::LeakyRelu { leak: 0.0 }, 1e-20, true),
        (Activation::Identity, 1e-20, false),
        (Activation::Tanh, 1e-20, false),
    ] {
        let [(observation, missed), (careful, _)] = [false, true].map(|careful| {
            let mut observation = Observation { live: LiveUnits::none(100), ..Observation::default() };
            let mut scratch = Scratch { careful, ..Scratch::default() };
            let (mut z, mut dh) = (wave(6400, 0.37), wave(6400, 0.71));
            z.iter_mut().chain(&mut dh).for_each(|x| *x *= scale);
            forward(activation, &mut z, None, 100, None, Some((&mut observation, &settings)), &mut scratch);
            backward(activation, &mut dh, &z, 100, None, Some((&mut observation, &settings)), &mut scratch);
            (observation, scratch.missed)
        });
        assert_eq!(missed, misses, "{activation:?}, size {scale}");
        assert!(misses || observation == careful, "{activation:?}, size {scale}");
    }
}

#[test]
fn the_kurtosis_of_pre_activations_is_that_of_their_distribution_at_every_size() {
    let settings =
        ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0), higher: true };
    let n = 200_000;
    let gaussian = crate::rng::standard_normals(&mut crate::rng::rng(1, "kurtosis"), n);
    let uniform: Vec<f64> = (0..n).map(|i| (i as f64 + 0.5) / n as f64).collect();
    // The standard error of a Gaussian's is √(24/n); the uniform one is a grid.
    let error = (24.0 / n as f64).sqrt();
    for (values, want, allowed) in [(&gaussian, 3.0, 4.0 * error), (&uniform, 1.8, 1e-4)] {
        for (scale, shift) in [1e-38, 1e-20, 1e-9, 1e-6, 1.0, 1e7, 1e10, 1e15, 1e30]
            .map(|scale| (scale, 0.0))
            .into_iter()
            .chain([(1.0, 1.0)])
        {
            for activation in [Activation::Relu, Activation::Identity, Activation::Tanh, ALL[4]] {
                with_every_form(|| {
                    let mut observation = Observation { live: LiveUnits::none(100), ..Observation::default() };
                    let mut z: Vec<f32> = values.iter().map(|x| (x * scale + shift) as f32).collect();
                    let (mut h, mut scratch) = (z.clone(), Scratch { careful: true, ..Scratch::default() });
                    let apart = (!activation.slope_from_output()).then_some(&mut h[..]);
                    forward(activation, &mut z, apart, 100, None, Some((&mut observation, &settings)), &mut scratch);
                    let found = observation.pre_activation.kurtosis().unwrap();
                    assert!(
                        (found - want).abs() < allowed,
                        "{activation:?} at {scale:e} + {shift}: {found}, not {want}"
                    );
                });
            }
        }
    }
}

#[test]
fn a_relu_whose_values_are_all_negative_or_infinite_is_seen_as_it_is() {
    let settings =
        ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0), higher: true };
    for (value, live) in [(-1.0, false), (0.0, false), (1.0, true), (f32::INFINITY, false), (f32::NAN, false)] {
        for (rows, cols) in [(1, 1), (7, 5), (64, 100), (700, 3)] {
            with_every_form(|| {
                let (mut observation, mut z) =
                    (Observation { live: LiveUnits::none(cols), ..Observation::default() }, vec![value; rows * cols]);
                let mut scratch = Scratch { careful: true, ..Scratch::default() };
                forward(Activation::Relu, &mut z, None, cols, None, Some((&mut observation, &settings)), &mut scratch);
                let what = format!("{rows}×{cols} of {value}");
                assert_eq!(observation.live, std::iter::repeat_n(live, cols).collect(), "{what}: live");
                let same = |a: f32, b: f32| a == b || a.is_nan() && b.is_nan();
                let h = if value < 0.0 { 0.0 } else { value };
                for (sums, value) in [(&observation.pre_activation, value), (&observation.activation, h)] {
                    assert!(same(sums.min, value) && same(sums.max, value), "{what}: extremes {sums:?}");
                }
            });
        }
    }
}

#[test]
fn nothing_is_near_zero_without_a_limit() {
    let settings =
        ObserveSettings { near_zero: 0.0, gradient_near_zero: 0.0, histogram_range: (-1.0, 1.0), higher: true };
    with_every_form(|| {
        let (mut observation, mut z) =
            (Observation { live: LiveUnits::none(100), ..Observation::default() }, wave(6400, 0.37));
        let seen = Some((&mut observation, &settings));
        forward(Activation::Relu, &mut z, None, 100, None, seen, &mut Scratch::default());
        assert_eq!([observation.pre_activation.near_zero, observation.activation.near_zero], [0, 0]);
    });
}

#[test]
fn a_ceiling_nan_and_infinity_pass_as_they_should() {
    with_every_form(assert_bounds_pass);
}

fn assert_bounds_pass() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1.0];
    let cut = Activation::GeneralRelu { leak: 0.5, shift: 0.25, max: Some(6.0) };
    for (activation, want) in [
        (Activation::Relu, [f32::NAN, f32::INFINITY, 0.0, 0.0, 1.0]),
        (cut, [f32::NAN, 6.0, f32::NEG_INFINITY, -0.75, 0.75]),
    ] {
        // Once in the vectors, once in what is left of a block.
        let (mut z, mut h) = (values.repeat(5), vec![0.0; 25]);
        forward(activation, &mut z, Some(&mut h), 5, None, None, &mut Scratch::default());
        for row in h.chunks(5) {
            assert!(row[0].is_nan() && row[1..] == want[1..], "{activation:?}: {row:?}");
        }
    }
}
