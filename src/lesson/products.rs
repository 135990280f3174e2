//! Notebooks 02b_initializing and 11_initializing: products of random matrices, with and without ReLU.

use super::draws::{Numbers, mean_and_std, named, normals};
use super::images::LessonImages;
use crate::cpu::gemm::{Matrix, matmul};
use crate::cpu::moments::Sums;
use crate::cpu::observer::add_block;
use crate::cpu::transpose::transpose;
use crate::rng::{rng, standard_normals};

/// Length of the vectors of 02b.
const SIZE: usize = 512;
/// Products in a row in 02b.
const PRODUCTS: usize = 100;

/// x = a·x a hundred times with the same a in `f32`: as drawn, times 0.01, and over √512.
pub(super) fn repeated_products(_: &LessonImages, seed: u64) -> Numbers {
    let x = normals(seed, "products/x", SIZE, 1.0);
    let mut a = vec![0.0; SIZE * SIZE];
    transpose(&normals(seed, "products/a", SIZE * SIZE, 1.0), SIZE, &mut a);
    let scaled = |factor: f64| -> Vec<f32> { a.iter().map(|&a| a * factor as f32).collect() };
    // A std is not a number from the first entry on that is not finite.
    let mut first_nan = PRODUCTS;
    product_chain(&a, &x, |step, x| {
        let finite = x.iter().all(|x| x.is_finite());
        if !finite {
            first_nan = step;
        }
        finite
    });
    let (vanished_mean, vanished_std) = moments(&product_chain(&scaled(0.01), &x, |_, x| x.iter().any(|&x| x != 0.0)));
    let (mean, std) = moments(&product_chain(&scaled(1.0 / (SIZE as f64).sqrt()), &x, |_, _| true));
    let mut numbers = named("products_explode", [("first_nan", first_nan as f64)]);
    numbers.extend(named("products_vanish", [("mean", vanished_mean), ("std", vanished_std)]));
    numbers.extend(named("products_scaled", [("mean", mean), ("std", std)]));
    numbers
}

/// a·(…a·(a·x)), until `goes_on` says no of a product. The matrix is given transposed: products x'·a' are vectors of entries, where those of
/// a·x would be one entry after the other.
fn product_chain(transposed: &[f32], x: &[f32], mut goes_on: impl FnMut(usize, &[f32]) -> bool) -> Vec<f32> {
    let (mut x, mut y) = (x.to_vec(), vec![0.0; SIZE]);
    for step in 0..PRODUCTS {
        matmul(&mut y, Matrix::new(&x, 1, SIZE), Matrix::new(transposed, SIZE, SIZE), false, 1);
        std::mem::swap(&mut x, &mut y);
        if !goes_on(step, &x) {
            break;
        }
    }
    x
}

fn moments(values: &[f32]) -> (f64, f64) {
    let mut sums = Sums::default();
    add_block(&mut sums, values, 0.0);
    mean_and_std(&sums)
}

/// The means over a hundred products y = a·x. Given x the entries of y are independent N(0, |x|²), so that y is drawn
/// as |x|·g without its matrix: the same distribution from a 256th of the draws.
pub(super) fn single_products(_: &LessonImages, seed: u64) -> Numbers {
    const DRAWS: usize = 100;
    let mut stream = rng(seed, "lesson8/single_products");
    let (mut mean, mut square, mut relu_mean, mut relu_square) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..DRAWS {
        let length = standard_normals(&mut stream, SIZE).iter().map(|x| x * x).sum::<f64>().sqrt();
        for g in standard_normals(&mut stream, SIZE) {
            let y = length * g;
            mean += y;
            square += y * y;
            relu_mean += y.max(0.0);
            relu_square += y.max(0.0).powi(2);
        }
    }
    let of = |sum: f64| sum / (DRAWS * SIZE) as f64;
    let kaiming = 2.0 / SIZE as f64;
    let mut numbers = named("product_second_moment", [("mean", of(mean)), ("mean_square", of(square))]);
    numbers.extend(named("relu_product_moments", [("mean", of(relu_mean)), ("mean_square", of(relu_square))]));
    let scaled = [("mean", kaiming.sqrt() * of(relu_mean)), ("mean_square", kaiming * of(relu_square))];
    numbers.extend(named("relu_product_kaiming", scaled));
    numbers
}

/// Ten thousand products of two numbers, with and without ReLU.
pub(super) fn scalar_products(_: &LessonImages, seed: u64) -> Numbers {
    const DRAWS: usize = 10_000;
    let draws = standard_normals(&mut rng(seed, "lesson8/scalar_products"), 2 * DRAWS);
    let products = || draws.as_chunks::<2>().0.iter().map(|[a, x]| a * x);
    let of = |sum: f64| sum / DRAWS as f64;
    let rms = of(products().map(|y| y * y).sum()).sqrt();
    let mut numbers = named("scalar_product_moments", [("mean", of(products().sum())), ("rms", rms)]);
    let relu = || products().map(|y| y.max(0.0));
    let relu_square = of(relu().map(|h| h * h).sum());
    numbers.extend(named("scalar_relu_moments", [("mean", of(relu().sum())), ("mean_square", relu_square)]));
    numbers
}

/// x = relu(x·w) fifty times, a new 100×100 weight each time, from 200 inputs. With 0.1 instead of √(2/100) every layer
/// is smaller by √2, and so is what comes out, by 2²⁵: a ReLU passes a positive factor on.
pub(super) fn deep_relu(_: &LessonImages, seed: u64) -> Numbers {
    const ROWS: usize = 200;
    const WIDTH: usize = 100;
    const LAYERS: usize = 50;
    let mut x = normals(seed, "deep_relu/x", ROWS * WIDTH, 1.0);
    let mut y = vec![0.0; ROWS * WIDTH];
    for layer in 0..LAYERS {
        let w = normals(seed, &format!("deep_relu/w{layer}"), WIDTH * WIDTH, (2.0 / WIDTH as f64).sqrt());
        matmul(&mut y, Matrix::new(&x, ROWS, WIDTH), Matrix::new(&w, WIDTH, WIDTH), false, 1);
        y.iter_mut().for_each(|y| *y = y.max(0.0));
        std::mem::swap(&mut x, &mut y);
    }
    let largest = |values: &mut dyn Iterator<Item = f32>| f64::from(values.fold(f32::NEG_INFINITY, f32::max));
    let all = largest(&mut x.iter().copied());
    let printed = largest(&mut x.chunks(WIDTH).take(5).flat_map(|row| row[..5].iter().copied()));
    let mut numbers = named("deep_relu_vanishes_unit", [("largest_below", all * 2f64.powi(-(LAYERS as i32) / 2))]);
    numbers.extend(named("deep_relu_kaiming", [("largest_above", all), ("largest_of_25", printed)]));
    numbers
}
