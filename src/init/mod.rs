//! Initialisers: from (seed, parameter name, shape) to the starting values, on the host.
//!
//! Every random rule starts from the same standard-normal stream of the parameter's name, so two rules of one
//! study differ by what they do with the draws and not by luck: a normal and a uniform start rank the entries
//! alike, an orthogonal start orthonormalises the very matrix that a Gaussian start scales.

pub mod aim;
pub mod asymmetric;
pub mod bias;
pub mod error;
pub mod fans;
pub mod gain;
pub mod law;
pub mod mirrored;
pub mod orthogonal;
pub mod presets;
pub mod row;
pub mod rule;
mod sample;
pub mod scale;
#[cfg(test)]
mod tests;

pub use crate::init::aim::{Aim, AimError, Solution};
pub use crate::init::bias::BiasInit;
pub use crate::init::error::InitError;
pub use crate::init::fans::{FanMode, Fans, fans};
pub use crate::init::gain::{Gain, gain};
pub use crate::init::law::Law;
pub use crate::init::presets::{PRESETS, preset};
pub use crate::init::row::{Parameter, Slot};
pub use crate::init::rule::{InitRule, WeightInit};
pub use crate::init::scale::Scale;
