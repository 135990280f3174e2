//! The rules by name: each a law, how numbers are drawn, with a scale, how large they are.

use serde::Serialize;

use crate::init::asymmetric;
use crate::init::bias::BiasInit;
use crate::init::fans::FanMode;
use crate::init::gain::Gain;
use crate::init::law::Law;
use crate::init::mirrored::Mirror;
use crate::init::row::{self as p, NONE, Parameter, Row, fan, row};
use crate::init::scale::Scale;

/// How a weight starts.
///
/// ```
/// use initlab::{Activation, WeightInit};
///
/// let rule = WeightInit::LecunNormal;
/// let weight = rule.sample(0, "fc1.weight", &[50, 784], Activation::Relu)?; // [out, in], from (seed, name) alone
/// assert_eq!(weight.len(), 50 * 784);
/// assert_eq!(rule.std(&[50, 784], Activation::Relu)?, Some(1.0 / 784f64.sqrt()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
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
    /// Uniform with variance 1/fan_in.
    LecunUniform,
    /// Normal with variance gain²·2/(fan_in + fan_out) (Glorot & Bengio 2010, eq. 12).
    XavierNormal {
        /// Factor on the standard deviation.
        gain: Gain,
    },
    /// Uniform with variance gain²·2/(fan_in + fan_out) (Glorot & Bengio 2010, eq. 16).
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
    /// Uniform with variance gain²/fan.
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
    /// Orthogonal blocks `[W −W; −W W]`, so that ReLU layers start as a linear map (Balduzzi et al. 2017); a network's first and
    /// last layers take the two below of themselves.
    LooksLinear {
        /// Factor on every entry; 1 keeps lengths behind a ReLU, 1/(1 + leak) behind a leaky one.
        gain: Gain,
    },
    /// The first layer of the same, `[W; −W]`.
    LooksLinearFirst {
        /// Factor on every entry.
        gain: Gain,
    },
    /// The last layer of the same, `[W −W]`.
    LooksLinearLast {
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
    /// Normal with variance 0.36/fan_in, one entry of each unit's weights and bias from Beta(2, 1), at a random place (Lu et al.
    /// 2020); with the bias of the same name the paper's start.
    Rai,
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

/// How a layer starts: its weight and its bias.
///
/// ```
/// use initlab::{BiasInit, InitRule, WeightInit};
///
/// let rule = InitRule { weight: WeightInit::LecunUniform, bias: BiasInit::Zeros };
/// assert_eq!(rule.weight.name(), "lecun_uniform");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InitRule {
    /// Its weight.
    pub weight: WeightInit,
    /// Its bias.
    pub bias: BiasInit,
}

impl WeightInit {
    /// Every rule with its default parameters.
    pub const ALL: [Self; 21] = {
        let (mode, gain, unit) = (FanMode::FanIn, Gain::Activation, Gain::Given(1.0));
        [
            Self::Zeros,
            Self::Constant { value: 0.01 },
            Self::Normal { std: 0.01 },
            Self::Uniform { bound: 0.05 },
            Self::TruncatedNormal { std: 0.02 },
            Self::LecunNormal,
            Self::LecunUniform,
            Self::XavierNormal { gain: unit },
            Self::XavierUniform { gain: unit },
            Self::KaimingNormal { mode, gain },
            Self::KaimingUniform { mode, gain },
            Self::Orthogonal { gain },
            Self::DeltaOrthogonal { gain },
            Self::LooksLinear { gain: unit },
            Self::LooksLinearFirst { gain: unit },
            Self::LooksLinearLast { gain: unit },
            Self::Sparse { sparsity: 0.1, std: 0.01 },
            Self::Rai,
            Self::Identity { gain: unit },
            Self::LessonSimple,
            Self::LessonRaw,
        ]
    };

