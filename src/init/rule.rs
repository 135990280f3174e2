//! The rules by name: what fills a weight and what fills a bias.

use serde::Serialize;

use crate::init::fans::FanMode;
use crate::init::gain::Gain;

/// How a weight starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WeightInit {
    /// All zero.
    Zeros,
    /// All `value`.
    Constant {
        /// The value.
        value: f64,
    },
    /// N(0, `std`²).
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform on ±`bound`.
    Uniform {
        /// Half the width.
        bound: f64,
    },
    /// A normal cut at two standard deviations of the uncut one, widened so that the result has `std`.
    TruncatedNormal {
        /// Standard deviation of the result.
        std: f64,
    },
    /// Normal with variance 1/fan_in (LeCun et al. 1998, "Efficient BackProp").
    LecunNormal,
    /// The same variance, uniform.
    LecunUniform,
    /// Normal with variance gain²·2/(fan_in + fan_out) (Glorot & Bengio 2010, eq. 12).
    XavierNormal {
        /// Factor on the standard deviation.
        gain: Gain,
    },
    /// The same variance, uniform (Glorot & Bengio 2010, eq. 16).
    XavierUniform {
        /// Factor on the standard deviation.
        gain: Gain,
    },
    /// Normal with variance gain²/fan (He et al. 2015, eq. 10 and 14).
    KaimingNormal {
        /// The fan.
        mode: FanMode,
        /// Factor on the standard deviation.
        gain: Gain,
    },
    /// The same variance, uniform.
    KaimingUniform {
        /// The fan.
        mode: FanMode,
        /// Factor on the standard deviation.
        gain: Gain,
    },
    /// Haar-random orthonormal rows or columns of the weight as `[out, fan_in]` (Saxe et al. 2014), times the gain.
    Orthogonal {
        /// Factor on every entry.
        gain: Gain,
    },
    /// Orthonormal columns at the centre of each window, zero elsewhere (Xiao et al. 2018, algorithm 2).
    DeltaOrthogonal {
        /// Factor on every entry.
        gain: Gain,
    },
    /// Normal, with a fraction of each column of the weight as `[out, fan_in]` set to zero (Martens 2010).
    Sparse {
        /// The fraction; as many entries of each column are zero as it takes, rounded up.
        sparsity: f64,
        /// Standard deviation of the others.
        std: f64,
    },
    /// Output i copies input i, times the gain; for a convolution through the centre of the window (Dirac).
    Identity {
        /// The value on the diagonal.
        gain: Gain,
    },
    /// Lesson 8's `randn(in, out)/√in`, the simplified Kaiming start.
    LessonSimple,
    /// Lesson 8's first try, `randn(in, out)`.
    LessonRaw,
}

/// How a bias starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BiasInit {
    /// All zero.
    Zeros,
    /// Uniform on ±1/√fan_in, fan_in being that of the layer's weight (PyTorch's default).
    UniformFanIn,
    /// All `value`.
    Constant {
        /// The value.
        value: f64,
    },
    /// N(0, `std`²).
    Normal {
        /// Standard deviation.
        std: f64,
    },
}

/// How a layer starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InitRule {
    /// Its weight.
    pub weight: WeightInit,
    /// Its bias.
    pub bias: BiasInit,
}

impl WeightInit {
    /// Every name that [`WeightInit::from_name`] knows.
    pub const NAMES: [&str; 17] = [
        "zeros",
        "constant",
        "normal",
        "uniform",
        "truncated_normal",
        "lecun_normal",
        "lecun_uniform",
        "xavier_normal",
        "xavier_uniform",
        "kaiming_normal",
        "kaiming_uniform",
        "orthogonal",
        "delta_orthogonal",
        "sparse",
        "identity",
        "lesson_simple",
        "lesson_raw",
    ];

