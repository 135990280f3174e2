//! Layer-sequential unit-variance initialisation (Mishkin & Matas 2016): data-dependent rescaling of a start.

use std::ops::Range;

use thiserror::Error;

use crate::activation::{Activation, ReluForm};
use crate::config::init::{LsuvConfig, LsuvMean, LsuvTarget};
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observe;
use crate::model::{Network, ObservedLayer, Role};

/// A layer that LSUV cannot bring to unit variance.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LsuvError {
    /// Its outputs do not vary, or are not finite.
    #[error(
        "lsuv: {layer} has std {std} on {images} images, which no factor brings to 1; start from another init (zeros cannot be scaled) or leave lsuv out"
    )]
    Stuck {
        /// Name of the layer.
        layer: String,
        /// Std that was measured.
        std: f64,
        /// Images that were measured.
        images: usize,
    },
    /// The bounded number of rescalings did not suffice.
    #[error(
        "lsuv: {layer} has std {std} after {iterations} rescalings, expected 1 ± {tolerance}; raise init.lsuv.max_iterations or init.lsuv.tolerance"
    )]
    Slow {
        /// Name of the layer.
        layer: String,
        /// Std that was measured last.
        std: f64,
        /// Rescalings.
        iterations: usize,
        /// Distance from 1 that would have been close enough.
        tolerance: f64,
    },
    /// The activation is bounded, and its std with it.
    #[error(
        "lsuv: {layer} cannot get std 1 ± {tolerance}: the values of {activation} span {}, so their std is at most {largest}, \
         and that only with every unit at one of the two ends; set init.lsuv.of = \"pre_activation\"",
        2.0 * largest
    )]
    Bounded {
        /// Name of the layer.
        layer: String,
        /// Its activation.
        activation: String,
        /// Half of the span.
        largest: f64,
        /// Distance from 1 that would have been close enough.
        tolerance: f64,
    },
    /// A shift is wanted of an activation that has none.
    #[error(
        "lsuv: {layer} has the activation {activation}, which has no shift to move; set init.lsuv.of = \"pre_activation\" or init.lsuv.mean = \"keep\""
    )]
    NoShift {
        /// Name of the layer.
        layer: String,
        /// Name of its activation.
        activation: &'static str,
    },
}

/// When a layer is done, and when it is given up.
pub struct Goal<'a> {
    /// Its name.
    pub layer: &'a str,
    /// Images that are measured.
    pub images: usize,
    /// How far from 1 its std may be.
    pub tolerance: f64,
    /// Rescalings at most.
    pub max_iterations: usize,
}

/// Divides the weight of a layer of `model` by its outputs' std until that is 1; returns their mean. `measure` gives mean and std.
///
/// # Errors
/// The std is none, or does not come to 1.
pub fn to_unit_std<M>(
    model: &mut M,
    goal: &Goal<'_>,
    measure: impl Fn(&mut M) -> (f64, f64),
    divide: impl Fn(&mut M, f64),
) -> Result<f64, LsuvError> {
    let &Goal { layer, images, tolerance, max_iterations } = goal;
    let layer = || layer.to_string();
    let mut iterations = 0;
    loop {
        let (mean, std) = measure(model);
        if (std - 1.0).abs() <= tolerance {
            return Ok(mean);
        }
        if !std.is_finite() || !mean.is_finite() || std < 1e-30 {
            return Err(LsuvError::Stuck { layer: layer(), std, images });
        }
        if iterations == max_iterations {
            return Err(LsuvError::Slow { layer: layer(), std, iterations, tolerance });
        }
        iterations += 1;
        divide(model, std);
    }
}

