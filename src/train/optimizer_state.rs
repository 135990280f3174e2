//! An optimiser at work on a model, and its state, which can be saved.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::model::cpu::CpuModel;
use crate::model::{Network, Param, Role};
use crate::optim::{Optimizer, Part, Place, Step, UpdateNorms};

/// The state on the CPU: slots laid out like the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuState {
    /// One array for each of [`Rule::slots`](crate::optim::Rule::slots).
    pub slots: Vec<Vec<f32>>,
    /// Steps taken.
    pub steps: u64,
}

impl CpuState {
    /// The state before the first step, for `n` parameters.
    pub fn new(optimizer: &Optimizer, n: usize) -> Self {
        Self { slots: vec![vec![0.0; n]; optimizer.rule().slots().len()], steps: 0 }
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
        let (rule, t, network) = (optimizer.rule(), self.steps, Arc::clone(model.network()));
        let mut slots = self.slots.iter_mut().map(|slot| &mut slot[..]);
        let slots = [slots.next().unwrap_or_default(), slots.next().unwrap_or_default()];
        model.update(slots, norms, |param, values, norms| {
            let step = Step { lr: lr * param.lr_scale, t, shape: &param.shape, part: part(&network, param) };
            if measure {
                rule.step_and_measure(&step, values, norms);
            } else {
                rule.step(&step, values);
            }
        });
    }
}

/// The state on a device: slots laid out like the parameters, `[run, value]`.
#[derive(Clone, Debug)]
pub struct DeviceState {
    /// One tensor for each of [`Rule::slots`](crate::optim::Rule::slots).
    pub slots: Vec<Tensor>,
    /// Steps taken.
    pub steps: u64,
    places: Vec<Place>,
}

impl DeviceState {
    /// The state before the first step of runs of `network` with these parameters.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(optimizer: &Optimizer, network: &Network, params: &Tensor) -> Result<Self> {
        let slots = optimizer.rule().slots().iter().map(|_| params.zeros_like()).collect::<Result<_>>()?;
        let place =
            |param: &Param| Place { range: param.range(), shape: param.shape.clone(), part: part(network, param) };
        Ok(Self { slots, steps: 0, places: network.params.iter().map(place).collect() })
    }

    /// Takes one step: what is to be subtracted from parameters `p` with gradients `g`. `lr` has a rate for each run, or for
    /// each value of each run.
    ///
    /// # Errors
    /// The device fails.
    pub fn step(&mut self, optimizer: &Optimizer, p: &Tensor, g: &Tensor, lr: &Tensor) -> Result<Tensor> {
        self.steps += 1;
        optimizer.rule().direction(self.steps, p, g, &mut self.slots, &self.places)?.broadcast_mul(lr)
    }
}

/// Tells the purpose of a parameter of `network`.
fn part(network: &Network, param: &Param) -> Part {
    match param.role {
        Role::Weight => {
            let mut weights = network.params.iter().filter(|param| param.role == Role::Weight).map(|param| param.start);
            let (first, last) = (weights.next(), weights.next_back());
            // The only weight is the first one.
            if first == Some(param.start) || last == Some(param.start) { Part::End } else { Part::Hidden }
        }
        Role::Bias | Role::NormWeight | Role::NormBias | Role::Scalar(_) => Part::Other,
    }
}
