//! The rules for biases, of the same laws and scales.

use serde::Serialize;

use crate::activation::Activation;
use crate::init::asymmetric;
use crate::init::law::Law;
use crate::init::row::{self as p, NONE, Parameter, Row, row};
use crate::init::scale::Scale;

/// How a bias starts.
///
/// ```
/// use initlab::BiasInit;
///
/// let bias = BiasInit::UniformFanIn.sample(0, "fc1.bias", 50, 784); // 50 values within ±1/√784
/// assert!(bias.iter().all(|b| b.abs() <= 1.0 / 28.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
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
    /// The bias that belongs to weights of [`WeightInit::Rai`](crate::init::WeightInit::Rai) (Lu et al. 2020).
    Rai,
}

impl BiasInit {
    /// Every rule with its default parameters.
    pub const ALL: [Self; 5] =
        [Self::Zeros, Self::UniformFanIn, Self::Constant { value: 0.01 }, Self::Normal { std: 0.01 }, Self::Rai];

    /// Every name that [`BiasInit::from_name`] knows.
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
        match self {
            Self::Zeros => row("zeros", Law::Constant, Scale::Value(0.0), NONE, "all 0"),
            Self::UniformFanIn => {
                let help = "uniform on ±1/√fan_in, fan_in being that of the layer's weight (PyTorch's default)";
                row("uniform_fan_in", Law::Uniform, Scale::UnitBound, NONE, help)
            }
            Self::Constant { value } => {
                row("constant", Law::Constant, Scale::Value(*value), [p::value(value), None], "all the value")
            }
            Self::Normal { std } => row("normal", Law::Normal, Scale::Std(*std), [p::std(std), None], "N(0, std²)"),
            Self::Rai => {
                let help = "normal, variance 0.36/fan_in, from Beta(2, 1) where rai's weights leave it to the bias";
                row("rai", Law::Normal, asymmetric::SCALE, NONE, help)
            }
        }
    }

    /// The rule called `name` with its default parameters, those of [`BiasInit::ALL`].
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

    /// Its parameters, to be read and set.
    pub fn parameters(&mut self) -> impl Iterator<Item = Parameter<'_>> {
        self.row().parameters.into_iter().flatten()
    }

    /// The variance of the biases of a layer whose weight has `fan_in`, or why theory has nothing to say of them.
    pub fn variance(self, fan_in: f64) -> Result<f64, &'static str> {
        match self {
            Self::Zeros => Ok(0.0),
            Self::Constant { value: 0.0 } => Ok(0.0),
            Self::Constant { .. } => Err("a constant bias is not drawn around 0"),
            Self::UniformFanIn => Ok(1.0 / (3.0 * fan_in)),
            Self::Normal { std } => Ok(std * std),
            Self::Rai => Err("rai biases are not drawn around 0"),
        }
    }

    /// The `len` starting values of the bias `name`, of a layer whose weight has `fan_in`: those of [`BiasInit::sample_f64`] rounded
    /// to `f32`.
    ///
    /// # Panics
    /// As there.
    pub fn sample(self, seed: u64, name: &str, len: usize, fan_in: usize) -> Vec<f32> {
        self.sample_f64(seed, name, len, fan_in).into_iter().map(|x| x as f32).collect()
    }

    /// The `len` starting values of the bias `name` in `f64`, of a layer whose weight has `fan_in`.
    ///
    /// # Panics
    /// If `fan_in` or `len` is zero; [`crate::init::fans()`] returns none such.
    pub fn sample_f64(mut self, seed: u64, name: &str, len: usize, fan_in: usize) -> Vec<f64> {
        let Row { law, scale, .. } = self.row();
        let size = scale.size(&[len, fan_in], Activation::Identity).expect("a layer sums at least one product");
        let values = law.draw(seed, name, size, &[len]);
        if self == Self::Rai { asymmetric::in_bias(seed, name, values, fan_in) } else { values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rules_agree() {
        for (rule, name) in BiasInit::ALL.into_iter().zip(BiasInit::NAMES) {
            assert_eq!(BiasInit::from_name(name), Some(rule));
            assert_eq!(serde_json::to_value(rule).unwrap()["kind"], name);
        }
    }
}
