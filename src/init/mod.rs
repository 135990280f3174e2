//! Initialisers: from (seed, parameter name, shape) to the starting values, on the host.
//!
//! Every random rule starts from the same standard-normal stream of the parameter's name, so two rules of one
//! study differ by what they do with the draws and not by luck: a normal and a uniform start rank the entries
//! alike, an orthogonal start orthonormalises the very matrix that a Gaussian start scales.

pub mod aim;
mod check;
pub mod error;
pub mod fans;
pub mod gain;
pub mod orthogonal;
pub mod presets;
pub mod rule;
pub mod samplers;
#[cfg(test)]
mod tests;
pub mod variance;

pub use crate::init::aim::{Aim, AimError, Solution};
pub use crate::init::error::InitError;
pub use crate::init::fans::{FanMode, Fans, fans};
pub use crate::init::gain::{Gain, gain};
pub use crate::init::presets::{PRESETS, preset};
pub use crate::init::rule::{BiasInit, InitRule, WeightInit};
