//! The optimisers at work, with PyTorch's definitions, and their state, which can be saved.

use candle_core::{Result, Tensor};

use crate::config::optimizer::Optimizer;
use crate::cpu::update::{self, AdamStep};
use crate::model::cpu::CpuModel;

impl Optimizer {
    /// Names of the slots of state that each parameter has.
    pub fn slots(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => &[],
            Self::Sgd { .. } => &["momentum"],
            Self::Adam { .. } | Self::Adamw { .. } => &["first", "second"],
            Self::Rmsprop { momentum, .. } if *momentum == 0.0 => &["square"],
            Self::Rmsprop { .. } => &["square", "momentum"],
        }
    }

    /// Adam's settings at step `t` (from 1).
    fn adam(&self, lr: f64, t: u64) -> Option<(AdamStep, [f64; 2])> {
        let (betas, eps, weight_decay, decoupled) = match *self {
            Self::Adam { betas, eps, weight_decay } => (betas, eps, weight_decay, false),
            Self::Adamw { betas, eps, weight_decay } => (betas, eps, weight_decay, true),
            _ => return None,
        };
        let corrections = betas.map(|b| 1.0 - b.powi(i32::try_from(t).unwrap_or(i32::MAX)));
        let step = AdamStep {
            lr: lr as f32,
            beta1: betas[0] as f32,
            beta2: betas[1] as f32,
            eps: eps as f32,
            weight_decay: weight_decay as f32,
            decoupled,
            correction1: corrections[0] as f32,
            correction2: corrections[1] as f32,
        };
        Some((step, corrections))
    }
}

/// Norms of one parameter around a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UpdateNorms {
    /// ‖w‖ before the step.
    pub weight: f64,
    /// ‖dL/dw‖, after clipping.
    pub gradient: f64,
    /// ‖Δw‖.
    pub update: f64,
}

/// The state on the CPU: slots laid out like the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuState {
    /// One array for each of [`Optimizer::slots`].
    pub slots: Vec<Vec<f32>>,
    /// Steps taken.
    pub steps: u64,
}

impl CpuState {
    /// The state before the first step, for `n` parameters.
    pub fn new(optimizer: &Optimizer, n: usize) -> Self {
        Self { slots: vec![vec![0.0; n]; optimizer.slots().len()], steps: 0 }
    }

    /// Takes one step of `model` in place; its gradients become the steps, or stay where a step is its gradient times the rate. With
    /// `measure`, the norms of each parameter and of its step go to its entry of `norms`, which has its gradient's.
    pub fn step(
        &mut self,
        optimizer: &Optimizer,
        model: &mut CpuModel,
        lr: f64,
        measure: bool,
        norms: &mut [UpdateNorms],
    ) {
        self.steps += 1;
        let steps = self.steps;
        let plain = matches!(optimizer, Optimizer::Sgd { momentum: 0.0, weight_decay: 0.0, .. });
        let mut slots = self.slots.iter_mut().map(|slot| &mut slot[..]);
        let slots = [slots.next().unwrap_or_default(), slots.next().unwrap_or_default()];
        model.update(slots, norms, |param, [p, g, one, two], norms| {
            let lr = lr * param.lr_scale;
            if plain && measure {
                norms.weight = update::descend_and_measure(p, g, lr as f32).sqrt();
                norms.update = lr * norms.gradient;
            } else if measure {
                [norms.weight, norms.update] = update_and_measure(optimizer, lr, steps, [p, g, one, two]);
            } else {
                update(optimizer, lr, steps, [p, g, one, two]);
            }
        });
    }
}

/// [`update`], and the norms of the parameter before it and of the step, taken block by block while the values are near.
fn update_and_measure(optimizer: &Optimizer, lr: f64, t: u64, mut values: [&mut [f32]; 4]) -> [f64; 2] {
    let mut squares = [0.0; 2];
    for start in (0..values[0].len()).step_by(BLOCK) {
        let mut block = values.each_mut().map(|values| {
            let end = (start + BLOCK).min(values.len());
            &mut values[start.min(end)..end]
        });
        squares[0] += update::sum_of_squares(block[0]);
        update(optimizer, lr, t, block.each_mut().map(|block| &mut **block));
        squares[1] += update::sum_of_squares(block[1]);
    }
    squares.map(f64::sqrt)
}

/// Values of a parameter that are updated and measured together; few enough for the nearest cache.
const BLOCK: usize = 2048;

