//! Adam (Kingma & Ba 2015, algorithm 1), and AdamW, whose decay stands apart from the gradient (Loshchilov & Hutter 2019).

use candle_core::{Result, Tensor};
use serde::Serialize;

use crate::cpu::dispatch;
use crate::optim::rule::{Place, Rule, Step, Steps, Values, blend, decayed};
use crate::optim::settings::{EPS, Key, Range, Settings, Value, weight_decay};

/// Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Adam {
    /// Decays of the means of gradients and of their squares.
    pub betas: [f64; 2],
    /// Added to the root.
    pub eps: f64,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
}

/// AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdamW {
    /// Decays of the means of gradients and of their squares.
    pub betas: [f64; 2],
    /// Added to the root.
    pub eps: f64,
    /// Share of a parameter that each step takes off, times the learning rate.
    pub weight_decay: f64,
}

const BETAS: Key = Key {
    name: "betas",
    default: Value::Pair([0.9, 0.999]),
    range: Range::Fraction,
    help: "Decays of the means of gradients and of their squares.",
};

/// Adam's rows.
pub const ADAM_KEYS: &[Key] = &[BETAS, EPS, weight_decay(0.0, "L2 penalty, added to the gradient.")];

/// AdamW's rows.
pub const ADAMW_KEYS: &[Key] =
    &[BETAS, EPS, weight_decay(0.01, "Share of a parameter that each step takes off, times the learning rate.")];

impl Adam {
    /// From a config.
    pub fn new(s: &Settings) -> Self {
        Self { betas: s.pair("betas"), eps: s.number("eps"), weight_decay: s.number("weight_decay") }
    }
}

impl AdamW {
    /// From a config.
    pub fn new(s: &Settings) -> Self {
        Self { betas: s.pair("betas"), eps: s.number("eps"), weight_decay: s.number("weight_decay") }
    }
}

const SLOTS: &[&str] = &["first", "second"];

impl Rule for Adam {
    fn steps(&self) -> Steps {
        Steps::Normalised
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        SLOTS
    }

    fn step(&self, step: &Step<'_>, values: Values<'_>) {
        let Self { betas, eps, weight_decay } = *self;
        take(step, values, betas, eps, weight_decay, false);
    }

    fn direction(&self, t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], _: &[Place]) -> Result<Tensor> {
        scaled(t, &decayed(p, g, self.weight_decay)?, slots, self.betas, self.eps)
    }
}

impl Rule for AdamW {
    fn steps(&self) -> Steps {
        Steps::Normalised
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        SLOTS
    }

    fn step(&self, step: &Step<'_>, values: Values<'_>) {
        let Self { betas, eps, weight_decay } = *self;
        take(step, values, betas, eps, weight_decay, true);
    }

    fn direction(&self, t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], _: &[Place]) -> Result<Tensor> {
        decayed(p, &scaled(t, g, slots, self.betas, self.eps)?, self.weight_decay)
    }
}

/// The bias corrections 1 − βᵗ.
fn corrections(betas: [f64; 2], t: u64) -> [f64; 2] {
    betas.map(|beta| 1.0 - beta.powi(i32::try_from(t).unwrap_or(i32::MAX)))
}

/// m̂ / (√v̂ + ε) on tensors.
fn scaled(t: u64, g: &Tensor, slots: &mut [Tensor], betas: [f64; 2], eps: f64) -> Result<Tensor> {
    let ([b1, b2], [c1, c2]) = (betas, corrections(betas, t));
    slots[0] = blend(&slots[0], b1, g, 1.0 - b1)?;
    slots[1] = blend(&slots[1], b2, &g.sqr()?, 1.0 - b2)?;
    let root = slots[1].affine(1.0 / c2, 0.0)?.sqrt()?.affine(1.0, eps)?;
    slots[0].affine(1.0 / c1, 0.0)? / root
}

/// The step on slices, its settings in `f32`.
fn take(
    step: &Step<'_>,
    [p, g, first, second]: Values<'_>,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    decoupled: bool,
) {
    let corrections = corrections(betas, step.t).map(|x| x as f32);
    let (lr, weight_decay) = (step.lr as f32, weight_decay as f32);
    let [penalty, decay] = if decoupled { [0.0, lr * weight_decay] } else { [weight_decay, 0.0] };
    let rates = Rates {
        betas: betas.map(|beta| beta as f32),
        eps: eps as f32,
        penalty,
        decay,
        rate: lr / corrections[0],
        root: 1.0 / corrections[1].sqrt(),
    };
    update(p, g, first, second, &rates);
}

/// Factors of a step, the same for every value.
struct Rates {
    betas: [f32; 2],
    eps: f32,
    /// Factor of the parameter that is added to the gradient.
    penalty: f32,
    /// Factor of the parameter that is added to the step.
    decay: f32,
    /// On the first moment: the learning rate with its correction.
    rate: f32,
    /// On the second's root: its correction.
    root: f32,
}

dispatch! {
    /// The gradient becomes the step.
    fn update(parameters: &mut [f32], gradient: &mut [f32], first: &mut [f32], second: &mut [f32], rates: &Rates) {
        let &Rates { betas: [beta1, beta2], eps, penalty, decay, rate, root } = rates;
        for (((p, g), m), v) in parameters.iter_mut().zip(gradient).zip(first).zip(second) {
            let d = *g + penalty * *p;
            *m += (1.0 - beta1) * (d - *m);
            *v = beta2 * *v + (1.0 - beta2) * d * d;
            *g = decay * *p + rate * *m / (v.sqrt() * root + eps);
            *p -= *g;
        }
    }
}
