//! Notebook 02_fully_connected: the input, and a linear layer of 50 units with and without ReLU.

use super::draws::{Numbers, mean_and_std, named, normals};
use super::images::LessonImages;
use crate::cpu::gemm::{Matrix, matmul};
use crate::cpu::moments::Sums;
use crate::cpu::observer::add_block;
use crate::data::{Part, pixel_moments};

/// Hidden units.
pub(super) const UNITS: usize = 50;
/// Subtracted from the ReLU.
pub(super) const SHIFT: f64 = 0.5;

/// The pixels' moments, from exact integer sums.
pub(super) fn input(images: &LessonImages, _: u64) -> Numbers {
    let norm = images.data.normalization()[0];
    let pixels = images.data.pixels(Part::Test);
    let (mean, variance) = pixel_moments(pixels);
    let n = pixels.len() as f64;
    named(
        "input",
        [
            ("train_mean", norm.mean),
            ("train_std", norm.std),
            ("valid_mean", (mean / norm.divisor - norm.mean) / norm.std),
            ("valid_std", (variance * n / (n - 1.0)).sqrt() / norm.divisor / norm.std),
        ],
    )
}

/// The five results on the first layer, from one product: z = x·w with w = randn/√784. Kaiming's layer is √2 times as
/// large, before and after the ReLU; the shifted one lies 0.5 lower. `fan_out` of a weight stored `[in, out]` is the
/// true fan_in, so that its draws are Kaiming's.
pub(super) fn first_layer(images: &LessonImages, seed: u64) -> Numbers {
    const ROWS: usize = 500;
    let inputs = images.data.values_per_image();
    let weight = normals(seed, "first_layer/w1", inputs * UNITS, 1.0 / (inputs as f64).sqrt());
    let (mut linear, mut relu) = (Sums::default(), Sums::default());
    let mut z = vec![0.0; ROWS * UNITS];
    for x in images.valid.chunks(ROWS * inputs) {
        let rows = x.len() / inputs;
        let z = &mut z[..rows * UNITS];
        matmul(z, Matrix::new(x, rows, inputs), Matrix::new(&weight, inputs, UNITS), false, 1);
        add_block(&mut linear, z, 0.0);
        z.iter_mut().for_each(|z| *z = z.max(0.0));
        add_block(&mut relu, z, 0.0);
    }
    let mut weights = Sums::default();
    add_block(&mut weights, &weight, 0.0);
    let root = 2f64.sqrt();
    let [(weight_mean, weight_std), (linear_mean, linear_std), (mean, std)] =
        [weights, linear, relu].map(|sums| mean_and_std(&sums));
    let (kaiming_mean, kaiming_std) = (root * mean, root * std);
    let mut numbers = named("linear_xavier", [("mean", linear_mean), ("std", linear_std)]);
    numbers.extend(named("relu_xavier", [("mean", mean), ("std", std)]));
    for kaiming in ["relu_kaiming", "relu_kaiming_fan_out"] {
        let weight = [("weight_mean", root * weight_mean), ("weight_std", root * weight_std)];
        numbers.extend(named(kaiming, weight));
        numbers.extend(named(kaiming, [("mean", kaiming_mean), ("std", kaiming_std)]));
    }
    numbers.extend(named("shifted_relu_kaiming", [("mean", kaiming_mean - SHIFT), ("std", kaiming_std)]));
    numbers
}
