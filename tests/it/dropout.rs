//! Dropout: where it stands, what it does on average, when it does nothing, and that what is done again is the same.

use std::ops::Range;
use std::sync::Arc;

use initlab::activation::Activation;
use initlab::config::Experiment;
use initlab::model::build::build;
use initlab::model::cpu::CpuModel;
use initlab::model::draws::Draws;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::{Activations, Layer, LayerSpec, Network, NetworkError, Shape};

const RELU: LayerSpec = LayerSpec::Activation(Activation::Relu);

fn linear(out: usize) -> LayerSpec {
    LayerSpec::Linear { out, bias: true }
}

fn dropout(p: f64) -> LayerSpec {
    LayerSpec::Dropout { p }
}

/// A model whose parameters are some numbers of either sign.
fn model(specs: &[LayerSpec], inputs: usize, threads: usize) -> CpuModel {
    let network = Network::build(Shape::Flat(inputs), specs, Activations::Fused).unwrap();
    let mut model = CpuModel::new(Arc::new(network), threads);
    let number = |i: usize| ((i * 37 % 41) as f32 - 20.0) / 32.0;
    model.flat_params_mut().iter_mut().enumerate().for_each(|(i, value)| *value = number(i));
    model
}

fn names(layers: &[Layer]) -> String {
    let name = |layer: &Layer| {
        if layer.body().is_empty() { layer.name.clone() } else { format!("{}({})", layer.name, names(layer.body())) }
    };
    layers.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn dropout_stands_in_front_of_linear_layers_behind_others() {
    let image = Shape::Image { channels: 1, height: 8, width: 8 };
    for (net, want) in [
        ("kind='mlp'\nwidths=[5]", "flatten1 linear1 dropout1 linear2"),
        ("kind='mlp'\nwidths=[5,6]", "flatten1 linear1 dropout1 linear2 dropout2 linear3"),
        (
            "kind='mlp'\nwidths=[5,5,5]\nnorm={kind='layer',position='after'}",
            "flatten1 linear1 layer_norm1 dropout1 \
          linear2 layer_norm2 dropout2 linear3 layer_norm3 dropout3 linear4",
        ),
        (
            "kind='mlp'\nwidths=[5,5,5]\nresidual='plain'",
            "flatten1 linear1 residual1(dropout1 linear2 dropout2 linear3) act1 \
          dropout3 linear4",
        ),
        ("kind='cnn'\nstages=[{channels=3,layers=2}]", "conv1 conv2 global_avg_pool1 flatten1 dropout1 linear1"),
        (
            "kind='cnn'\nstages=[{channels=3}]\nhead='flatten'\nhidden=[7]",
            "conv1 flatten1 dropout1 linear1 dropout2 linear2",
        ),
    ] {
        let network = |dropout: &str| {
            let text = format!("[model]\n{net}\n{dropout}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
            let experiment = Experiment::parse("x.toml", &text, &[]).unwrap();
            assert_eq!(Experiment::parse("x.toml", &experiment.to_toml(), &[]).unwrap(), experiment);
            build(&experiment.model, image, 10).unwrap()
        };
        assert_eq!(names(&network("dropout = 0.2").layers), want);
        // None is none, and parameters have the names, thereby the draws, of the same network without.
        let (with, without) = (network("dropout = 0.2"), network(""));
        assert_eq!(network("dropout = 0"), without, "{net}");
        let params = |network: &Network| network.params.iter().map(|param| param.name.clone()).collect::<Vec<_>>();
        assert_eq!(params(&with), params(&without), "{net}");
    }
}

#[test]
fn a_probability_that_keeps_nothing_is_refused() {
    for (p, found) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        let refused = Network::build(Shape::Flat(3), &[dropout(p)], Activations::Fused).unwrap_err();
        let (layer, range) = ("dropout1".into(), "from 0 up to but not including 1");
        assert_eq!(refused, NetworkError::Number { layer, what: "p", range, found: found.into() });
        assert_eq!(refused.to_string(), format!("dropout1: p must be {range}, found {found}"));
    }
}

/// The closed form: of y = Σ w·m·x + b with m of mean 1 and variance p/(1 − p), as PyTorch's dropout has it.
/// PyTorch 2.15 gives the same: of 200,000 masks of this layer all variances lie within 0.5 % of it.
#[test]
fn outputs_behind_dropout_have_the_mean_without_it_and_the_variance_of_the_closed_form() {
    const ROWS: usize = 1000;
    let x: Vec<f32> = (0..12).map(|i| (i as f32 - 4.0) / 5.0).collect();
    let samples = x.repeat(ROWS);
    for p in [0.1, 0.5, 0.8] {
        let mut model = model(&[dropout(p), linear(3)], x.len(), 1);
        let targets = vec![0; ROWS];
        let plain = model.trace(&samples[..x.len()], Targets::Labels(&[0]), Loss::CrossEntropy).1.swap_remove(1);
        let mut outputs = vec![Vec::new(); 3];
        for step in 0..40 {
            model.set_draws(Some(Draws { seed: 1, step }));
            let found = model.trace(&samples, Targets::Labels(&targets), Loss::CrossEntropy).1.swap_remove(1);
            found.chunks_exact(3).for_each(|row| (0..3).for_each(|i| outputs[i].push(f64::from(row[i]))));
        }
        let weight = model.param(0).into_owned();
        for (i, outputs) in outputs.iter().enumerate() {
            let n = outputs.len() as f64;
            let square = |j: usize| (f64::from(weight[i * x.len() + j]) * f64::from(x[j])).powi(2);
            let want = p / (1.0 - p) * (0..x.len()).map(square).sum::<f64>();
            let mean = outputs.iter().sum::<f64>() / n;
            let central = |power: i32| outputs.iter().map(|y| (y - mean).powi(power)).sum::<f64>() / n;
            let (variance, fourth) = (central(2), central(4));
            // Five standard errors of a mean and of a variance.
            let about = format!("p {p}, output {i}: mean {mean}, variance {variance}, wanted {} and {want}", plain[i]);
            assert!((mean - f64::from(plain[i])).abs() < 5.0 * (want / n).sqrt(), "{about}");
            assert!((variance - want).abs() < 5.0 * ((fourth - want * want) / n).sqrt(), "{about}");
        }
    }
}

/// Labels and a filler of `rows` samples of 20 values, all times `scale`.
fn batch(rows: usize, scale: f32) -> (Vec<u8>, impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let fill = move |rows: Range<usize>, out: &mut [f32]| {
        let number = |i: usize| ((i * 13 % 29) as f32 - 11.0) / 16.0 * scale;
        out.iter_mut().enumerate().for_each(|(i, value)| *value = number(rows.start * 20 + i));
    };
    ((0..rows).map(|row| (row % 4) as u8).collect(), fill)
}

fn hidden(p: f64) -> Vec<LayerSpec> {
    vec![linear(30), RELU, dropout(p), linear(25), RELU, dropout(p), linear(4)]
}

#[test]
fn an_evaluation_drops_nothing_and_neither_does_a_model_that_was_told_no_step() {
    let (labels, fill) = batch(200, 1.0);
    let loss = |specs: &[LayerSpec], draws, training| {
        let mut model = model(specs, 20, 2);
        model.set_draws(draws);
        let (targets, observe) = (Targets::Labels(&labels), Observe::default());
        if training {
            model.forward_training(200, &fill, targets, Loss::CrossEntropy, &observe).loss.loss
        } else {
            model.evaluate(200, &fill, targets, Loss::CrossEntropy, &observe).loss.loss
        }
    };
    let plain = loss(&[linear(30), RELU, linear(25), RELU, linear(4)], None, false);
    // The parameters are the same: dropout has none.
    let draws = Some(Draws { seed: 0, step: 0 });
    assert_eq!(loss(&hidden(0.4), draws, false), plain);
    assert_eq!(loss(&hidden(0.4), None, true), plain);
    assert_eq!(loss(&hidden(0.0), draws, true), plain);
    assert_ne!(loss(&hidden(0.4), draws, true), plain);
}

#[test]
fn a_step_that_is_done_again_has_the_same_mask() {
    // So small that sums of squares leave the range of f32: an observed step is done twice, with care.
    let (labels, fill) = batch(200, 1e-22);
    let gradients = |model: &mut CpuModel, observe: &Observe, step| {
        model.set_draws(Some(Draws { seed: 9, step }));
        model.forward_backward(200, &fill, Targets::Labels(&labels), Loss::CrossEntropy, observe);
        model.gradients_mut().to_vec()
    };
    let observe = Observe { statistics: true, ..Observe::default() };
    let mut specs = hidden(0.4);
    specs[0] = LayerSpec::Linear { out: 30, bias: false };
    for threads in [1, 3] {
        let mut model = model(&specs, 20, threads);
        let twice = gradients(&mut model, &observe, 7);
        assert_eq!(twice, gradients(&mut model, &observe, 7), "carefully from the start");
        assert_eq!(twice, gradients(&mut model, &Observe::default(), 7), "unobserved");
        assert_ne!(twice, gradients(&mut model, &observe, 8), "the next step");
    }
}