/// Updates the parameters `p` with their gradients `g` and the slots of state.
fn update(optimizer: &Optimizer, lr: f64, t: u64, [p, g, one, two]: [&mut [f32]; 4]) {
    match *optimizer {
        Optimizer::Sgd { momentum: 0.0, weight_decay: 0.0, .. } => update::descend(p, g, lr as f32),
        Optimizer::Sgd { momentum, nesterov, weight_decay } => {
            update::sgd(p, g, one, lr as f32, momentum as f32, nesterov, weight_decay as f32);
        }
        Optimizer::Adam { .. } | Optimizer::Adamw { .. } => {
            let (step, _) = optimizer.adam(lr, t).expect("this is Adam");
            update::adam(p, g, one, two, &step);
        }
        Optimizer::Rmsprop { alpha, eps, momentum, weight_decay } => {
            let (lr, alpha, eps) = (lr as f32, alpha as f32, eps as f32);
            update::rmsprop(p, g, one, two, lr, alpha, eps, momentum as f32, weight_decay as f32);
        }
    }
}

/// The state on a device: slots laid out like the parameters, `[run, value]`.
#[derive(Clone, Debug)]
pub struct DeviceState {
    /// One tensor for each of [`Optimizer::slots`].
    pub slots: Vec<Tensor>,
    /// Steps taken.
    pub steps: u64,
}

impl DeviceState {
    /// The state before the first step.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(optimizer: &Optimizer, params: &Tensor) -> Result<Self> {
        let slots = optimizer.slots().iter().map(|_| params.zeros_like()).collect::<Result<_>>()?;
        Ok(Self { slots, steps: 0 })
    }

    /// Takes one step: what is to be subtracted from parameters `p` with gradients `g`. `lr` has a rate for each run, or for
    /// each value of each run.
    ///
    /// # Errors
    /// The device fails.
    pub fn step(&mut self, optimizer: &Optimizer, p: &Tensor, g: &Tensor, lr: &Tensor) -> Result<Tensor> {
        self.steps += 1;
        let decayed = |g: &Tensor, decay: f64| if decay == 0.0 { Ok(g.clone()) } else { g + p.affine(decay, 0.0)? };
        let blend = |old: &Tensor, keep: f64, new: &Tensor, add: f64| {
            let new = if add == 1.0 { new.clone() } else { new.affine(add, 0.0)? };
            old.affine(keep, 0.0)? + new
        };
        let direction = match *optimizer {
            Optimizer::Sgd { momentum, nesterov, weight_decay } => {
                let g = decayed(g, weight_decay)?;
                match self.slots.first_mut() {
                    None => g,
                    Some(slot) => {
                        *slot = blend(slot, momentum, &g, 1.0)?;
                        if nesterov { blend(slot, momentum, &g, 1.0)? } else { slot.clone() }
                    }
                }
            }
            Optimizer::Adam { betas: [b1, b2], eps, weight_decay }
            | Optimizer::Adamw { betas: [b1, b2], eps, weight_decay } => {
                let (step, [c1, c2]) = optimizer.adam(1.0, self.steps).expect("this is Adam");
                let g = if step.decoupled { g.clone() } else { decayed(g, weight_decay)? };
                self.slots[0] = blend(&self.slots[0], b1, &g, 1.0 - b1)?;
                self.slots[1] = blend(&self.slots[1], b2, &g.sqr()?, 1.0 - b2)?;
                let root = self.slots[1].affine(1.0 / c2, 0.0)?.sqrt()?.affine(1.0, eps)?;
                let scaled = (self.slots[0].affine(1.0 / c1, 0.0)? / root)?;
                if step.decoupled { decayed(&scaled, weight_decay)? } else { scaled }
            }
            Optimizer::Rmsprop { alpha, eps, momentum, weight_decay } => {
                let g = decayed(g, weight_decay)?;
                self.slots[0] = blend(&self.slots[0], alpha, &g.sqr()?, 1.0 - alpha)?;
                let scaled = (g / self.slots[0].sqrt()?.affine(1.0, eps)?)?;
                match self.slots.get_mut(1) {
                    None => scaled,
                    Some(slot) => {
                        *slot = blend(slot, momentum, &scaled, 1.0)?;
                        slot.clone()
                    }
                }
            }
        };
        direction.broadcast_mul(lr)
    }
}
