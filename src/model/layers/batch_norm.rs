//! Batch normalisation of each channel (Ioffe & Szegedy 2015).

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::gpu::norm::moments;
use crate::gpu::reduce::by_pixel;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::model::layers::activation;
use crate::model::layers::norm;
use crate::model::param::Layout;

pub fn plan(layer: &mut Layer, eps: f64, momentum: f64, draft: &mut Draft) -> Result<(), NetworkError> {
    let (start, units) = (draft.running.last().map_or(0, |(_, range)| range.end), layer.input.units());
    draft.running.push((format!("{}.running_mean", layer.key), start..start + units));
    draft.running.push((format!("{}.running_var", layer.key), start + units..start + 2 * units));
    layer.op = Op::BatchNorm { eps, momentum, running: start };
    draft.norm_params(layer, vec![units], Layout::Same)
}

/// Takes the batch's moments in training, the running estimates elsewhere.
pub fn forward(layer: &Layer, pass: &mut Pass<'_>, scratch: &mut Scratch, state: &mut State, x: &[f32]) {
    let Op::BatchNorm { eps, running, .. } = layer.op else { unreachable!("this is a batch norm") };
    let units = layer.output.units();
    if pass.training {
        state.moments.measure(x, units, eps);
    } else {
        let (mean, variance) = pass.running[running..running + 2 * units].split_at(units);
        state.moments.assume(mean, variance, eps);
    }
    let (weight, bias) = (pass.param(layer.weight), pass.param(layer.bias));
    state.moments.forward(x, weight, bias, &mut state.out, &mut scratch.lines);
    activation::apply(layer, None, pass, scratch, state);
}

pub fn backward(
    layer: &Layer,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    Back { x, mut gradient, gradients, .. }: Back<'_>,
) -> Buffer {
    let dy = &mut gradient[..pass.rows * layer.output.len()];
    pass.observe_gradient(layer, dy);
    let (weight, [dw, db]) = (pass.param(layer.weight), pass.norm_gradients(layer, gradients));
    state.moments.backward(x, weight, dy, dw, db, &mut scratch.lines);
    gradient
}

/// Moves the running estimates of a batch norm after a training step on `rows` samples (unbiased variance, as PyTorch does).
pub fn follow(layer: &Layer, State { moments, .. }: &State, rows: usize, running: &mut [f32]) {
    let Op::BatchNorm { running: start, momentum, .. } = layer.op else { return };
    let n = rows * layer.output.pixels();
    let unbiased = n as f64 / (n.max(2) - 1) as f64;
    let units = moments.mean.len();
    let (means, variances) = running[start..start + 2 * units].split_at_mut(units);
    let blend = |old: &mut f32, new: f64| *old = ((1.0 - momentum) * f64::from(*old) + momentum * new) as f32;
    means.iter_mut().zip(&moments.mean).for_each(|(old, &new)| blend(old, new));
    variances.iter_mut().zip(&moments.variance).for_each(|(old, &new)| blend(old, new * unbiased));
}

/// The dimensions of `[run, row, pixel, unit]` over which the moments are taken, the innermost first.
const DIMS: &[usize] = &[2, 1];

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let Op::BatchNorm { eps, running, .. } = layer.op else { unreachable!("this is a batch norm") };
    let moments = if pass.training {
        moments(&by_pixel(&input, pass.rows)?, DIMS)?
    } else {
        let (estimates, units) = (pass.running.expect("batch norm has estimates"), layer.output.units());
        let of = |start: usize| estimates.narrow(1, start, units)?.reshape((pass.runs()?, 1, 1, units));
        [of(running)?, of(running + units)?]
    };
    norm::forward_on_device(layer, prepared, pass, input, moments, eps)
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    norm::backward_on_device(at, back, DIMS, DIMS)
}

/// Moments of a batch, by which running estimates move.
pub struct Estimates {
    /// Where they start among the network's.
    pub start: usize,
    /// Share of the batch.
    pub momentum: f64,
    /// The batch's means and variances, `[run, 2·unit]`.
    pub new: Tensor,
}

/// Running estimates of a batch norm after a training step on `rows` rows (unbiased variance, as PyTorch does); `None` of any other layer.
pub fn estimates_on_device(layer: &Layer, trace: &Trace, rows: usize) -> candle_core::Result<Option<Estimates>> {
    let (Op::BatchNorm { momentum, running: start, .. }, Kept::Normal { moments: [mean, variance], .. }) =
        (&layer.op, &trace.kept)
    else {
        return Ok(None);
    };
    let n = (rows * layer.input.pixels()) as f64;
    let variance = variance.affine(n / (n.max(2.0) - 1.0), 0.0)?;
    let new = Tensor::cat(&[mean.flatten_from(1)?, variance.flatten_from(1)?], 1)?;
    Ok(Some(Estimates { start: *start, momentum: *momentum, new }))
}
