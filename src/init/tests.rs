//! Tests of the drawn values: their moments, their bounds, their structure, and what is refused.

use crate::activation::Activation;
use crate::init::law::CUT_STD;
use crate::init::{BiasInit, FanMode, Gain, Preset, WeightInit, gain};
use crate::theory::gains::{Purpose, gains, purpose};

const UNIT: Gain = Gain::Given(1.0);

fn sample(rule: WeightInit, shape: &[usize]) -> Vec<f64> {
    rule.sample_f64(0, "layer.weight", shape, Activation::Relu).unwrap()
}

#[test]
fn each_rule_has_mean_zero_and_the_promised_std() {
    let (mode, gain) = (FanMode::FanIn, Gain::Activation);
    // The last number is the kurtosis E[x⁴]/E[x²]², which sets how well n draws know the variance.
    let cases = [
        (WeightInit::Normal { std: 0.3 }, vec![100, 200], 3.0),
        (WeightInit::Uniform { bound: 0.3 }, vec![100, 200], 1.8),
        (WeightInit::TruncatedNormal { std: 0.3 }, vec![100, 200], 2.4),
        (WeightInit::LecunNormal, vec![100, 200], 3.0),
        (WeightInit::LecunUniform, vec![16, 32, 5, 5], 1.8),
        (WeightInit::XavierNormal { gain: UNIT }, vec![100, 200], 3.0),
        (WeightInit::XavierUniform { gain: Gain::Given(2.0) }, vec![16, 32, 5, 5], 1.8),
        (WeightInit::KaimingNormal { mode, gain }, vec![16, 32, 5, 5], 3.0),
        (WeightInit::KaimingUniform { mode: FanMode::FanAvg, gain }, vec![100, 200], 1.8),
        (WeightInit::Orthogonal { gain }, vec![100, 200], 3.0),
        (WeightInit::Orthogonal { gain }, vec![200, 100], 3.0),
        (WeightInit::DeltaOrthogonal { gain }, vec![64, 32, 3, 3], 27.0),
        (WeightInit::LooksLinear { gain }, vec![100, 200], 3.0),
        (WeightInit::LooksLinearFirst { gain }, vec![64, 3, 5, 5], 75.0),
        (WeightInit::LooksLinearLast { gain }, vec![10, 200], 3.0),
        (WeightInit::Sparse { sparsity: 0.9, std: 2.0 }, vec![100, 200], 30.0),
        (WeightInit::LessonSimple, vec![100, 200], 3.0),
        (WeightInit::LessonRaw, vec![100, 200], 3.0),
        (Preset::Torch.rule().weight, vec![100, 200], 1.8),
    ];
    for (rule, shape, kurtosis) in cases {
        let values = sample(rule, &shape);
        let n = values.len() as f64;
        let std = rule.std(&shape, Activation::Relu).unwrap().unwrap();
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| x * x).sum::<f64>() / n;
        assert!(mean.abs() < 4.0 * std / n.sqrt(), "{rule:?}: mean {mean}");
        let tolerance = 4.0 * ((kurtosis - 1.0f64) / n).sqrt();
        assert!((variance / (std * std) - 1.0).abs() < tolerance, "{rule:?}: variance {variance}, std {std}");
    }
}

#[test]
fn bounds_and_cuts_hold() {
    let bound = |values: Vec<f64>| values.into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let uniform = bound(sample(WeightInit::Uniform { bound: 0.3 }, &[300, 300]));
    assert!(uniform < 0.3 && uniform > 0.2999, "{uniform}");
    let cut = bound(sample(WeightInit::TruncatedNormal { std: CUT_STD }, &[300, 300]));
    assert!(cut <= 2.0 && cut > 1.999, "{cut}");
    let torch = bound(sample(Preset::Torch.rule().weight, &[300, 400]));
    assert!(torch <= 0.05 + 1e-12 && torch > 0.0499, "{torch}");
}

#[test]
fn uniform_draws_are_uniform_in_the_whole_interval() {
    let mut values = sample(WeightInit::Uniform { bound: 1.0 }, &[200, 200]);
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, x): (usize, &f64)| ((i as f64 + 0.5) / n - (x + 1.0) / 2.0).abs();
    // Kolmogorov and Smirnov: a gap of 1.95/√n is met once in a thousand samples.
    assert!(values.iter().enumerate().map(gap).fold(0.0, f64::max) < 1.95 / n.sqrt());
}

#[test]
fn random_rules_of_one_name_share_their_draws() {
    let shape = [20, 30];
    let normal = sample(WeightInit::LessonRaw, &shape);
    let order = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        order
    };
    assert_eq!(order(&normal), order(&sample(WeightInit::LecunUniform, &shape)));
    assert_eq!(order(&normal), order(&sample(Preset::Kaiming.rule().weight, &shape)));
    let cut = sample(WeightInit::TruncatedNormal { std: CUT_STD }, &shape);
    let redrawn = normal.iter().zip(&cut).filter(|(z, x)| z != x).count();
    assert_eq!(redrawn, normal.iter().filter(|z| z.abs() > 2.0).count());
    let sparse = sample(WeightInit::Sparse { sparsity: 0.5, std: 1.0 }, &shape);
    assert!(normal.iter().zip(&sparse).all(|(z, x)| *x == 0.0 || x == z));
}

