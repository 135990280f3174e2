//! How large the numbers of a rule are.

use crate::activation::Activation;
use crate::init::error::InitError;
use crate::init::fans::{FanMode, fans};
use crate::init::gain::Gain;

/// How large numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// This very value, of either sign.
    Value(f64),
    /// This std.
    Std(f64),
    /// The std of a uniform distribution on ±this.
    Bound(f64),
    /// The std of a uniform distribution on ±1/√fan_in.
    UnitBound,
    /// Variance gain²/fan.
    Fan {
        /// The fan.
        mode: FanMode,
        /// Factor on the std.
        gain: Gain,
    },
    /// This factor on numbers that have a size of their own.
    Gain(Gain),
}

/// A scale carried out for one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// The std, or the value or factor where a law has it so.
    pub std: f64,
    /// Half the width of a uniform distribution with that std.
    pub bound: f64,
}

impl Scale {
    /// Variance 1/fan_in.
    pub const LECUN: Self = Self::Fan { mode: FanMode::FanIn, gain: Gain::Given(1.0) };

    /// The size for a weight of `shape` before `activation`.
    ///
    /// # Errors
    /// The shape has no fans where they are asked for.
    pub fn size(self, shape: &[usize], activation: Activation) -> Result<Size, InitError> {
        let of_std = |std| Size { std, bound: 3f64.sqrt() * std };
        let of_bound = |bound| Size { std: bound / 3f64.sqrt(), bound };
        Ok(match self {
            Self::Value(value) => of_std(value),
            Self::Std(std) => of_std(std),
            Self::Bound(bound) => of_bound(bound),
            Self::UnitBound => of_bound(fans(shape)?.of(FanMode::FanIn).sqrt().recip()),
            Self::Fan { mode, gain } => of_std(gain.value(activation) / fans(shape)?.of(mode).sqrt()),
            Self::Gain(gain) => of_std(gain.value(activation)),
        })
    }

    /// True if the scale depends on fans.
    pub fn needs_fans(self) -> bool {
        match self {
            Self::UnitBound | Self::Fan { .. } => true,
            Self::Value(_) | Self::Std(_) | Self::Bound(_) | Self::Gain(_) => false,
        }
    }

    /// Says what is wrong with the scale's number, if anything.
    pub fn complaint(self, activation: Activation) -> Option<String> {
        let (name, number) = match self {
            Self::Value(value) => {
                return (!value.is_finite()).then(|| format!("value is {value}; expected a finite number"));
            }
            Self::UnitBound => return None,
            Self::Std(std) => ("std", std),
            Self::Bound(bound) => ("bound", bound),
            Self::Fan { gain, .. } | Self::Gain(gain) => ("gain", gain.value(activation)),
        };
        let valid = number.is_finite() && number >= 0.0;
        (!valid).then(|| format!("{name} is {number}; expected a finite number of at least 0"))
    }
}
