//! Notebook 02a_why_sqrt5: a convolution and a small convolutional net on the first hundred validation images.

use std::sync::Arc;

use super::draws::{Numbers, listed, mean_and_std, named};
use super::images::LessonImages;
use crate::activation::Activation;
use crate::cpu::moments::Sums;
use crate::cpu::observer::add_block;
use crate::init::gain::gain;
use crate::init::{BiasInit, FanMode, Gain, InitRule, Preset, WeightInit};
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observe;
use crate::model::{Activations, LayerSpec, Network, Role, Shape};

/// The leaky ReLU's gain of five slopes.
pub(super) fn gains(_: &LessonImages, _: u64) -> Numbers {
    listed("gains.gains", [1.0, 0.0, 0.01, 0.1, 5f64.sqrt()].map(|leak| gain(Activation::LeakyRelu { leak })))
}

/// One convolution, 1 to 32 channels, 5×5, from four starts of its weight; its bias keeps torch's.
pub(super) fn one_convolution(images: &LessonImages, seed: u64) -> Numbers {
    // The average makes the loss, which nobody looks at, cheap.
    let average = LayerSpec::GlobalAvgPool { flatten: true };
    let specs = [conv(32, 5, 1, 0), LayerSpec::Activation(Activation::Relu), average];
    let mut model = model(images, &specs);
    let torch = Preset::Torch.rule();
    let mut run = |weight: WeightInit| {
        fill(&mut model, InitRule { weight, ..torch }, "one_convolution", seed);
        let (x, labels) = images.hundred();
        let pixels = images.data.values_per_image();
        // One channel has the same order in torch and here.
        let rows = |range: std::ops::Range<usize>, out: &mut [f32]| {
            out.copy_from_slice(&x[range.start * pixels..range.end * pixels]);
        };
        let observe = Observe { statistics: true, ..Observe::default() };
        let mut weights = Sums::default();
        add_block(&mut weights, &model.param(0), 0.0);
        let seen = model.evaluate(labels.len(), rows, Targets::Labels(labels), Loss::Mse, &observe);
        let observation = &seen.observations[0];
        [&weights, &observation.pre_activation, &observation.activation].map(mean_and_std)
    };
    let [(_, weight_std), linear, relu] = run(torch.weight);
    let mut numbers = named("conv_default_init", [("weight_std", weight_std), ("mean", linear.0), ("std", linear.1)]);
    numbers.extend(named("conv_default_relu", [("mean", relu.0), ("std", relu.1)]));
    // Kaiming uniform with a = √5 is torch's default.
    numbers.extend(named("conv_kaiming_uniform_relu", [("mean_sqrt5", relu.0), ("std_sqrt5", relu.1)]));
    let (mode, kaiming) = (FanMode::FanIn, Gain::Given(2f64.sqrt()));
    let [_, linear, _] = run(WeightInit::KaimingNormal { mode, gain: Gain::Given(1.0) });
    numbers.extend(named("conv_kaiming_linear", [("mean", linear.0), ("std", linear.1)]));
    let [_, _, relu] = run(WeightInit::KaimingNormal { mode, gain: kaiming });
    numbers.extend(named("conv_kaiming_relu", [("mean", relu.0), ("std", relu.1)]));
    let [_, _, relu] = run(WeightInit::KaimingUniform { mode, gain: kaiming });
    numbers.extend(named("conv_kaiming_uniform_relu", [("mean", relu.0), ("std", relu.1)]));
    numbers
}

/// Four convolutions and a global average, from torch's start and from Kaiming's: the output, and the gradient of the
/// first weight for the squared error against the digit.
pub(super) fn small_net(images: &LessonImages, seed: u64) -> Numbers {
    let relu = || LayerSpec::Activation(Activation::Relu);
    let specs = [
        conv(8, 5, 2, 2),
        relu(),
        conv(16, 3, 2, 1),
        relu(),
        conv(32, 3, 2, 1),
        relu(),
        conv(1, 3, 2, 1),
        LayerSpec::GlobalAvgPool { flatten: true },
    ];
    let mut model = model(images, &specs);
    let kaiming = WeightInit::KaimingUniform { mode: FanMode::FanIn, gain: Gain::Given(2f64.sqrt()) };
    let starts = [
        ("convnet_default", Preset::Torch.rule()),
        ("convnet_kaiming_uniform", InitRule { weight: kaiming, bias: BiasInit::Zeros }),
    ];
    let mut numbers = Numbers::new();
    for (result, rule) in starts {
        fill(&mut model, rule, "small_net", seed);
        let (x, labels) = images.hundred();
        let (_, outputs, _) = model.trace(x, Targets::Labels(labels), Loss::Mse);
        let first_weight = model.network().params[0].range();
        let values = [outputs.last().expect("there are layers"), &model.gradients_mut()[first_weight]];
        let [(mean, std), (grad_mean, grad_std)] = values.map(|values| {
            let mut sums = Sums::default();
            add_block(&mut sums, values, 0.0);
            mean_and_std(&sums)
        });
        let values = [("mean", mean), ("std", std), ("grad_mean", grad_mean), ("grad_std", grad_std)];
        numbers.extend(named(result, values));
    }
    numbers
}

fn conv(out: usize, kernel: usize, stride: usize, padding: usize) -> LayerSpec {
    LayerSpec::Conv2d { out, kernel: [kernel; 2], stride, padding, bias: true }
}

fn model(images: &LessonImages, specs: &[LayerSpec]) -> CpuModel {
    let [channels, height, width] = images.data.image_dims();
    let network =
        Network::build(Shape::Image { channels, height, width }, specs, Activations::Fused).expect("the shapes fit");
    CpuModel::new(Arc::new(network), 1)
}

/// Starts every layer by `rule`, from streams of `name`.
fn fill(model: &mut CpuModel, rule: InitRule, name: &str, seed: u64) {
    for (i, param) in model.network().clone().params.iter().enumerate() {
        let stream = format!("lesson8/{name}/{}", param.name);
        let values = match param.role {
            Role::Bias => rule.bias.sample(seed, &stream, param.len(), param.fan_in),
            Role::Weight | Role::NormWeight | Role::NormBias | Role::Scalar(_) => {
                rule.weight.sample(seed, &stream, &param.shape, param.activation).expect("the rule fits")
            }
        };
        model.set_param(i, &values);
    }
}
