//! Stochastic gradient descent, with Sutskever et al. 2013's momentum as PyTorch defines it.

use candle_core::{Result, Tensor};
use serde::Serialize;

use crate::cpu::dispatch;
use crate::cpu::update::{descend, descend_and_measure};
use crate::optim::rule::{Place, Rule, Step, Steps, UpdateNorms, Values, blend, decayed, measure_by_blocks};
use crate::optim::settings::{Key, MOMENTUM, Range, Settings, Value, Wrong, weight_decay};

/// Stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sgd {
    /// Share of the last step that is kept.
    pub momentum: f64,
    /// True if the gradient looks ahead along the momentum.
    pub nesterov: bool,
    /// L2 penalty.
    pub weight_decay: f64,
}

/// Its rows.
pub const KEYS: &[Key] = &[
    MOMENTUM,
    Key {
        name: "nesterov",
        default: Value::Flag(false),
        range: Range::Any,
        help: "Whether the gradient looks ahead along the momentum.",
    },
    weight_decay(0.0, "L2 penalty."),
];

impl Sgd {
    /// Neither momentum nor decay.
    pub const PLAIN: Self = Self { momentum: 0.0, nesterov: false, weight_decay: 0.0 };

    /// From a config.
    ///
    /// # Errors
    /// Nesterov's gradient without momentum.
    pub fn new(settings: &Settings) -> std::result::Result<Self, Wrong> {
        let [momentum, weight_decay] = ["momentum", "weight_decay"].map(|key| settings.number(key));
        let nesterov = settings.flag("nesterov");
        if nesterov && momentum == 0.0 {
            return Err(Wrong { key: "nesterov", message: "needs a momentum above 0" });
        }
        Ok(Self { momentum, nesterov, weight_decay })
    }

    /// True if a step is the gradient times the rate.
    fn is_plain(&self) -> bool {
        self.momentum == 0.0 && self.weight_decay == 0.0
    }
}

impl Rule for Sgd {
    fn steps(&self) -> Steps {
        Steps::Proportional
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    /// 2(1 + β)/η, with Nesterov's gradient 2(1 + β)/((1 + 2β)η) (Cohen et al. 2021, appendix B), less what an L2 penalty adds to
    /// every eigenvalue.
    fn sharpness_limit(&self, lr: f64) -> Option<f64> {
        let beta = self.momentum;
        let ahead = if self.nesterov { 1.0 + 2.0 * beta } else { 1.0 };
        Some(2.0 * (1.0 + beta) / (ahead * lr) - self.weight_decay)
    }

    fn step(&self, &Step { lr, .. }: &Step<'_>, [p, g, buffer, _]: Values<'_>) {
        if self.is_plain() {
            descend(p, g, lr as f32);
        } else {
            step(p, g, buffer, lr as f32, self.momentum as f32, self.nesterov, self.weight_decay as f32);
        }
    }

    fn step_and_measure(&self, at: &Step<'_>, values: Values<'_>, norms: &mut UpdateNorms) {
        if self.is_plain() {
            let [p, g, ..] = values;
            norms.weight = descend_and_measure(p, g, at.lr as f32).sqrt();
            norms.update = at.lr * norms.gradient;
        } else {
            measure_by_blocks(&|values| self.step(at, values), values, norms);
        }
    }

    fn direction(&self, _t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], _: &[Place]) -> Result<Tensor> {
        let g = decayed(p, g, self.weight_decay)?;
        let Some(slot) = slots.first_mut() else { return Ok(g) };
        *slot = blend(slot, self.momentum, &g, 1.0)?;
        if self.nesterov { blend(slot, self.momentum, &g, 1.0) } else { Ok(slot.clone()) }
    }
}

dispatch! {
    /// The gradient becomes the step. `buffer` is empty without momentum; it starts at zero.
    pub fn step(
        parameters: &mut [f32], gradient: &mut [f32], buffer: &mut [f32],
        lr: f32, momentum: f32, nesterov: bool, weight_decay: f32,
    ) {
        if weight_decay != 0.0 {
            gradient.iter_mut().zip(&*parameters).for_each(|(g, &p)| *g += weight_decay * p);
        }
        let both = parameters.iter_mut().zip(gradient);
        if buffer.is_empty() {
            for (p, g) in both {
                *g *= lr;
                *p -= *g;
            }
        } else {
            for ((p, g), b) in both.zip(buffer) {
                *b = momentum * *b + *g;
                *g = lr * if nesterov { *g + momentum * *b } else { *b };
                *p -= *g;
            }
        }
    }
}
