//! Whole starts by the name of the framework or paper that they come from.

use crate::init::bias::BiasInit;
use crate::init::fans::FanMode;
use crate::init::gain::Gain;
use crate::init::rule::{InitRule, WeightInit};

/// Every name that [`preset`] knows.
pub const PRESETS: [&str; 11] = [
    "torch",
    "keras",
    "candle",
    "lesson-simple",
    "lesson-raw",
    "kaiming",
    "xavier",
    "lecun",
    "orthogonal",
    "looks-linear",
    "rai",
];

/// The start called `name`.
///
/// - `torch`: `nn.Linear` and `nn.Conv2d` of PyTorch: uniform ±1/√fan_in for weight and bias, so that
///   fan_in·Var(w) is 1/3 (Kaiming uniform with a = √5).
/// - `keras`: Glorot uniform, zero bias.
/// - `candle`: Kaiming normal with ReLU's gain whatever the activation is, uniform bias ±1/√fan_in. (candle-nn's own
///   convolution divides by the input channels without the window; for that layer the bias here is smaller.)
/// - `lesson-simple`: randn/√fan_in, zero bias. `lesson-raw`: randn, zero bias.
/// - `kaiming`, `xavier`, `lecun`: the papers' normal form with zero bias; Kaiming takes fan_in and the gain of the
///   layer's activation. `orthogonal`: the same gain, zero bias.
/// - `looks-linear`: mirrored orthogonal blocks and zero bias, which make a ReLU network linear at the start.
/// - `rai`: weights and biases of Lu et al. 2020, against units that die.
pub fn preset(name: &str) -> Option<InitRule> {
    let mode = FanMode::FanIn;
    let (weight, bias) = match name {
        "torch" => {
            let gain = Gain::Given((1.0f64 / 3.0).sqrt());
            (WeightInit::KaimingUniform { mode, gain }, BiasInit::UniformFanIn)
        }
        "keras" => (WeightInit::XavierUniform { gain: Gain::Given(1.0) }, BiasInit::Zeros),
        "candle" => {
            let gain = Gain::Given(2f64.sqrt());
            (WeightInit::KaimingNormal { mode, gain }, BiasInit::UniformFanIn)
        }
        "lesson-simple" => (WeightInit::LessonSimple, BiasInit::Zeros),
        "lesson-raw" => (WeightInit::LessonRaw, BiasInit::Zeros),
        "kaiming" => (WeightInit::KaimingNormal { mode, gain: Gain::Activation }, BiasInit::Zeros),
        "xavier" => (WeightInit::XavierNormal { gain: Gain::Given(1.0) }, BiasInit::Zeros),
        "lecun" => (WeightInit::LecunNormal, BiasInit::Zeros),
        "orthogonal" => (WeightInit::Orthogonal { gain: Gain::Activation }, BiasInit::Zeros),
        "looks-linear" => (WeightInit::LooksLinear { gain: Gain::Given(1.0) }, BiasInit::Zeros),
        "rai" => (WeightInit::Rai, BiasInit::Rai),
        _ => return None,
    };
    Some(InitRule { weight, bias })
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
        assert_eq!(cases.map(|(name, _)| name), PRESETS);
        for (name, variance) in cases {
            let std = preset(name).unwrap().weight.spread(&shape, Activation::Tanh).unwrap();
            assert!((std * std / variance - 1.0).abs() < 1e-14, "{name}: {std}");
        }
    }
}
