//! A convolution (cross-correlation, as everywhere in the field) with its activation.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::conv::{ConvPlan, ConvShape};
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::geometry::{nonzero, windows};
use crate::model::layer::{Layer, Op};
use crate::model::layers::activation;
use crate::model::layers::linear;
use crate::model::param::Layout;
use crate::model::shape::Shape;

/// The windows are `(kernel, stride, padding)`.
pub fn plan(
    layer: &mut Layer,
    out: usize,
    (kernel, stride, padding): ([usize; 2], usize, usize),
    bias: bool,
    draft: &mut Draft,
) -> Result<(), NetworkError> {
    nonzero(layer, "output channels", out)?;
    let shape = windows(layer, out, kernel, stride, padding)?;
    let [height, width] = shape.output;
    layer.output = Shape::Image { channels: out, height, width };
    layer.op = Op::Conv2d(shape);
    let channels = shape.in_channels;
    let dims = vec![out, channels, kernel[0], kernel[1]];
    let layout = Layout::ChannelsLast { channels, pixels: kernel[0] * kernel[1] };
    draft.weight_and_bias(layer, dims, layout, bias)
}

/// Values of an image between its zeros, as far as windows reach.
pub fn padded(shape: &ConvShape) -> u64 {
    let side = |axis: usize| {
        (shape.output[axis] as u64 - 1).saturating_mul(shape.stride as u64).saturating_add(shape.kernel[axis] as u64)
    };
    side(0).saturating_mul(side(1)).saturating_mul(shape.in_channels as u64)
}

/// Values of the padded outputs that the backward pass needs at once.
pub fn spread(shape: &ConvShape) -> u64 {
    let side = |axis: usize| {
        let lead = shape.kernel[axis].div_ceil(shape.stride) as u64 - 1;
        lead.saturating_add(shape.output[axis] as u64).saturating_add(shape.padding as u64 / shape.stride as u64)
    };
    side(0).saturating_mul(side(1)).saturating_mul(shape.out_channels as u64)
}

pub fn forward(
    layer: &Layer,
    shape: &ConvShape,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &mut State,
    x: &[f32],
) {
    let State { out, z, plan, padded, .. } = state;
    let plan = &*plan.get_or_insert_with(|| ConvPlan::new(shape));
    let image = plan.padded_len();
    // What is new is zero, and the zeros around the images stay.
    if padded.len() < pass.rows * image {
        padded.resize(pass.rows * image);
    }
    let padded = &mut padded[..pass.rows * image];
    plan.pad(x, padded);
    let transposed = &pass.transposed[layer.weight.expect("a convolution has a weight")];
    let z = if layer.activation.slope_from_output() { out } else { z };
    in_parts(z, layer.output.len(), pass.threads, |first, z| {
        plan.forward(&padded[first * image..], transposed, z);
    });
    let bias = layer.bias.map(|_| pass.param(layer.bias));
    activation::apply(layer, bias, pass, scratch, state);
}

pub fn backward(
    layer: &Layer,
    shape: &ConvShape,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    Back { mut gradient, gradients, wanted, .. }: Back<'_>,
) -> Buffer {
    let (rows, out_len, in_len) = (pass.rows, layer.output.len(), pass.rows * layer.input.len());
    let plan = state.plan.as_ref().expect("the forward pass has worked out the places");
    let dz = &mut gradient[..rows * out_len];
    let bias = layer.bias.map(|_| &mut gradients[pass.range(layer.bias)]);
    activation::apply_backward(layer, dz, bias, pass, scratch, state);
    let padded = &state.padded[..rows * plan.padded_len()];
    in_parts(&mut gradients[pass.range(layer.weight)], shape.patch(), pass.threads, |first, dw| {
        plan.weight_gradient(padded, dz, first, dw);
    });
    if !wanted {
        return gradient;
    }
    let mut dx = scratch.take(in_len);
    let weight = pass.param(layer.weight);
    if pass.threads == 1 {
        plan.input_gradient(dz, weight, &mut scratch.spread, &mut dx[..in_len]);
    } else {
        in_parts(&mut dx[..in_len], layer.input.len(), pass.threads, |first, dx| {
            plan.input_gradient(&dz[first * out_len..], weight, &mut Buffer::default(), dx);
        });
    }
    scratch.give_back(gradient);
    dx
}

/// Calls `work` for parts of `out`, whole numbers of `unit` values, side by side on the threads; it gets the number of units
/// before its part. Each unit must be worked out alone, so that the number of parts changes nothing.
fn in_parts(out: &mut [f32], unit: usize, threads: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if threads == 1 {
        return work(0, out);
    }
    let units = (out.len() / unit).div_ceil(threads).max(1);
    rayon::scope(|scope| {
        for (i, part) in out.chunks_mut(units * unit).enumerate() {
            let work = &work;
            scope.spawn(move |_| work(i * units, part));
        }
    });
}

/// On its device's own kernels where it has some, else as a product with patches.
pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    if let Some(convolution) = &prepared.convolution {
        let (weights, bias) = (pass.values(layer.weight)?, pass.bias(layer)?);
        let (z, activated) = convolution.forward(&input, &weights, bias.as_ref(), &prepared.phi)?;
        return Ok(Trace { input, z, activated, kept: Kept::Nothing });
    }
    let patches = prepared.windows().patches(&input)?;
    let (z, activated) = linear::product(layer, prepared, pass, &patches)?;
    Ok(Trace { input, z, activated, kept: Kept::Patches(patches) })
}

/// Behind another convolution that has kernels of its own they go through its activation too.
pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    let At { layer, prepared, trace, .. } = at;
    if let Kept::Patches(patches) = &trace.kept {
        let dx = linear::product_backward(at, patches, back)?;
        let dh = dx.map(|dx| prepared.windows().patches_backward(&dx)).transpose()?;
        return Ok(Gradient { dh, dz: None });
    }
    let convolution = prepared.convolution.as_ref().expect("without patches it has kernels of its own");
    let dz = back.gradient.dz.clone().map_or_else(|| back.dz(at), Ok)?;
    let (weights, bias) = convolution.gradient(&trace.input, &dz, layer.bias.is_some())?;
    back.keep_parts(layer.weight, weights);
    if let Some(bias) = bias {
        back.keep_parts(layer.bias, bias);
    }
    if !back.wanted {
        return Ok(Gradient::default());
    }
    let weights = back.pass.values(layer.weight)?;
    let Some(before) = back.before.filter(|before| before.prepared.convolution.is_some()) else {
        return Ok(Gradient::of_output(convolution.backward(&dz, &weights)?));
    };
    let (phi, trace) = (&before.prepared.phi, before.trace);
    let (dh, dz) = convolution.backward_through(&dz, &weights, phi, [&trace.z, trace.out()], before.observed)?;
    Ok(Gradient { dh, dz: Some(dz) })
}