    /// The rule called `name` with its default parameters: value 0.01, std 0.01 (truncated 0.02), bound 0.05, sparsity
    /// 0.1, mode fan_in; the gain of the layer's activation, but 1 for Xavier and identity.
    pub fn from_name(name: &str) -> Option<Self> {
        let (mode, gain, unit) = (FanMode::FanIn, Gain::Activation, Gain::Given(1.0));
        Some(match name {
            "zeros" => Self::Zeros,
            "constant" => Self::Constant { value: 0.01 },
            "normal" => Self::Normal { std: 0.01 },
            "uniform" => Self::Uniform { bound: 0.05 },
            "truncated_normal" => Self::TruncatedNormal { std: 0.02 },
            "lecun_normal" => Self::LecunNormal,
            "lecun_uniform" => Self::LecunUniform,
            "xavier_normal" => Self::XavierNormal { gain: unit },
            "xavier_uniform" => Self::XavierUniform { gain: unit },
            "kaiming_normal" => Self::KaimingNormal { mode, gain },
            "kaiming_uniform" => Self::KaimingUniform { mode, gain },
            "orthogonal" => Self::Orthogonal { gain },
            "delta_orthogonal" => Self::DeltaOrthogonal { gain },
            "sparse" => Self::Sparse { sparsity: 0.1, std: 0.01 },
            "identity" => Self::Identity { gain: unit },
            "lesson_simple" => Self::LessonSimple,
            "lesson_raw" => Self::LessonRaw,
            _ => return None,
        })
    }

    /// The name in configs and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeros => "zeros",
            Self::Constant { .. } => "constant",
            Self::Normal { .. } => "normal",
            Self::Uniform { .. } => "uniform",
            Self::TruncatedNormal { .. } => "truncated_normal",
            Self::LecunNormal => "lecun_normal",
            Self::LecunUniform => "lecun_uniform",
            Self::XavierNormal { .. } => "xavier_normal",
            Self::XavierUniform { .. } => "xavier_uniform",
            Self::KaimingNormal { .. } => "kaiming_normal",
            Self::KaimingUniform { .. } => "kaiming_uniform",
            Self::Orthogonal { .. } => "orthogonal",
            Self::DeltaOrthogonal { .. } => "delta_orthogonal",
            Self::Sparse { .. } => "sparse",
            Self::Identity { .. } => "identity",
            Self::LessonSimple => "lesson_simple",
            Self::LessonRaw => "lesson_raw",
        }
    }

    /// The same rule with the number `value` where it would take the activation's gain; `None` where it takes none.
    pub fn with_gain(self, value: f64) -> Option<Self> {
        let mut rule = self;
        match &mut rule {
            Self::XavierNormal { gain }
            | Self::XavierUniform { gain }
            | Self::KaimingNormal { gain, .. }
            | Self::KaimingUniform { gain, .. }
            | Self::Orthogonal { gain }
            | Self::DeltaOrthogonal { gain }
            | Self::Identity { gain }
                if *gain == Gain::Activation =>
            {
                *gain = Gain::Given(value);
            }
            _ => return None,
        }
        Some(rule)
    }
}

impl BiasInit {
    /// Every name that [`BiasInit::from_name`] knows.
    pub const NAMES: [&str; 4] = ["zeros", "uniform_fan_in", "constant", "normal"];

    /// The rule called `name` with its default parameters (value 0.01, std 0.01).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "zeros" => Self::Zeros,
            "uniform_fan_in" => Self::UniformFanIn,
            "constant" => Self::Constant { value: 0.01 },
            "normal" => Self::Normal { std: 0.01 },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rules_agree() {
        for name in WeightInit::NAMES {
            let rule = WeightInit::from_name(name).expect(name);
            assert_eq!(rule.name(), name);
            assert_eq!(serde_json::to_value(rule).unwrap()["kind"], name);
        }
        for name in BiasInit::NAMES {
            let rule = BiasInit::from_name(name).expect(name);
            assert_eq!(serde_json::to_value(rule).unwrap()["kind"], name);
        }
        assert_eq!(WeightInit::from_name("he"), None);
    }
}
