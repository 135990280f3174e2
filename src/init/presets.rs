//! Whole starts by the name of the framework or paper that they come from.

use std::fmt;
use std::str::FromStr;

use crate::init::bias::BiasInit;
use crate::init::fans::FanMode;
use crate::init::gain::Gain;
use crate::init::rule::{InitRule, WeightInit};
use crate::spelling::nearest;

/// A whole start: rules for weights and biases together.
///
/// ```
/// use initlab::{Activation, Preset};
///
/// let rule = Preset::Kaiming.rule();
/// let std = rule.weight.spread(&[50, 784], Activation::Relu)?;
/// assert!((std - (2.0f64 / 784.0).sqrt()).abs() < 1e-15);
/// assert_eq!("kaiming".parse::<Preset>()?, Preset::Kaiming);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// `nn.Linear` and `nn.Conv2d` of PyTorch: uniform ±1/√fan_in for weight and bias, so that fan_in·Var(w) is 1/3
    /// (Kaiming uniform with a = √5).
    Torch,
    /// Glorot uniform, zero bias.
    Keras,
    /// Kaiming normal with ReLU's gain whatever the activation is, uniform bias ±1/√fan_in. (candle-nn's own convolution
    /// divides by the input channels without the window; for that layer the bias here is smaller.)
    Candle,
    /// randn/√fan_in, zero bias.
    LessonSimple,
    /// randn, zero bias.
    LessonRaw,
    /// He et al. 2015: normal, fan_in and the gain of the layer's activation, zero bias.
    Kaiming,
    /// Glorot & Bengio 2010: normal, zero bias.
    Xavier,
    /// LeCun et al. 1998: normal, zero bias.
    Lecun,
    /// Saxe et al. 2014: orthogonal with the gain of the layer's activation, zero bias.
    Orthogonal,
    /// Balduzzi et al. 2017: mirrored orthogonal blocks and zero bias, which make a ReLU network linear at the start.
    LooksLinear,
    /// Lu et al. 2020: weights and biases against units that die.
    Rai,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 11] = [
        Self::Torch,
        Self::Keras,
        Self::Candle,
        Self::LessonSimple,
        Self::LessonRaw,
        Self::Kaiming,
        Self::Xavier,
        Self::Lecun,
        Self::Orthogonal,
        Self::LooksLinear,
        Self::Rai,
    ];

    /// The name in configs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Keras => "keras",
            Self::Candle => "candle",
            Self::LessonSimple => "lesson-simple",
            Self::LessonRaw => "lesson-raw",
            Self::Kaiming => "kaiming",
            Self::Xavier => "xavier",
            Self::Lecun => "lecun",
            Self::Orthogonal => "orthogonal",
            Self::LooksLinear => "looks-linear",
            Self::Rai => "rai",
        }
    }

    /// The preset called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// The rules that it stands for.
    pub fn rule(self) -> InitRule {
        let mode = FanMode::FanIn;
        let (weight, bias) = match self {
            Self::Torch => {
                let gain = Gain::Given((1.0f64 / 3.0).sqrt());
                (WeightInit::KaimingUniform { mode, gain }, BiasInit::UniformFanIn)
            }
            Self::Keras => (WeightInit::XavierUniform { gain: Gain::Given(1.0) }, BiasInit::Zeros),
            Self::Candle => {
                let gain = Gain::Given(2f64.sqrt());
                (WeightInit::KaimingNormal { mode, gain }, BiasInit::UniformFanIn)
            }
            Self::LessonSimple => (WeightInit::LessonSimple, BiasInit::Zeros),
            Self::LessonRaw => (WeightInit::LessonRaw, BiasInit::Zeros),
            Self::Kaiming => (WeightInit::KaimingNormal { mode, gain: Gain::Activation }, BiasInit::Zeros),
            Self::Xavier => (WeightInit::XavierNormal { gain: Gain::Given(1.0) }, BiasInit::Zeros),
            Self::Lecun => (WeightInit::LecunNormal, BiasInit::Zeros),
            Self::Orthogonal => (WeightInit::Orthogonal { gain: Gain::Activation }, BiasInit::Zeros),
            Self::LooksLinear => (WeightInit::LooksLinear { gain: Gain::Given(1.0) }, BiasInit::Zeros),
            Self::Rai => (WeightInit::Rai, BiasInit::Rai),
        };
        InitRule { weight, bias }
    }
}

/// A name that no preset has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no preset is called \"{name}\"; expected one of {}{hint}", names())]
pub struct UnknownPreset {
    name: String,
    hint: String,
}

fn names() -> String {
    Preset::ALL.map(Preset::name).join(", ")
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        Self::from_name(name).ok_or_else(|| {
            let near = nearest(name, Self::ALL.map(Self::name));
            UnknownPreset {
                name: name.into(),
                hint: near.map_or_else(String::new, |it| format!("; did you mean {it}?")),
            }
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::init::asymmetric::STD;

    #[test]
    fn every_preset_has_the_std_of_its_framework() {
        let (shape, fan_in, fan_out) = ([64, 32, 3, 3], 288.0, 576.0);
        let cases = [
            ("torch", 1.0 / 3.0 / fan_in),
            ("keras", 2.0 / (fan_in + fan_out)),
            ("candle", 2.0 / fan_in),
            ("lesson-simple", 1.0 / fan_in),
            ("lesson-raw", 1.0),
            ("kaiming", 25.0 / 9.0 / fan_in),
            ("xavier", 2.0 / (fan_in + fan_out)),
            ("lecun", 1.0 / fan_in),
            ("orthogonal", 25.0 / 9.0 / fan_in),
            ("looks-linear", 1.0 / fan_in),
            (
                "rai",
                STD * STD / (fan_in + 1.0) + 1.0 / (2.0 * (fan_in + 1.0)) - (2.0f64 / (3.0 * (fan_in + 1.0))).powi(2),
            ),
        ];
        assert_eq!(cases.map(|(name, _)| name), Preset::ALL.map(Preset::name));
        for (name, variance) in cases {
            let std = name.parse::<Preset>().unwrap().rule().weight.spread(&shape, Activation::Tanh).unwrap();
            assert!((std * std / variance - 1.0).abs() < 1e-14, "{name}: {std}");
        }
    }
}
