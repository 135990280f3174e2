//! Starts that come from theory: they choose an activation's leak and shift together with the gain of the weights.
//!
//! A rule says how a weight is drawn, an aim what gain it gets; so `orthogonal` and `kaiming_normal` serve every aim.

use serde::Serialize;

use crate::activation::Activation;
use crate::init::bias::BiasInit;
use crate::init::rule::InitRule;
use crate::theory::TheoryError;
use crate::theory::critical::{critical_point, usual_bias_variance};
use crate::theory::depth_aware::{ZETA, depth_aware};
use crate::theory::matched::moment_matched;
use crate::theory::tailored::{ETA, tailored};

/// Condition that is to hold in every layer before training.
///
/// ```
/// use initlab::{Activation, Aim};
///
/// // Poole et al. 2016: tanh at the edge of chaos, with biases of variance 0.05.
/// let unit = Aim::Critical { variance_b: 0.05 }.solve(Activation::Tanh, 30)?;
/// assert!((unit.gain.powi(2) - 1.76).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Aim {
    /// Mean 0 and std 1 after the activation (ReLU family: gain and shift), or second moment 1 before it (any other).
    MomentMatched {},
    /// Mean 0 and std 1 after a leaky ReLU whose gradients grow by `zeta` over the whole depth (Martens et al. 2021).
    DepthAware {
        /// χ^L.
        zeta: f64,
    },
    /// A leaky ReLU that brings unrelated inputs to correlation `eta` over the whole depth (Zhang et al. 2022).
    Tat {
        /// The correlation.
        eta: f64,
    },
    /// χ = 1 at the fixed length for biases of this variance (Poole et al. 2016, Schoenholz et al. 2017). Absent: 0 where a
    /// length holds there, else the least at which one does ([`usual_bias_variance`]).
    Critical {
        /// σ_b².
        variance_b: f64,
    },
}

/// An aim carried out for one network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// φ of every hidden layer.
    pub activation: Activation,
    /// σ_w of the first layer.
    pub first_gain: f64,
    /// σ_w of the other hidden layers.
    pub gain: f64,
    /// σ_w of the last layer.
    pub last_gain: f64,
}

/// An aim that a network cannot have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AimError {
    /// There is no hidden layer.
    #[error("{aim} is about the layers before the output, and there is none; give the network a hidden layer")]
    NoLayer {
        /// Name of the aim.
        aim: &'static str,
    },
    /// The activation is not the one whose leak and shift the aim chooses.
    #[error("{aim} makes a leaky ReLU of its own and takes model.activation = \"relu\", found {activation}")]
    NotRelu {
        /// Name of the aim.
        aim: &'static str,
        /// The activation, with its parameters.
        activation: String,
    },
    /// The weight rule takes no gain.
    #[error(
        "{aim} sets the gain, but {rule} takes none; take kaiming_normal, kaiming_uniform or orthogonal, \
         or give it gain = \"activation\""
    )]
    Gainless {
        /// Name of the aim.
        aim: &'static str,
        /// Name of the rule.
        rule: &'static str,
    },
    /// Theory has no answer.
    #[error(transparent)]
    Theory(#[from] TheoryError),
}

/// The rules of a network's layers by their place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByPlace {
    /// The first layer.
    pub first: InitRule,
    /// The layers between the ends.
    pub middle: InitRule,
    /// The last layer.
    pub last: InitRule,
}

impl Aim {
    /// Every aim with its default parameters: ζ = 1.5 and η = 0.9 as their papers recommend, biases of variance 0.
    pub const ALL: [Self; 4] = [
        Self::MomentMatched {},
        Self::DepthAware { zeta: ZETA },
        Self::Tat { eta: ETA },
        Self::Critical { variance_b: 0.0 },
    ];

    /// Sets the aim's default parameters, where they depend on `activation`.
    #[must_use]
    pub fn usual_for(self, activation: Activation) -> Self {
        match self {
            Self::Critical { .. } => Self::Critical { variance_b: usual_bias_variance(activation) },
            Self::MomentMatched {} | Self::DepthAware { .. } | Self::Tat { .. } => self,
        }
    }