    /// Every name that [`WeightInit::from_name`] knows.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = Self::ALL[i].name();
            i += 1;
        }
        names
    };

    /// The table.
    const fn row(&mut self) -> Row<'_> {
        use FanMode::FanAvg;
        match self {
            Self::Zeros => row("zeros", Law::Constant, Scale::Value(0.0), NONE, "all 0"),
            Self::Constant { value } => {
                row("constant", Law::Constant, Scale::Value(*value), [p::value(value), None], "all the value")
            }
            Self::Normal { std } => row("normal", Law::Normal, Scale::Std(*std), [p::std(std), None], "N(0, std²)"),
            Self::Uniform { bound } => {
                row("uniform", Law::Uniform, Scale::Bound(*bound), [p::bound(bound), None], "uniform on ±bound")
            }
            Self::TruncatedNormal { std } => {
                let help = "a normal cut at two standard deviations of the uncut one, widened to std";
                row("truncated_normal", Law::TruncatedNormal, Scale::Std(*std), [p::std(std), None], help)
            }
            Self::LecunNormal => {
                let help = "normal, variance 1/fan_in (LeCun et al. 1998)";
                row("lecun_normal", Law::Normal, Scale::LECUN, NONE, help)
            }
            Self::LecunUniform => {
                let help = "uniform, variance 1/fan_in (LeCun et al. 1998)";
                row("lecun_uniform", Law::Uniform, Scale::LECUN, NONE, help)
            }
            Self::XavierNormal { gain } => {
                let help = "normal, variance gain²·2/(fan_in + fan_out) (Glorot & Bengio 2010, eq. 12)";
                row("xavier_normal", Law::Normal, fan(FanAvg, *gain), [p::gain(gain), None], help)
            }
            Self::XavierUniform { gain } => {
                let help = "uniform, variance gain²·2/(fan_in + fan_out) (Glorot & Bengio 2010, eq. 16)";
                row("xavier_uniform", Law::Uniform, fan(FanAvg, *gain), [p::gain(gain), None], help)
            }
            Self::KaimingNormal { mode, gain } => {
                let help = "normal, variance gain²/fan (He et al. 2015, eq. 10 and 14)";
                row("kaiming_normal", Law::Normal, fan(*mode, *gain), [p::mode(mode), p::gain(gain)], help)
            }
            Self::KaimingUniform { mode, gain } => {
                let help = "uniform, variance gain²/fan (He et al. 2015)";
                row("kaiming_uniform", Law::Uniform, fan(*mode, *gain), [p::mode(mode), p::gain(gain)], help)
            }
            Self::Orthogonal { gain } => {
                let help = "Haar-random orthonormal rows or columns of [out, fan_in], times gain (Saxe et al. 2014)";
                row("orthogonal", Law::Orthogonal, Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::DeltaOrthogonal { gain } => {
                let help = "orthonormal columns at each window's centre, else 0 (Xiao et al. 2018, algorithm 2)";
                row("delta_orthogonal", Law::DeltaOrthogonal, Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::LooksLinear { gain } => {
                let help = "orthogonal [W −W; −W W]: ReLU layers start as a linear map (Balduzzi et al. 2017)";
                row("looks_linear", mirrored(true, true), Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::LooksLinearFirst { gain } => {
                let help = "its first layer, [W; −W]: looks_linear takes it there of itself";
                row("looks_linear_first", mirrored(true, false), Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::LooksLinearLast { gain } => {
                let help = "its last layer, [W −W]: looks_linear takes it there of itself";
                row("looks_linear_last", mirrored(false, true), Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::Sparse { sparsity, std } => {
                let law = Law::Sparse { sparsity: *sparsity };
                let help = "normal, with a share of each input's weights 0 (Martens 2010)";
                row("sparse", law, Scale::Std(*std), [p::sparsity(sparsity), p::std(std)], help)
            }
            Self::Rai => {
                let help = "normal, variance 0.36/fan_in, an entry of each unit from Beta(2, 1) (Lu et al. 2020)";
                row("rai", Law::Asymmetric, asymmetric::SCALE, NONE, help)
            }
            Self::Identity { gain } => {
                let help = "output i copies input i, times gain, through the centre of a window (Dirac)";
                row("identity", Law::Identity, Scale::Gain(*gain), [p::gain(gain), None], help)
            }
            Self::LessonSimple => {
                row("lesson_simple", Law::Normal, Scale::LECUN, NONE, "lesson 8's randn(in, out)/√in")
            }
            Self::LessonRaw => row("lesson_raw", Law::Normal, Scale::Std(1.0), NONE, "lesson 8's randn(in, out)"),
        }
    }

    /// The rule called `name` with its default parameters, those of [`WeightInit::ALL`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// The name in configs and records.
    pub const fn name(mut self) -> &'static str {
        self.row().name
    }

    /// Says in a line what it is, with its source.
    pub fn help(mut self) -> &'static str {
        self.row().help
    }

    /// How its numbers are drawn, and how large they are.
    pub fn law_and_scale(mut self) -> (Law, Scale) {
        let row = self.row();
        (row.law, row.scale)
    }

    /// Its parameters, to be read and set.
    pub fn parameters(&mut self) -> impl Iterator<Item = Parameter<'_>> {
        self.row().parameters.into_iter().flatten()
    }

    /// The rule at a place of a network of which it is the common rule: looks-linear blocks have nothing to mirror before the first
    /// layer and behind the last.
    pub fn at(self, place: LayerPlace) -> Self {
        let Self::LooksLinear { gain } = self else { return self };
        match place {
            LayerPlace::Middle => self,
            LayerPlace::First => Self::LooksLinearFirst { gain },
            LayerPlace::Last => Self::LooksLinearLast { gain },
            LayerPlace::Only => Self::Orthogonal { gain },
        }
    }

    /// Puts the number `value` where the rule would take the activation's gain; `None` where it takes none.
    pub fn with_gain(mut self, value: f64) -> Option<Self> {
        let gain = self.parameters().find_map(Parameter::into_gain).filter(|gain| **gain == Gain::Activation)?;
        *gain = Gain::Given(value);
        Some(self)
    }
}

/// Where a layer stands among those with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerPlace {
    /// Before all others.
    First,
    /// Between two others.
    Middle,
    /// Behind all others.
    Last,
    /// There is no other.
    Only,
}

impl LayerPlace {
    /// The place of a layer of which it is known whether it is the first and whether it is the last.
    pub(crate) fn of(is_first: bool, is_last: bool) -> Self {
        match (is_first, is_last) {
            (false, false) => Self::Middle,
            (true, false) => Self::First,
            (false, true) => Self::Last,
            (true, true) => Self::Only,
        }
    }
}

const fn mirrored(outputs: bool, inputs: bool) -> Law {
    Law::Mirrored(Mirror { outputs, inputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rules_agree_and_every_parameter_is_written_under_its_name() {
        for (mut rule, name) in WeightInit::ALL.into_iter().zip(WeightInit::NAMES) {
            assert_eq!(WeightInit::from_name(name), Some(rule));
            let written = serde_json::to_value(rule).unwrap();
            assert_eq!(written["kind"], name);
            let names: Vec<_> = rule.parameters().map(|parameter| parameter.name).collect();
            assert_eq!(written.as_object().unwrap().len(), 1 + names.len(), "{name}");
            assert!(names.iter().all(|name| written.get(name).is_some()), "{name}: {names:?}");
        }
        assert_eq!(WeightInit::from_name("he"), None);
    }
}
