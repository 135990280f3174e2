//! Predictions of the lesson's numbers, for inputs that are independent and N(0, 1), as the lesson assumes.

use std::collections::BTreeMap;

use super::images::LessonImages;
use crate::activation::Activation;
use crate::init::gain::gain;
use crate::theory::moments::moments;

/// Theory's numbers by full name.
#[derive(Debug, Default)]
pub struct Theory {
    numbers: BTreeMap<String, f64>,
}

/// fan_in·Var(w) of torch's default weights, and fan_in·Var(b) of its biases: both uniform on ±1/√fan_in.
const TORCH: f64 = 1.0 / 3.0;
/// The five layers of notebook 07a.
const LAYERS: u32 = 5;

impl Theory {
    /// All that can be said beforehand.
    pub fn new(images: &LessonImages) -> Self {
        let mut theory = Self::default();
        theory.first_layer(images.label_mean_square());
        theory.products();
        theory.convolutions();
        theory.hooks();
        theory
    }

    /// The number called `name`, if theory has one.
    pub fn of(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    fn set<const N: usize>(&mut self, result: &str, values: [(&str, f64); N]) {
        self.numbers.extend(values.map(|(key, value)| (format!("{result}.{key}"), value)));
    }

    /// Mean and std of φ(z), z ~ N(0, q).
    fn set_moments(&mut self, result: &str, phi: Activation, q: f64) {
        let moments = moments(phi, q);
        self.set(result, [("mean", moments.mean), ("std", moments.std())]);
    }

    fn first_layer(&mut self, label_mean_square: f64) {
        let shifted = Activation::ShiftedRelu { shift: 0.5 };
        self.set_moments("linear_xavier", Activation::Identity, 1.0);
        self.set_moments("relu_xavier", Activation::Relu, 1.0);
        for kaiming in ["relu_kaiming", "relu_kaiming_fan_out"] {
            self.set(kaiming, [("weight_mean", 0.0), ("weight_std", (2.0 / 784f64).sqrt())]);
            self.set_moments(kaiming, Activation::Relu, 2.0);
        }
        self.set_moments("shifted_relu_kaiming", shifted, 2.0);
        // The second weight has mean 0: what it adds to the squared labels is its output's own square.
        self.set("mse_untrained", [("mse", moments(shifted, 2.0).mean_square + label_mean_square)]);
    }

    fn products(&mut self) {
        let n = 512f64;
        // The length grows by √n each time until no f32 holds it.
        let growth = n.sqrt().ln();
        self.set("products_explode", [("first_nan", (f64::from(f32::MAX).ln() / growth).floor())]);
        self.set("products_vanish", [("mean", 0.0), ("std", 0.0)]);
        self.set("products_scaled", [("mean", 0.0), ("std", 1.0)]);
        let relu = moments(Activation::Relu, 1.0);
        self.set("product_second_moment", [("mean", 0.0), ("mean_square", n)]);
        self.set("scalar_product_moments", [("mean", 0.0), ("rms", 1.0)]);
        // E[relu(a·x)] = E|a|·E|x|/2, and half of E[(a·x)²].
        self.set("scalar_relu_moments", [("mean", 2.0 * relu.mean * relu.mean), ("mean_square", relu.mean_square)]);
        // |x| is close to √n.
        self.set("relu_product_moments", [("mean", n.sqrt() * relu.mean), ("mean_square", n * relu.mean_square)]);
        let kaiming = moments(Activation::Relu, 2.0);
        self.set("relu_product_kaiming", [("mean", kaiming.mean), ("mean_square", kaiming.mean_square)]);
    }

    fn convolutions(&mut self) {
        let fan_in = 25.0;
        let bias = TORCH / fan_in;
        self.set("conv_default_init", [("weight_std", (TORCH / fan_in).sqrt())]);
        self.set_moments("conv_default_init", Activation::Identity, TORCH + bias);
        self.set_moments("conv_kaiming_linear", Activation::Identity, 1.0 + bias);
        self.set_moments("conv_kaiming_relu", Activation::Relu, 2.0 + bias);
        self.set_moments("conv_default_relu", Activation::Relu, TORCH + bias);
        self.set_moments("conv_kaiming_uniform_relu", Activation::Relu, 2.0 + bias);
        let default = moments(Activation::Relu, TORCH + bias);
        self.set("conv_kaiming_uniform_relu", [("mean_sqrt5", default.mean), ("std_sqrt5", default.std())]);
    }

    fn hooks(&mut self) {
        let starts = [("default", TORCH + TORCH / 25.0), ("kaiming", 2.0)];
        for (start, q) in starts {
            let moments = moments(Activation::Relu, q);
            let values = [(format!("conv1_mean_{start}"), moments.mean), (format!("conv1_std_{start}"), moments.std())];
            values.iter().for_each(|(key, value)| self.set("train_kaiming_lr09", [(key.as_str(), *value)]));
        }
        // The gain for a leak of 0.1 before a ReLU without one: q is divided by 1.01 in every layer.
        let shrinks = gain(Activation::LeakyRelu { leak: 0.1 }).powi(2) / 2.0;
        for layer in 1..=LAYERS {
            let moments = moments(Activation::Relu, 2.0 * shrinks.powi(layer as i32));
            let keys = [(format!("mean.{layer}"), moments.mean), (format!("std.{layer}"), moments.std())];
            keys.iter().for_each(|(key, value)| self.set("lsuv_before", [(key.as_str(), *value)]));
            self.set("lsuv_after", [(format!("std.{layer}").as_str(), 1.0)]);
        }
    }
}
