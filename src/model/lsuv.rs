//! Layer-sequential unit-variance initialisation (Mishkin & Matas 2016): data-dependent rescaling of a start.

use std::ops::Range;

use thiserror::Error;

use crate::activation::{Activation, ReluForm};
use crate::config::init::{LsuvConfig, LsuvMean, LsuvTarget};
use crate::cpu::moments::Sums;
use crate::model::Role;
use crate::model::cpu::CpuModel;
use crate::model::objective::{Loss, Targets};
use crate::model::observe::Observe;

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
        /// What was measured.
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
        /// What was measured last.
        std: f64,
        /// Rescalings.
        iterations: usize,
        /// What would have been close enough.
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
        /// What would have been close enough.
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
        mean_and_std(&sums)
    };
    for (observation, observed) in network.observed.iter().enumerate() {
        let Some(weight) = observed.weight.filter(|&i| network.params[i].role == Role::Weight) else { continue };
        let layer = || observed.name.clone();
        // An output layer has no shift, but its bias does the same.
        let by_bias = config.mean == LsuvMean::Bias || observed.activation == Activation::Identity;
        let form = observed.activation.relu_form();
        // Before rescaling, which a bounded activation without a shift would make fail for a less telling reason.
        if config.mean == LsuvMean::Shift && !by_bias && form.is_none() {
            return Err(LsuvError::NoShift { layer: layer(), activation: observed.activation.name() });
        }
        let largest = match config.of {
            LsuvTarget::Activation => observed.activation.largest_std(),
            LsuvTarget::PreActivation => f64::INFINITY,
        };
        let bounded = || {
            let (activation, tolerance) = (observed.activation.to_string(), config.tolerance);
            LsuvError::Bounded { layer: layer(), activation, largest, tolerance }
        };
        if largest <= 1.0 - config.tolerance {
            return Err(bounded());
        }
        let mut iterations = 0;
        let mut mean = loop {
            let (mean, std) = measure(model, observation);
            if (std - 1.0).abs() <= config.tolerance {
                break mean;
            }
            if !std.is_finite() || !mean.is_finite() || std < 1e-30 {
                return Err(LsuvError::Stuck { layer: layer(), std, images: rows });
            }
            // A std that is 1 only at the ends (tanh) is not met by more of the same.
            if iterations == config.max_iterations && largest <= 1.0 {
                return Err(bounded());
            }
            if iterations == config.max_iterations {
                return Err(LsuvError::Slow { layer: layer(), std, iterations, tolerance: config.tolerance });
            }
            iterations += 1;
            let range = network.params[weight].range();
            model.flat_params_mut()[range].iter_mut().for_each(|w| *w = (f64::from(*w) / std) as f32);
        };
        let has_bias = network.params.get(weight + 1).is_some_and(|param| param.role == Role::Bias);
        match config.mean {
            LsuvMean::Keep => {}
            _ if by_bias => {
                if has_bias {
                    let range = network.params[weight + 1].range();
                    model.flat_params_mut()[range].iter_mut().for_each(|b| *b -= mean as f32);
                }
            }
            _ => {
                let ReluForm { leak, shift, max } = form.expect("was looked at before");
                let max = max.is_finite().then_some(max);
                let mut shift = shift;
                // Without a ceiling the first move is exact; with one a few more get there.
                for _ in 0..config.max_iterations {
                    shift += mean;
                    model.set_activation(&observed.name, Activation::GeneralRelu { leak, shift, max });
                    if max.is_none() {
                        break;
                    }
                    (mean, _) = measure(model, observation);
                    if mean.abs() < 1e-7 {
                        break;
                    }
                }
            }
        }
    }
    Ok(())
}

fn mean_and_std(sums: &Sums) -> (f64, f64) {
    (sums.sum / sums.n as f64, sums.variance().sqrt())
}
