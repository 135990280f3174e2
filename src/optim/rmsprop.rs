//! `RMSprop` (Tieleman & Hinton 2012, as PyTorch defines it).

use candle_core::{Result, Tensor};
use serde::Serialize;

use crate::cpu::dispatch;
use crate::optim::rule::{Place, Rule, Step, Steps, Values, blend, decayed};
use crate::optim::settings::{EPS, Key, MOMENTUM, Range, Settings, Value, weight_decay};
use crate::optim::sgd;

/// `RMSprop`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rmsprop {
    /// Decay of the mean of the squares.
    pub alpha: f64,
    /// Added to the root.
    pub eps: f64,
    /// Share of the last step that is kept.
    pub momentum: f64,
    /// L2 penalty.
    pub weight_decay: f64,
}

/// Its rows.
pub const KEYS: &[Key] = &[
    Key {
        name: "alpha",
        default: Value::Number(0.99),
        range: Range::Fraction,
        help: "Decay of the mean of the squares.",
    },
    EPS,
    MOMENTUM,
    weight_decay(0.0, "L2 penalty."),
];

impl Rmsprop {
    /// From a config.
    pub fn new(settings: &Settings) -> Self {
        let [alpha, eps, momentum, weight_decay] =
            ["alpha", "eps", "momentum", "weight_decay"].map(|key| settings.number(key));
        Self { alpha, eps, momentum, weight_decay }
    }
}

impl Rule for Rmsprop {
    fn steps(&self) -> Steps {
        Steps::Normalised
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &["square"] } else { &["square", "momentum"] }
    }

    fn step(&self, step: &Step<'_>, [p, g, square, buffer]: Values<'_>) {
        scale(p, g, square, self.alpha as f32, self.eps as f32, self.weight_decay as f32);
        sgd::step(p, g, buffer, step.lr as f32, self.momentum as f32, false, 0.0);
    }

    fn direction(&self, _t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], _: &[Place]) -> Result<Tensor> {
        let g = decayed(p, g, self.weight_decay)?;
        slots[0] = blend(&slots[0], self.alpha, &g.sqr()?, 1.0 - self.alpha)?;
        let scaled = (g / slots[0].sqrt()?.affine(1.0, self.eps)?)?;
        let Some(slot) = slots.get_mut(1) else { return Ok(scaled) };
        *slot = blend(slot, self.momentum, &scaled, 1.0)?;
        Ok(slot.clone())
    }
}

dispatch! {
    /// The gradient, divided by the root of the mean of its squares.
    fn scale(
        parameters: &[f32], gradient: &mut [f32], square: &mut [f32], alpha: f32, eps: f32, weight_decay: f32,
    ) {
        for ((&p, g), v) in parameters.iter().zip(gradient).zip(square) {
            let d = *g + weight_decay * p;
            *v = alpha * *v + (1.0 - alpha) * d * d;
            *g = d / (v.sqrt() + eps);
        }
    }
}