    /// The name in configs and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::MomentMatched {} => "moment_matched",
            Self::DepthAware { .. } => "depth_aware",
            Self::Tat { .. } => "tat",
            Self::Critical { .. } => "critical",
        }
    }

    /// Describes the condition in a line.
    pub fn help(self) -> &'static str {
        match self {
            Self::MomentMatched {} => {
                "mean 0 and std 1 after the ReLU family, second moment 1 before any other activation"
            }
            Self::DepthAware { .. } => {
                "mean 0 and std 1 after a leaky ReLU whose leak suits the depth (Martens et al. 2021)"
            }
            Self::Tat { .. } => "a leaky ReLU that keeps unrelated inputs apart over the depth (Zhang et al. 2022)",
            Self::Critical { .. } => "χ = 1 at the fixed length (Poole et al. 2016, Schoenholz et al. 2017)",
        }
    }

    /// The name as a preset.
    pub fn preset(self) -> &'static str {
        match self {
            Self::MomentMatched {} => "moment-matched",
            Self::DepthAware { .. } => "depth-aware",
            Self::Tat { .. } | Self::Critical { .. } => self.name(),
        }
    }

    /// How biases start, if the aim says so.
    pub fn bias(self) -> Option<BiasInit> {
        match self {
            Self::Critical { variance_b } if variance_b > 0.0 => Some(BiasInit::Normal { std: variance_b.sqrt() }),
            Self::Critical { .. } => Some(BiasInit::Zeros),
            Self::MomentMatched {} | Self::DepthAware { .. } | Self::Tat { .. } => None,
        }
    }

    /// `rule` with the gains of `solution`, and the aim's own biases if it has any.
    ///
    /// # Errors
    /// The rule takes no gain.
    pub fn rules(self, rule: InitRule, solution: &Solution) -> Result<ByPlace, AimError> {
        let with_gain = |gain| {
            let refused = || AimError::Gainless { aim: self.name(), rule: rule.weight.name() };
            let weight = rule.weight.with_gain(gain).ok_or_else(refused)?;
            Ok::<_, AimError>(InitRule { weight, bias: self.bias().unwrap_or(rule.bias) })
        };
        let Solution { first_gain, gain, last_gain, .. } = *solution;
        Ok(ByPlace { first: with_gain(first_gain)?, middle: with_gain(gain)?, last: with_gain(last_gain)? })
    }

    /// Activation and gains for a plain chain of `depth` hidden layers with `activation`.
    ///
    /// # Errors
    /// What cannot be reached, and what to change.
    pub fn solve(self, activation: Activation, depth: usize) -> Result<Solution, AimError> {
        if depth == 0 {
            return Err(AimError::NoLayer { aim: self.name() });
        }
        let made_of_relu = || {
            let refused = || AimError::NotRelu { aim: self.name(), activation: activation.to_string() };
            if activation == Activation::Relu { Ok(()) } else { Err(refused()) }
        };
        let same = |activation, gain| Solution { activation, first_gain: gain, gain, last_gain: 1.0 };
        Ok(match self {
            Self::MomentMatched {} => {
                let matched = moment_matched(activation)?;
                // Where std 1 holds behind φ the output layer meets it; where it holds before φ, what φ left of it.
                let last_gain = if matched.activation.relu_form().is_some() { 1.0 } else { matched.gain };
                Solution { first_gain: matched.first_gain, last_gain, ..same(matched.activation, matched.gain) }
            }
            Self::DepthAware { zeta } => {
                made_of_relu()?;
                let unit = depth_aware(depth, zeta)?;
                let scaled = Activation::GeneralRelu { leak: unit.leak, shift: unit.scaled_shift(), max: None };
                same(scaled, unit.gain)
            }
            Self::Tat { eta } => {
                made_of_relu()?;
                let unit = tailored(depth, eta)?;
                same(Activation::LeakyRelu { leak: unit.leak }, unit.gain)
            }
            Self::Critical { variance_b } => {
                let point = critical_point(activation, variance_b)?;
                let gain = point.variance_w.sqrt();
                Solution { first_gain: point.first_variance_w.sqrt(), last_gain: gain, ..same(activation, gain) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::correlation::leaky_relu_map;
    use crate::theory::length::LengthMap;
    use crate::theory::moments::moments;

    #[test]
    fn each_aim_holds_in_the_network_that_it_is_fitted_to() {
        for depth in [13, 30, 100] {
            let unit = Aim::DepthAware { zeta: 1.5 }.solve(Activation::Relu, depth).unwrap();
            let m = moments(unit.activation, unit.gain * unit.gain);
            assert!(m.mean.abs() < 1e-12 && (m.std() - 1.0).abs() < 1e-12, "{unit:?}");
            let growth = (unit.gain * unit.gain * m.slope_square).powi(depth as i32);
            assert!((growth - 1.5).abs() < 1e-9, "{growth}");

            let unit = Aim::Tat { eta: 0.9 }.solve(Activation::Relu, depth).unwrap();
            let Activation::LeakyRelu { leak } = unit.activation else { panic!("{unit:?}") };
            assert!(((0..depth).fold(0.0, |c, _| leaky_relu_map(c, leak)) - 0.9).abs() < 1e-9);

            let unit = Aim::Critical { variance_b: 0.05 }.solve(Activation::Tanh, depth).unwrap();
            assert!((unit.gain * unit.gain - 1.76095).abs() < 1e-5 && unit.gain == unit.last_gain);
            let map = LengthMap::new(unit.activation, unit.gain * unit.gain, 0.05).unwrap();
            assert!((map.chi(map.fixed_points().points[0].q) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn names_are_those_that_are_written() {
        for aim in Aim::ALL {
            assert_eq!(serde_json::to_value(aim).unwrap()["kind"], aim.name());
            assert_eq!(aim.preset().replace('-', "_"), aim.name());
        }
    }

    #[test]
    fn what_cannot_be_reached_says_why() {
        let cases = [
            (Aim::MomentMatched {}, "relu", 0, "give the network a hidden layer"),
            (Aim::MomentMatched {}, "shifted_relu", 3, "has a shift of its own"),
            (Aim::DepthAware { zeta: 1.5 }, "tanh", 3, "takes model.activation = \"relu\", found tanh"),
            (Aim::DepthAware { zeta: 1.5 }, "leaky_relu:leak=0.1", 3, "found leaky_relu:leak=0.1"),
            (Aim::DepthAware { zeta: 1.5 }, "relu", 1, "take a deeper network or a target closer to 1"),
            (Aim::Tat { eta: 0.9 }, "relu", 10, "the plain ReLU reaches only 0.8715"),
            (Aim::Critical { variance_b: 0.1 }, "relu", 10, "try another bias variance"),
            (Aim::Critical { variance_b: 0.0 }, "gelu", 10, "lengths near it move away; take bias variance 0.17292"),
        ];
        for (aim, activation, depth, part) in cases {
            let refused = aim.solve(Activation::parse(activation).unwrap(), depth).unwrap_err().to_string();
            assert!(refused.contains(part), "{aim:?}: {refused}");
        }
    }
}
