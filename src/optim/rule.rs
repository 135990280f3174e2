//! Rules of optimisers: how a gradient becomes a step, on slices and on tensors.

use std::ops::Range;

use candle_core::{Result, Tensor};

use crate::cpu::update::sum_of_squares;

/// A parameter's values, its gradient, and its part of the two slots of state, which are empty where the optimiser has fewer.
pub type Values<'v> = [&'v mut [f32]; 4];

/// Purpose of a parameter, as far as an optimiser may care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The weight of a layer between the first and the last.
    Hidden,
    /// The weight of the first or the last layer.
    End,
    /// No weight of a layer: a bias, a normalisation's parameter, a scalar.
    Other,
}

/// The step of one parameter.
#[derive(Clone, Copy, Debug)]
pub struct Step<'s> {
    /// Learning rate of this parameter.
    pub lr: f64,
    /// Number of the step, from 1.
    pub t: u64,
    /// The parameter's shape in PyTorch's order. Its values lie so, but for a convolution's, whose channels come last.
    pub shape: &'s [usize],
    /// Purpose of the parameter.
    pub part: Part,
}

/// One parameter in tensors of all of them.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its values.
    pub range: Range<usize>,
    /// Its shape, as in [`Step::shape`].
    pub shape: Vec<usize>,
    /// Purpose of the parameter.
    pub part: Part,
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

/// How far the entries of a step follow those of the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// In proportion.
    Proportional,
    /// By sign alone, up to a bounded factor.
    Normalised,
    /// As a matrix with orthogonal rows or columns, whose length is its own.
    Orthogonal,
}

/// An optimiser with its settings.
pub trait Rule: Sync {
    /// How a step of a hidden weight follows its gradient: it decides what the width does to learning rates.
    fn steps(&self) -> Steps;

    /// The decay of the weights, in the gradient or apart from it; 0 for none.
    fn weight_decay(&self) -> f64;

    /// Names of the slots of state that each parameter has: at most two, each shaped like the parameter, zero at first.
    fn slots(&self) -> &'static [&'static str];

    /// Takes a step of one parameter in place. Its gradient becomes the step, or stays where a step is its gradient times the rate.
    /// A rule that does not treat every value by itself measures in its own way, too.
    fn step(&self, step: &Step<'_>, values: Values<'_>);

    /// [`Rule::step`], and the norms of the parameter before it and of the step go to `norms`, which has the gradient's. Unless the
    /// rule knows better, they are taken block by block while the values are near.
    fn step_and_measure(&self, step: &Step<'_>, values: Values<'_>, norms: &mut UpdateNorms) {
        measure_by_blocks(&|values| self.step(step, values), values, norms);
    }

    /// The largest eigenvalue of the loss's Hessian at which steps of rate `lr` on it do not grow; absent where none is known.
    fn sharpness_limit(&self, _lr: f64) -> Option<f64> {
        None
    }

    /// The direction of step `t`, from 1, of all parameters of all runs, `[run, value]`: times the learning rate it is what parameters
    /// `p` with gradients `g` lose. `slots` are laid out like them; `places` says where each parameter is.
    ///
    /// # Errors
    /// The device fails.
    fn direction(&self, t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], places: &[Place]) -> Result<Tensor>;
}

/// Values of a parameter that are updated and measured together; few enough for the nearest cache.
const BLOCK: usize = 2048;

/// Takes a step block by block, and the norms of the parameter before it and of the step.
pub fn measure_by_blocks(step: &dyn Fn(Values<'_>), mut values: Values<'_>, norms: &mut UpdateNorms) {
    let mut squares = [0.0; 2];
    for start in (0..values[0].len()).step_by(BLOCK) {
        let mut block = values.each_mut().map(|values| {
            let end = (start + BLOCK).min(values.len());
            &mut values[start.min(end)..end]
        });
        squares[0] += sum_of_squares(block[0]);
        step(block.each_mut().map(|block| &mut **block));
        squares[1] += sum_of_squares(block[1]);
    }
    [norms.weight, norms.update] = squares.map(f64::sqrt);
}

/// The gradient with an L2 penalty.
pub fn decayed(p: &Tensor, g: &Tensor, decay: f64) -> Result<Tensor> {
    if decay == 0.0 { Ok(g.clone()) } else { g + p.affine(decay, 0.0)? }
}

/// `old`·`keep` + `new`·`add`.
pub fn blend(old: &Tensor, keep: f64, new: &Tensor, add: f64) -> Result<Tensor> {
    let new = if add == 1.0 { new.clone() } else { new.affine(add, 0.0)? };
    old.affine(keep, 0.0)? + new
}