/// Rescales every weight layer in execution order until its output has unit variance on the given samples, then moves
/// its mean to 0: weight first, mean second, so that the second does not undo the first.
///
/// # Errors
/// Names the layer that cannot be brought to unit variance.
pub fn lsuv(
    model: &mut CpuModel,
    config: &LsuvConfig,
    rows: usize,
    fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Result<(), LsuvError> {
    let network = model.network().clone();
    let labels = vec![0; rows];
    let observe = Observe { statistics: true, ..Observe::default() };
    // The loss is not looked at: any will do.
    let measure = |model: &mut CpuModel, observation: usize| {
        let seen = model.forward_training(rows, &fill, Targets::Labels(&labels), Loss::Mse, &observe);
        let sums = match config.of {
            LsuvTarget::Activation => seen.observations[observation].activation,
            LsuvTarget::PreActivation => seen.observations[observation].pre_activation,
        };
        (sums.mean(), sums.std())
    };
    for (observation, observed) in network.observed.iter().enumerate() {
        let Some(weight) = observed.weight.filter(|&i| network.params[i].role == Role::Weight) else { continue };
        // Before rescaling, which a bounded activation without a shift would make fail for a less telling reason.
        let movement = movement(&network, config, observed, weight)?;
        let largest = match config.of {
            LsuvTarget::Activation => observed.activation.largest_std(),
            LsuvTarget::PreActivation => f64::INFINITY,
        };
        let bounded = || {
            let (activation, tolerance) = (observed.activation.to_string(), config.tolerance);
            LsuvError::Bounded { layer: observed.name.clone(), activation, largest, tolerance }
        };
        if largest <= 1.0 - config.tolerance {
            return Err(bounded());
        }
        let LsuvConfig { tolerance, max_iterations, .. } = *config;
        let goal = Goal { layer: &observed.name, images: rows, tolerance, max_iterations };
        let divide = |model: &mut CpuModel, std: f64| {
            let range = network.params[weight].range();
            model.flat_params_mut()[range].iter_mut().for_each(|w| *w = (f64::from(*w) / std) as f32);
        };
        let measure = |model: &mut CpuModel| measure(model, observation);
        let mean = to_unit_std(model, &goal, measure, divide).map_err(|error| match error {
            // A std that is 1 only at the ends (tanh) is not met by more of the same.
            LsuvError::Slow { .. } if largest <= 1.0 => bounded(),
            error @ (LsuvError::Stuck { .. }
            | LsuvError::Slow { .. }
            | LsuvError::Bounded { .. }
            | LsuvError::NoShift { .. }) => error,
        })?;
        movement.carry_out(model, mean, max_iterations, measure);
    }
    Ok(())
}

/// Parameter that moves a layer's mean to 0, if any.
enum Movement<'a> {
    /// Nothing does.
    Keep,
    /// The bias in this range of the parameters.
    Bias(Range<usize>),
    /// The shift of the layer's activation.
    Shift(&'a str, ReluForm),
}

/// How the mean of `observed`, whose weight is parameter `weight`, is moved.
fn movement<'a>(
    network: &Network,
    config: &LsuvConfig,
    observed: &'a ObservedLayer,
    weight: usize,
) -> Result<Movement<'a>, LsuvError> {
    let form = observed.activation.relu_form();
    match config.mean {
        LsuvMean::Keep => Ok(Movement::Keep),
        // An output layer has no shift, but its bias does the same.
        LsuvMean::Shift if observed.activation != Activation::Identity => {
            let refused =
                || LsuvError::NoShift { layer: observed.name.clone(), activation: observed.activation.name() };
            form.map(|form| Movement::Shift(&observed.name, form)).ok_or_else(refused)
        }
        LsuvMean::Bias | LsuvMean::Shift => {
            let bias = network.params.get(weight + 1).filter(|param| param.role == Role::Bias);
            Ok(bias.map_or(Movement::Keep, |bias| Movement::Bias(bias.range())))
        }
    }
}

impl Movement<'_> {
    /// Takes `mean` off, and what a ceiling then leaves of it.
    fn carry_out(
        self,
        model: &mut CpuModel,
        mut mean: f64,
        most: usize,
        measure: impl Fn(&mut CpuModel) -> (f64, f64),
    ) {
        match self {
            Self::Keep => {}
            Self::Bias(range) => model.flat_params_mut()[range].iter_mut().for_each(|b| *b -= mean as f32),
            Self::Shift(layer, ReluForm { leak, mut shift, max }) => {
                let max = max.is_finite().then_some(max);
                // Without a ceiling the first move is exact; with one a few more get there.
                for _ in 0..most {
                    shift += mean;
                    model.set_activation(layer, Activation::GeneralRelu { leak, shift, max });
                    if max.is_none() {
                        break;
                    }
                    (mean, _) = measure(model);
                    if mean.abs() < 1e-7 {
                        break;
                    }
                }
            }
        }
    }
}
