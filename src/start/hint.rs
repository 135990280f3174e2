//! The start that a candle module asks for its parameter, drawn from a stream with the parameter's name.

use candle_nn::Init;
use candle_nn::init::NormalOrUniform;

use crate::init::Law;
use crate::init::scale::Size;

/// A module's hint, carried out for a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hint {
    /// All this value: the weight of a norm, a running estimate, a `vb.get` without a hint.
    Constant(f64),
    /// Normal, as [`Init::Randn`] has it: embeddings and tokens.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Uniform, as [`Init::Uniform`] has it: biases and the weights of transposed convolutions.
    Uniform {
        /// Least value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// One of [`Init::Kaiming`]: the weights of linear layers and convolutions.
    Kaiming {
        /// True if the numbers are uniform, false if they are normal.
        uniform: bool,
        /// Standard deviation.
        std: f64,
    },
}

impl Hint {
    /// Reads candle's hint for a parameter of `shape`.
    pub fn of(hint: Init, shape: &[usize]) -> Self {
        match hint {
            Init::Const(value) => Self::Constant(value),
            Init::Randn { mean, stdev } => Self::Normal { mean, std: stdev },
            Init::Uniform { lo, up } => Self::Uniform { low: lo, high: up },
            Init::Kaiming { dist, fan, non_linearity } => Self::Kaiming {
                uniform: matches!(dist, NormalOrUniform::Uniform),
                std: non_linearity.gain() / (fan.for_shape(&shape.into()) as f64).sqrt(),
            },
        }
    }

    /// Half the width of a uniform hint around 0.
    pub fn bound(self) -> Option<f64> {
        match self {
            Self::Uniform { low, high } if low == -high && high > 0.0 => Some(high),
            Self::Uniform { .. } | Self::Constant(_) | Self::Normal { .. } | Self::Kaiming { .. } => None,
        }
    }

    /// Standard deviation of the numbers.
    pub fn std(self) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Normal { std, .. } | Self::Kaiming { std, .. } => std,
            Self::Uniform { low, high } => (high - low) / 12f64.sqrt(),
        }
    }

    /// Says it in a few words.
    pub fn words(self) -> String {
        match self {
            Self::Constant(value) => format!("constant {value}"),
            Self::Normal { mean: 0.0, .. } => "hint: normal".into(),
            Self::Normal { mean, .. } => format!("hint: normal around {mean}"),
            Self::Uniform { .. } => "hint: uniform".into(),
            Self::Kaiming { uniform: true, .. } => "hint: kaiming_uniform".into(),
            Self::Kaiming { uniform: false, .. } => "hint: kaiming_normal".into(),
        }
    }

    /// The numbers, from the same stream as those of any rule for this parameter.
    pub fn draw(self, seed: u64, name: &str, shape: &[usize]) -> Vec<f64> {
        let (law, size, mean) = match self {
            Self::Constant(value) => (Law::Constant, value, 0.0),
            Self::Normal { mean, std } => (Law::Normal, std, mean),
            Self::Uniform { low, high } => (Law::Uniform, (high - low) / 12f64.sqrt(), (low + high) / 2.0),
            Self::Kaiming { uniform: true, std } => (Law::Uniform, std, 0.0),
            Self::Kaiming { uniform: false, std } => (Law::Normal, std, 0.0),
        };
        let mut values = law.draw(seed, name, Size { std: size, bound: 3f64.sqrt() * size }, shape);
        if mean != 0.0 {
            values.iter_mut().for_each(|x| *x += mean);
        }
        values
    }
}
