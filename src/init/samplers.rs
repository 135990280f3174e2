//! From a rule to numbers. The stream `init/{name}` of standard normals is the base of every random rule.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::activation::Activation;
use crate::init::error::InitError;
use crate::init::orthogonal::orthonormal;
use crate::init::rule::{BiasInit, WeightInit};
use crate::init::variance::zeros_per_column;
use crate::rng::{permutation, rng, standard_normals};

/// Where a truncated normal is cut, in standard deviations of the uncut one.
const CUT: f64 = 2.0;
/// Standard deviation of a standard normal cut at ±2: √(1 − 4φ(2)/(2Φ(2) − 1)), φ the density.
pub(crate) const CUT_STD: f64 = 0.879_625_661_034_239_8;

impl WeightInit {
    /// The starting values of the weight `name`, row-major in PyTorch's layout (`[out, in]` or `[out, in, height,
    /// width]`): those of [`WeightInit::sample_f64`] rounded to `f32`.
    ///
    /// # Errors
    /// As there, and values beyond the range of `f32`.
    pub fn sample(self, seed: u64, name: &str, shape: &[usize], activation: Activation) -> Result<Vec<f32>, InitError> {
        let values: Vec<f32> = self.sample_f64(seed, name, shape, activation)?.into_iter().map(|x| x as f32).collect();
        if values.iter().all(|x| x.is_finite()) {
            return Ok(values);
        }
        Err(named(name, self.refusal(shape, "its values are too large for f32; expected a smaller std or gain".into())))
    }

    /// The starting values of the weight `name` in `f64`, for a layer with this activation (which sets the gain of some
    /// rules). They depend on the arguments alone, not on other parameters, threads or the machine.
    ///
    /// # Errors
    /// Numbers of the rule out of range, a shape that the rule cannot fill, more than 2³¹ entries.
    pub fn sample_f64(
        self,
        seed: u64,
        name: &str,
        shape: &[usize],
        activation: Activation,
    ) -> Result<Vec<f64>, InitError> {
        let std = self.std(shape, activation).map_err(|cause| named(name, cause))?.unwrap_or(0.0);
        let entries: usize = shape.iter().product();
        let normals = |n| standard_normals(&mut rng(seed, &format!("init/{name}")), n);
        let scaled = |factor: f64, mut values: Vec<f64>| {
            values.iter_mut().for_each(|x| *x *= factor);
            values
        };
        Ok(match self {
            Self::Zeros => vec![0.0; entries],
            Self::Constant { value } => vec![value; entries],
            Self::Normal { .. }
            | Self::LecunNormal
            | Self::XavierNormal { .. }
            | Self::KaimingNormal { .. }
            | Self::LessonSimple
            | Self::LessonRaw => scaled(std, normals(entries)),
            Self::Uniform { bound } => uniform(bound, normals(entries)),
            Self::LecunUniform | Self::XavierUniform { .. } | Self::KaimingUniform { .. } => {
                uniform(3f64.sqrt() * std, normals(entries))
            }
            Self::TruncatedNormal { std } => scaled(std / CUT_STD, truncated(seed, name, normals(entries))),
            Self::Orthogonal { gain } => {
                let (rows, columns) = (shape[0], entries / shape[0]);
                scaled(gain.value(activation), orthonormal(normals(entries), rows, columns))
            }
            Self::DeltaOrthogonal { gain } => {
                let (outputs, inputs) = (shape[0], shape[1]);
                let taps = orthonormal(normals(outputs * inputs), outputs, inputs);
                at_centre(&scaled(gain.value(activation), taps), shape)
            }
            // Here `std` is that of the entries which stay, not of all.
            Self::Sparse { sparsity, std } => masked(seed, name, sparsity, scaled(std, normals(entries)), shape[0]),
            Self::Identity { gain } => {
                let (outputs, inputs) = (shape[0], shape[1]);
                let mut taps = vec![0.0; outputs * inputs];
                taps.iter_mut().step_by(inputs + 1).take(outputs.min(inputs)).for_each(|x| *x = gain.value(activation));
                at_centre(&taps, shape)
            }
        })
    }
}

impl BiasInit {
    /// The `len` starting values of the bias `name`, of a layer whose weight has `fan_in`.
    ///
    /// # Panics
    /// If `fan_in` is zero; [`crate::init::fans()`] returns none such.
    pub fn sample(self, seed: u64, name: &str, len: usize, fan_in: usize) -> Vec<f32> {
        match self {
            Self::Zeros => vec![0.0; len],
            Self::Constant { value } => vec![value as f32; len],
            Self::Normal { std } => {
                let normals = standard_normals(&mut rng(seed, &format!("init/{name}")), len);
                normals.into_iter().map(|z| (std * z) as f32).collect()
            }
            Self::UniformFanIn => {
                assert!(fan_in > 0, "a layer sums at least one product");
                let normals = standard_normals(&mut rng(seed, &format!("init/{name}")), len);
                let values = uniform((fan_in as f64).sqrt().recip(), normals);
                values.into_iter().map(|x| x as f32).collect()
            }
        }
    }
}

/// Uniform on ±`bound` with the ranks of `normals`: bound·(2Φ(z) − 1).
fn uniform(bound: f64, mut normals: Vec<f64>) -> Vec<f64> {
    normals.iter_mut().for_each(|z| *z = bound * libm::erf(*z * FRAC_1_SQRT_2));
    normals
}

/// `normals` with those beyond the cut replaced by draws of a stream of their own.
fn truncated(seed: u64, name: &str, mut normals: Vec<f64>) -> Vec<f64> {
    let mut stream = rng(seed, &format!("init/{name}/redraw"));
    for z in &mut normals {
        while z.abs() > CUT {
            *z = standard_normals(&mut stream, 1)[0];
        }
    }
    normals
}

/// `values` (`[rows, columns]`) with the given fraction of each column zero, at rows from a stream of their own.
fn masked(seed: u64, name: &str, sparsity: f64, mut values: Vec<f64>, rows: usize) -> Vec<f64> {
    let columns = values.len() / rows;
    let mut stream = rng(seed, &format!("init/{name}/sparse"));
    for column in 0..columns {
        for row in &permutation(&mut stream, rows)[..zeros_per_column(sparsity, rows)] {
            values[*row as usize * columns + column] = 0.0;
        }
    }
    values
}

/// `taps` (`[out, in]`) at the centre of each window of a weight of `shape`, which is zero elsewhere.
fn at_centre(taps: &[f64], shape: &[usize]) -> Vec<f64> {
    let window: usize = shape[2..].iter().product();
    let centre = shape[2..].iter().fold(0, |at, &size| at * size + size / 2);
    let mut weight = vec![0.0; taps.len() * window];
    for (place, tap) in weight.iter_mut().skip(centre).step_by(window).zip(taps) {
        *place = *tap;
    }
    weight
}

fn named(name: &str, cause: InitError) -> InitError {
    InitError::Parameter { name: name.into(), cause: Box::new(cause) }
}