#[test]
fn names_and_seeds_have_draws_of_their_own() {
    let draw = |seed, name| WeightInit::LessonRaw.sample(seed, name, &[100, 100], Activation::Tanh).unwrap();
    let first = draw(0, "a");
    for other in [draw(1, "a"), draw(0, "b")] {
        let product: f32 = first.iter().zip(&other).map(|(x, y)| x * y).sum();
        assert!(product.abs() < 4.0 * 100.0, "a correlation of {}", product / 1e4);
    }
    assert_eq!(first, draw(0, "a"));
}

/// Also those that are published, and those that are integrated because nobody has published one.
#[test]
fn theory_and_trainer_agree_on_every_gain() {
    let others = [
        Activation::LeakyRelu { leak: 0.3 },
        Activation::GeneralRelu { leak: 0.2, shift: 0.4, max: Some(6.0) },
        Activation::Elu { alpha: 0.3 },
    ];
    for phi in Activation::ALL.into_iter().chain(others) {
        let (told, drawn) = (gains(phi), Preset::Kaiming.rule().weight.std(&[10, 400], phi).unwrap().unwrap());
        assert_eq!((gain(phi), drawn), (told.usual, told.usual / 20.0), "{phi}");
        assert!(told.torch.is_none_or(|torch| torch == told.usual), "{phi}: {told:?}");
        match purpose(phi) {
            Purpose::Chi if phi.relu_form().is_some_and(|form| form.max.is_finite()) => {}
            Purpose::Chi => assert!((told.chi_usual - 1.0).abs() < 1e-15, "{phi}: {told:?}"),
            Purpose::Torch => assert_eq!(told.torch, Some(told.usual), "{phi}"),
            Purpose::MeanSquare => assert!((told.usual - told.rms.unwrap()).abs() < 1e-12, "{phi}: {told:?}"),
        }
    }
}

/// The values are part of every recorded run: a change of them is a change of the file format.
#[test]
fn golden_values_stay_as_they_are() {
    let first = |rule: WeightInit| rule.sample(7, "1.weight", &[4, 2, 3, 3], Activation::Relu).unwrap()[4];
    let (mode, gain) = (FanMode::FanIn, Gain::Activation);
    let values = [
        first(WeightInit::KaimingNormal { mode, gain }),
        first(WeightInit::KaimingUniform { mode, gain }),
        first(WeightInit::TruncatedNormal { std: 1.0 }),
        first(WeightInit::Orthogonal { gain }),
        first(WeightInit::DeltaOrthogonal { gain }),
        BiasInit::UniformFanIn.sample(7, "1.bias", 3, 18)[2],
    ];
    assert_eq!(format!("{values:?}"), "[0.4761631, 0.48892847, 1.6239741, 0.49726036, 0.7196515, 0.063879095]");
}

#[test]
fn orthogonal_rules_keep_lengths() {
    // Columns of a tall weight: the lengths of inputs; rows of a wide one: the lengths of gradients.
    let squares = |values: &[f64], start: usize, step: usize| -> f64 {
        values.iter().skip(start).step_by(step).map(|x| x * x).sum()
    };
    let tall = sample(WeightInit::Orthogonal { gain: Gain::Given(3.0) }, &[50, 2, 3, 3]);
    assert!((0..18).all(|column| (squares(&tall, column, 18) - 9.0).abs() < 1e-12));
    let wide = sample(WeightInit::Orthogonal { gain: UNIT }, &[5, 2, 3, 3]);
    assert!(wide.chunks(18).all(|row| (squares(row, 0, 1) - 1.0).abs() < 1e-12));
    let delta = sample(WeightInit::DeltaOrthogonal { gain: UNIT }, &[5, 2, 3, 5]);
    assert!((0..30).all(|at| (squares(&delta, at, 30) - if at % 15 == 7 { 1.0 } else { 0.0 }).abs() < 1e-12));
}

