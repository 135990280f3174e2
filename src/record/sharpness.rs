//! `sharpness.csv`: the largest eigenvalue of the loss's Hessian beside the one at which steps begin to overshoot.

use std::fmt::Write;

/// Name of the file.
pub const FILE: &str = "sharpness.csv";

/// Header of `sharpness.csv`.
pub const HEADER: &str = "step,lr,sharpness,limit,residual,products";

/// A line of `sharpness.csv`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharpnessRow {
    /// Steps done.
    pub step: u64,
    /// Learning rate of the next step.
    pub lr: f64,
    /// λ₁: largest eigenvalue of the Hessian of the mean loss on the images that are measured.
    pub sharpness: f64,
    /// The eigenvalue beyond which gradient descent with this rate overshoots; absent where none is known.
    pub limit: Option<f64>,
    /// An eigenvalue lies within this of `sharpness`.
    pub residual: f64,
    /// Hessian–vector products that it took.
    pub products: usize,
}

impl SharpnessRow {
    /// The line.
    pub fn write(&self, to: &mut String) {
        let Self { step, lr, sharpness, limit, residual, products } = self;
        write!(to, "{step},{lr:?},{sharpness:?},").expect("strings take everything");
        if let Some(limit) = limit {
            write!(to, "{limit:?}").expect("strings take everything");
        }
        writeln!(to, ",{residual:?},{products}").expect("strings take everything");
    }
}
