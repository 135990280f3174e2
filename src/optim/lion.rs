//! Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2): the sign of a momentum that leans towards
//! the gradient, so that every value moves equally far.

use candle_core::{Result, Tensor};
use serde::Serialize;

use crate::cpu::dispatch;
use crate::optim::rule::{Place, Rule, Step, Steps, Values, blend, decayed};
use crate::optim::settings::{Key, Range, Settings, Value, weight_decay};

/// Lion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lion {
    /// Shares of the momentum in the direction of a step, and in the momentum that it leaves.
    pub betas: [f64; 2],
    /// Share of a parameter that each step takes off, times the learning rate.
    pub weight_decay: f64,
}

/// Its rows.
pub const KEYS: &[Key] = &[
    Key {
        name: "betas",
        default: Value::Pair([0.9, 0.99]),
        range: Range::Fraction,
        help: "Shares of the momentum in the direction of a step, and in the momentum that it leaves.",
    },
    weight_decay(0.0, "Share of a parameter that each step takes off, times the learning rate."),
];

impl Lion {
    /// From a config.
    pub fn new(settings: &Settings) -> Self {
        Self { betas: settings.pair("betas"), weight_decay: settings.number("weight_decay") }
    }
}

impl Rule for Lion {
    fn steps(&self) -> Steps {
        Steps::Normalised
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn step(&self, step: &Step<'_>, [p, g, momentum, _]: Values<'_>) {
        let shares = self.betas.map(|beta| [beta as f32, (1.0 - beta) as f32]);
        update(p, g, momentum, step.lr as f32, shares, self.weight_decay as f32);
    }

    fn direction(&self, _t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], _: &[Place]) -> Result<Tensor> {
        let [b1, b2] = self.betas;
        let sign = blend(&slots[0], b1, g, 1.0 - b1)?.sign()?;
        slots[0] = blend(&slots[0], b2, g, 1.0 - b2)?;
        decayed(p, &sign, self.weight_decay)
    }
}

dispatch! {
    /// The gradient becomes the step. `shares` has those of momentum and gradient, in the direction and in what is kept.
    fn update(
        parameters: &mut [f32], gradient: &mut [f32], momentum: &mut [f32],
        lr: f32, shares: [[f32; 2]; 2], weight_decay: f32,
    ) {
        let [[old, new], [keep, add]] = shares;
        for ((p, g), m) in parameters.iter_mut().zip(gradient).zip(momentum) {
            let direction = old * *m + new * *g;
            *m = keep * *m + add * *g;
            // The sign of 0 is 0, which `signum` does not say.
            let sign = f32::from(direction > 0.0) - f32::from(direction < 0.0);
            *g = lr * (sign + weight_decay * *p);
            *p -= *g;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::optim::rule::Part;

    const RATE: f64 = 0.01;
    const LION: Lion = Lion { betas: [0.9, 0.99], weight_decay: 0.1 };

    /// Gradients of four steps; the first is 0 throughout, the second value changes its sign, the last falls silent.
    const GRADIENTS: [[f64; 4]; 4] = [[0.0; 4], [0.5, 0.5, -2.0, 3.0], [0.25, -0.02, -1.0, 0.0], [1.0, -0.5, 4.0, 0.0]];
    const START: [f64; 4] = [1.0, -2.0, 0.5, 0.0];

    /// The published update in `f64`.
    fn published([b1, b2]: [f64; 2], decay: f64) -> [f64; 4] {
        let (mut theta, mut m) = (START, [0.0; 4]);
        for g in GRADIENTS {
            for i in 0..4 {
                let c = b1 * m[i] + (1.0 - b1) * g[i];
                let sign = if c == 0.0 { 0.0 } else { c.signum() };
                theta[i] -= RATE * (sign + decay * theta[i]);
                m[i] = b2 * m[i] + (1.0 - b2) * g[i];
            }
        }
        theta
    }

    fn on_slices(rule: &Lion) -> [Vec<f32>; 2] {
        let (mut p, mut m) = (START.map(|x| x as f32).to_vec(), vec![0.0; 4]);
        for (t, g) in (1..).zip(GRADIENTS) {
            let mut g = g.map(|x| x as f32);
            rule.step(&Step { lr: RATE, t, shape: &[4], part: Part::Hidden }, [&mut p, &mut g, &mut m, &mut []]);
        }
        [p, m]
    }

    #[test]
    fn four_steps_by_hand() {
        // Without decay each value moves by the rate, or not at all: signs 0 + + +, 0 + − −, 0 − − +, 0 + 0 + by value and step, where
        // the second follows 0.9·0.005 − 0.1·0.02 > 0, then 0.9·0.00475 − 0.1·0.5 < 0.
        let [p, m] = on_slices(&Lion { weight_decay: 0.0, ..LION });
        let want = [0.97, -2.01, 0.51, -0.03];
        assert!(p.iter().zip(want).all(|(p, want)| (p - want).abs() < 1e-6), "{p:?}");
        // 3·0.01 after one step, times 0.99 in each of the two that follow.
        assert!((m[3] - 0.03 * 0.99 * 0.99).abs() < 1e-8, "{m:?}");
    }

    #[test]
    fn steps_are_the_published_ones_and_the_same_on_tensors() {
        for rule in [LION, Lion { weight_decay: 0.0, ..LION }, Lion { betas: [0.95, 0.98], weight_decay: 1.0 }] {
            let [on_slices, momentum] = on_slices(&rule);
            for (found, want) in on_slices.iter().zip(published(rule.betas, rule.weight_decay)) {
                assert!((f64::from(*found) - want).abs() < 1e-6, "{rule:?}: {found}, expected {want}");
            }
            let tensor = |values: [f64; 4]| Tensor::new(&[values.map(|x| x as f32)], &Device::Cpu).unwrap();
            let (mut p, mut slots) = (tensor(START), [tensor([0.0; 4])]);
            for (t, g) in (1..).zip(GRADIENTS) {
                let direction = rule.direction(t, &p, &tensor(g), &mut slots, &[]).unwrap();
                p = (p - direction.affine(RATE, 0.0).unwrap()).unwrap();
            }
            // To the bit: a sign hangs on the last digit.
            assert_eq!(
                [p, slots[0].clone()].map(|t| t.to_vec2::<f32>().unwrap().remove(0)),
                [on_slices, momentum],
                "{rule:?}"
            );
        }
    }
}
