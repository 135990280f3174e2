//! A linear layer: φ(Wx + b).

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::cpu::gemm::{Matrix, matmul};
use crate::cpu::transpose::transpose;
use crate::gpu::activated::Activated;
use crate::model::cpu::pass::{Back, Pass, Scratch, State};
use crate::model::cpu::policy::is_transposed;
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::draft::Draft;
use crate::model::error::NetworkError;
use crate::model::geometry::{flat, nonzero};
use crate::model::layer::{Layer, Op};
use crate::model::layers::activation;
use crate::model::param::Layout;
use crate::model::shape::Shape;

pub fn plan(layer: &mut Layer, out: usize, bias: bool, draft: &mut Draft) -> Result<(), NetworkError> {
    let inputs = flat(layer)?;
    nonzero(layer, "outputs", out)?;
    (layer.op, layer.output) = (Op::Linear, Shape::Flat(out));
    draft.weight_and_bias(layer, vec![out, inputs], Layout::Same, bias)
}

pub fn forward(layer: &Layer, pass: &mut Pass<'_>, scratch: &mut Scratch, state: &mut State, x: &[f32]) {
    let (rows, inputs, units) = (pass.rows, layer.input.len(), layer.output.units());
    let weight = layer.weight.expect("a linear layer has a weight");
    let z = state.pre_activation(layer);
    let x = Matrix::new(x, rows, inputs);
    if is_transposed(&pass.network.params[weight]) {
        let transposed = Matrix::new(&pass.transposed[weight], inputs, units);
        matmul(z, x, transposed, false, pass.threads);
    } else {
        // The product copies its right operand: the samples are fewer than the weights.
        let mut columns = scratch.take(rows * units);
        let weight = Matrix::new(pass.param(layer.weight), units, inputs);
        matmul(&mut columns, weight, x.t(), false, pass.threads);
        transpose(&columns[..rows * units], units, z);
        scratch.give_back(columns);
    }
    let bias = layer.bias.map(|_| pass.param(layer.bias));
    activation::apply(layer, bias, pass, scratch, state);
}

pub fn backward(
    layer: &Layer,
    pass: &mut Pass<'_>,
    scratch: &mut Scratch,
    state: &State,
    Back { x, mut gradient, gradients, wanted, .. }: Back<'_>,
) -> Buffer {
    let (rows, inputs, units) = (pass.rows, layer.input.len(), layer.output.units());
    let dz = &mut gradient[..rows * units];
    let bias = layer.bias.map(|_| &mut gradients[pass.range(layer.bias)]);
    activation::apply_backward(layer, dz, bias, pass, scratch, state);
    let (dz, x) = (Matrix::new(dz, rows, units), Matrix::new(x, rows, inputs));
    matmul(&mut gradients[pass.range(layer.weight)], dz.t(), x, false, pass.threads);
    if !wanted {
        return gradient;
    }
    let mut dx = scratch.take(rows * inputs);
    let weight = Matrix::new(pass.param(layer.weight), units, inputs);
    matmul(&mut dx, dz, weight, false, pass.threads);
    scratch.give_back(gradient);
    dx
}

pub fn forward_on_device(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    let (z, activated) = product(layer, prepared, pass, &input)?;
    Ok(Trace { input, z, activated, kept: Kept::Nothing })
}

pub fn backward_on_device(at: At<'_>, back: &mut device::Back<'_>) -> candle_core::Result<Gradient> {
    Ok(Gradient { dh: product_backward(at, &at.trace.input, back)?, dz: None })
}

/// z = Wx + b and φ(z) for rows x, `[run, row, in]` → `[run, row, out]`.
pub fn product(
    layer: &Layer,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    x: &Tensor,
) -> candle_core::Result<(Tensor, Activated)> {
    let product = x.matmul(&pass.matrices(layer.weight, x.dim(2)?)?.transpose(1, 2)?)?;
    prepared.phi.forward(&product, pass.bias(layer)?.as_ref())
}

/// Behind φ(Wx + b) with x the layer's input or its patches: keeps dW = dzᵀx and db = Σdz, returns dx = dz·W if that is wanted.
pub fn product_backward(at: At<'_>, x: &Tensor, back: &mut device::Back<'_>) -> candle_core::Result<Option<Tensor>> {
    let At { layer, prepared, trace, .. } = at;
    let dz = if layer.bias.is_some() {
        let (dz, sums) = prepared.phi.backward_sums(back.dh(), &trace.z, &trace.activated, back.pass.rows)?;
        back.keep_parts(layer.bias, sums);
        dz
    } else {
        back.dz(at)?
    };
    back.keep(layer.weight, &dz.transpose(1, 2)?.matmul(x)?)?;
    back.wanted.then(|| dz.matmul(&back.pass.matrices(layer.weight, x.dim(2)?)?)).transpose()
}
