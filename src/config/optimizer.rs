//! `[optimizer]`: the rule of the steps and its learning rate.

use serde::Serialize;

use crate::config::check::{fraction, non_negative, positive};
use crate::config::{ConfigError, Section};

/// The optimiser with its peak learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OptimizerConfig {
    /// Learning rate, which the schedule multiplies.
    pub lr: f64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Optimizer,
}

/// The rule that turns gradients into steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last step that is kept.
        momentum: f64,
        /// Whether the gradient looks ahead along the momentum.
        nesterov: bool,
        /// L2 penalty.
        weight_decay: f64,
    },
    /// Kingma & Ba 2015.
    Adam {
        /// Decays of the means of gradients and of their squares.
        betas: [f64; 2],
        /// Added to the root.
        eps: f64,
        /// L2 penalty, added to the gradient.
        weight_decay: f64,
    },
    /// Loshchilov & Hutter 2019: decay apart from the gradient.
    Adamw {
        /// Decays of the means of gradients and of their squares.
        betas: [f64; 2],
        /// Added to the root.
        eps: f64,
        /// Share of a parameter that each step takes off, times the learning rate.
        weight_decay: f64,
    },
    /// Tieleman & Hinton 2012.
    Rmsprop {
        /// Decay of the mean of the squares.
        alpha: f64,
        /// Added to the root.
        eps: f64,
        /// Share of the last step that is kept.
        momentum: f64,
        /// L2 penalty.
        weight_decay: f64,
    },
}

impl OptimizerConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        #[derive(Clone, Copy)]
        enum Kind {
            Sgd,
            Adam,
            Adamw,
            Rmsprop,
        }
        let kinds = [("sgd", Kind::Sgd), ("adam", Kind::Adam), ("adamw", Kind::Adamw), ("rmsprop", Kind::Rmsprop)];
        let kind = section.choice("kind", &kinds)?.unwrap_or(Kind::Sgd);
        let lr = positive(&section, "lr")?.ok_or_else(|| section.missing("lr", "the learning rate, such as 0.1"))?;
        let weight_decay = |default| Ok::<_, ConfigError>(non_negative(&section, "weight_decay")?.unwrap_or(default));
        let momentum = || Ok::<_, ConfigError>(fraction(&section, "momentum")?.unwrap_or(0.0));
        let eps = || Ok::<_, ConfigError>(positive(&section, "eps")?.unwrap_or(1e-8));
        let betas = || match section.f64_list("betas")? {
            None => Ok([0.9, 0.999]),
            Some(list) => <[f64; 2]>::try_from(list)
                .ok()
                .filter(|betas| betas.iter().all(|b| (0.0..1.0).contains(b)))
                .ok_or_else(|| section.error("betas", "must be two numbers from 0 up to but not including 1")),
        };
        let rule = match kind {
            Kind::Sgd => {
                let (momentum, nesterov) = (momentum()?, section.bool("nesterov")?.unwrap_or(false));
                if nesterov && momentum == 0.0 {
                    return Err(section.error("nesterov", "needs a momentum above 0"));
                }
                Optimizer::Sgd { momentum, nesterov, weight_decay: weight_decay(0.0)? }
            }
            Kind::Adam => Optimizer::Adam { betas: betas()?, eps: eps()?, weight_decay: weight_decay(0.0)? },
            Kind::Adamw => Optimizer::Adamw { betas: betas()?, eps: eps()?, weight_decay: weight_decay(0.01)? },
            Kind::Rmsprop => {
                let alpha = fraction(&section, "alpha")?.unwrap_or(0.99);
                Optimizer::Rmsprop { alpha, eps: eps()?, momentum: momentum()?, weight_decay: weight_decay(0.0)? }
            }
        };
        section.finish()?;
        Ok(Self { lr, rule })
    }
}
