//! Parts that every replay shares: named numbers, named random streams, moments as torch has them.

use crate::cpu::moments::Sums;
use crate::record::statistics::Moments;
use crate::rng::{rng, standard_normals};

/// Numbers of one draw, by name: `relu_xavier.mean`, or `lsuv_before.mean.1` for the first of a list.
pub type Numbers = Vec<(String, f64)>;

/// Names `values` after the result that they belong to.
pub(super) fn named<const N: usize>(result: &str, values: [(&str, f64); N]) -> Numbers {
    values.map(|(key, value)| (format!("{result}.{key}"), value)).into()
}

/// A list under one name, counted from 1.
pub(super) fn listed(name: &str, values: impl IntoIterator<Item = f64>) -> Numbers {
    values.into_iter().enumerate().map(|(i, value)| (format!("{name}.{}", i + 1), value)).collect()
}

/// `n` draws of N(0, std²) from the stream `lesson8/name`.
pub(super) fn normals(seed: u64, name: &str, n: usize, std: f64) -> Vec<f32> {
    let draws = standard_normals(&mut rng(seed, &format!("lesson8/{name}")), n);
    draws.into_iter().map(|x| (x * std) as f32).collect()
}

/// Mean and standard deviation with n − 1 in the denominator, as torch has it.
pub(super) fn mean_and_std(sums: &Sums) -> (f64, f64) {
    let moments = Moments::of(sums);
    let n = sums.n as f64;
    (moments.mean, moments.std * (n / (n - 1.0)).sqrt())
}
