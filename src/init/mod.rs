//! Initialisers: from (seed, parameter name, shape) to the starting values, on the host.
//!
//! Every random rule starts from the same standard-normal stream of the parameter's name, so two rules of one
//! study differ by what they do with the draws and not by luck: a normal and a uniform start rank the entries
//! alike, an orthogonal start orthonormalises the very matrix that a Gaussian start scales.

pub mod aim;
#[doc(hidden)]
pub mod asymmetric;
pub mod bias;
pub mod error;
pub mod fans;
pub mod gain;
#[doc(hidden)]
pub mod law;
#[doc(hidden)]
pub mod mirrored;
#[doc(hidden)]
pub mod orthogonal;
pub mod presets;
#[doc(hidden)]
pub mod row;
pub mod rule;
mod sample;
#[doc(hidden)]
pub mod scale;
#[cfg(test)]
mod tests;

pub use crate::init::aim::{Aim, AimError, ByPlace, Solution};
pub use crate::init::bias::BiasInit;
pub use crate::init::error::InitError;
pub use crate::init::fans::{FanMode, Fans, fans};
pub use crate::init::gain::{Gain, gain};
pub use crate::init::law::Law;
pub use crate::init::presets::{Preset, UnknownPreset};
pub use crate::init::row::{Parameter, Slot};
pub use crate::init::rule::{InitRule, LayerPlace, WeightInit};
pub use crate::init::scale::Scale;
