//! The signal at initialisation as scalar mathematics: no tensors, no randomness, `f64` throughout.
//!
//! A layer is a weight operation with zero-mean weights, then an activation φ. Notation: σ_w² = fan_in·Var(w), σ_b² the
//! variance of the biases, q the second moment of a pre-activation, which is normal in wide layers.
//!
//! Reading order: [`quadrature`] and [`moments`] give means under N(0,q); [`gains`] what one layer needs; [`length`] with
//! [`fate`], [`correlation`], [`pair`], [`mean_field`] and [`critical`] what many layers do, [`trainable`] how many of them train; [`matched`], [`regimes`],
//! [`depth_aware`] and [`tailored`] the ReLU family's answers; [`finite_width`], [`norm_law`] and [`jacobian`] how far one real network
//! may stray.

mod complex;
pub mod correlation;
pub mod critical;
pub mod depth_aware;
pub mod error;
pub mod fate;
#[doc(hidden)]
pub mod finite_width;
pub mod gains;
#[doc(hidden)]
pub mod jacobian;
pub mod length;
pub mod matched;
pub mod mean_field;
pub mod moments;
#[doc(hidden)]
pub mod norm_law;
pub mod pair;
#[doc(hidden)]
pub mod quadrature;
#[doc(hidden)]
pub mod regimes;
mod root;
pub mod tailored;
pub mod trainable;

pub use error::TheoryError;