#[test]
fn the_identity_copies_each_input_to_one_output() {
    let identity = WeightInit::Identity { gain: Gain::Given(2.0) };
    assert_eq!(sample(identity, &[2, 3]), [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    assert_eq!(sample(identity, &[3, 2]), [2.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
    let conv = sample(identity, &[2, 2, 3, 3]);
    let ones: Vec<usize> = (0..36).filter(|&i| conv[i] == 2.0).collect();
    assert_eq!((ones, conv.iter().sum::<f64>()), (vec![4, 31], 4.0));
}

#[test]
fn every_column_of_a_sparse_weight_has_its_zeros() {
    for (sparsity, zeros) in [(0.0, 0), (0.25, 3), (0.5, 5), (0.9, 9)] {
        let values = sample(WeightInit::Sparse { sparsity, std: 1.0 }, &[10, 40]);
        let count = |column| values.iter().skip(column).step_by(40).filter(|x| **x == 0.0).count();
        assert!((0..40).all(|column| count(column) == zeros), "{sparsity}");
    }
}

#[test]
fn a_bias_is_zero_constant_normal_or_within_one_over_the_root_of_fan_in() {
    assert_eq!(BiasInit::Zeros.sample(0, "b", 2, 9), [0.0; 2]);
    assert_eq!(BiasInit::Constant { value: -0.5 }.sample(0, "b", 2, 9), [-0.5; 2]);
    let normal = BiasInit::Normal { std: 0.2 }.sample(0, "b", 10_000, 25);
    let variance = normal.iter().map(|b| b * b).sum::<f32>() / 1e4;
    assert!((variance / 0.04 - 1.0).abs() < 4.0 * (2.0f32 / 1e4).sqrt(), "{variance}");
    let most = BiasInit::UniformFanIn.sample(0, "b", 10_000, 25).into_iter().fold(0.0f32, |most, x| most.max(x.abs()));
    assert!(most <= 0.2 && most > 0.199, "{most}");
}

#[test]
fn a_refusal_names_the_parameter_the_rule_and_the_reason() {
    let delta = WeightInit::DeltaOrthogonal { gain: UNIT };
    let looks_linear = WeightInit::LooksLinear { gain: UNIT };
    let sparse = |sparsity, std| WeightInit::Sparse { sparsity, std };
    let cases = [
        (WeightInit::Normal { std: -1.0 }, vec![2, 2], "normal on shape [2, 2]: std is -1; expected a finite number"),
        (WeightInit::TruncatedNormal { std: f64::NAN }, vec![2, 2], "truncated_normal on shape [2, 2]: std is NaN"),
        (WeightInit::Uniform { bound: f64::INFINITY }, vec![2, 2], "uniform on shape [2, 2]: bound is inf"),
        (WeightInit::Constant { value: f64::NAN }, vec![2, 2], "constant on shape [2, 2]: value is NaN"),
        (WeightInit::Constant { value: 1e39 }, vec![2, 2], "constant on shape [2, 2]: its values are too large"),
        (WeightInit::XavierNormal { gain: Gain::Given(-1.0) }, vec![2, 2], "xavier_normal on shape [2, 2]: gain is -1"),
        (sparse(1.5, 1.0), vec![2, 2], "sparse on shape [2, 2]: sparsity is 1.5; expected a fraction from 0 to 1"),
        (sparse(f64::NAN, 1.0), vec![2, 2], "sparse on shape [2, 2]: sparsity is NaN"),
        (sparse(0.5, -1.0), vec![2, 2], "sparse on shape [2, 2]: std is -1"),
        (
            sparse(1.0, 1.0),
            vec![2, 2],
            "sparse on shape [2, 2]: sparsity 1 sets every weight to 0 (of each input's weights to 2",
        ),
        (sparse(0.9, 1.0), vec![4, 1, 3, 3], "sparse on shape [4, 1, 3, 3]: sparsity 0.9 sets every weight to 0"),
        (sparse(0.1, 1.0), vec![1, 9], "sparse on shape [1, 9]: sparsity 0.1 sets every weight to 0"),
        (delta, vec![4, 2], "delta_orthogonal on shape [4, 2]: a linear weight has no window"),
        (delta, vec![4, 2, 3, 2], "delta_orthogonal on shape [4, 2, 3, 2]: a window of 2 has no centre"),
        (delta, vec![2, 4, 3, 3], "delta_orthogonal on shape [2, 4, 3, 3]: 2 outputs for 4 inputs"),
        (
            looks_linear,
            vec![3, 4],
            "looks_linear on shape [3, 4]: 3 outputs do not stand in pairs; expected an even number",
        ),
        (looks_linear, vec![4, 3, 3, 3], "looks_linear on shape [4, 3, 3, 3]: 3 inputs do not stand in pairs"),
        (looks_linear, vec![4, 2, 3, 2], "looks_linear on shape [4, 2, 3, 2]: a window of 2 has no centre"),
        (looks_linear, vec![5], "shape [5] has no fan_in and fan_out"),
        (WeightInit::LecunNormal, vec![5], "shape [5] has no fan_in and fan_out"),
        (WeightInit::Orthogonal { gain: UNIT }, vec![5], "shape [5] has no fan_in and fan_out"),
        (WeightInit::Zeros, vec![5, 0], "zeros on shape [5, 0]: expected from 1 to 2147483648 entries"),
        (WeightInit::Zeros, vec![1 << 31, 2], "zeros on shape [2147483648, 2]: expected from 1"),
        (WeightInit::Zeros, vec![usize::MAX, 2], "zeros on shape [18446744073709551615, 2]: expected from 1"),
    ];
    for (rule, shape, expected) in cases {
        let message = rule.sample(0, "2.weight", &shape, Activation::Relu).unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot initialise `2.weight`: {expected}")), "{message}");
    }
}
