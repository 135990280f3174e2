//! Every gradient against two other ways of finding it: central differences, and candle's own autograd.
//!
//! Both run in `f64`, where a step of 1e-5 gives central differences eight or more right digits. Differences mean
//! nothing across a kink, so no kink comes near: inputs are odd multiples of 1/16, weights multiples of 1/8, biases odd
//! multiples of 1/256. Then an input is never nearer than 1/16 to a multiple of 1/8, and the z of a linear or
//! convolution layer on inputs, a multiple of 1/128 plus the bias, never nearer than 1/256 to a multiple of 1/128: the
//! kinks of the activations below are all such multiples. Values of one channel of a sample are all different, so that
//! a window has one maximum. Layers with kinks and max pools therefore stand first, or after one linear or convolution
//! layer (kinks) or a strictly increasing activation (max pools); what stands later is smooth.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use initlab::activation::Activation;
use initlab::model::Role;
use initlab::model::device::DeviceModel;
use initlab::model::draws::Draws;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::{Activations, LayerSpec, Network, Shape};
use initlab::rng;

/// Samples in a batch.
const ROWS: usize = 3;
/// Half the distance of a central difference.
const STEP: f64 = 1e-5;

/// The loss and the targets that outputs are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    CrossEntropy,
    MseOneHot,
    MseValue,
}

impl Goal {
    fn loss(self) -> Loss {
        if self == Self::CrossEntropy { Loss::CrossEntropy } else { Loss::Mse }
    }

    fn targets(self) -> Targets<'static> {
        match self {
            Self::MseValue => Targets::Values(&[0.25, -1.5, 2.0]),
            _ => Targets::Labels(&[1, 0, 2]),
        }
    }
}

use Goal::{CrossEntropy, MseOneHot, MseValue};

fn linear(out: usize) -> LayerSpec {
    LayerSpec::Linear { out, bias: true }
}

fn conv(out: usize, kernel: [usize; 2], stride: usize, padding: usize) -> LayerSpec {
    LayerSpec::Conv2d { out, kernel, stride, padding, bias: true }
}

fn conv_no_bias(out: usize, kernel: [usize; 2], stride: usize, padding: usize) -> LayerSpec {
    LayerSpec::Conv2d { out, kernel, stride, padding, bias: false }
}

fn max_pool(kernel: usize, stride: usize, padding: usize) -> LayerSpec {
    LayerSpec::MaxPool { kernel, stride, padding }
}

fn avg_pool(kernel: usize, stride: usize) -> LayerSpec {
    LayerSpec::AvgPool { kernel, stride }
}

fn batch_norm() -> LayerSpec {
    LayerSpec::BatchNorm { eps: 1e-3, momentum: 0.1 }
}

fn layer_norm() -> LayerSpec {
    LayerSpec::LayerNorm { eps: 1e-3 }
}

fn residual<const N: usize>(body: [LayerSpec; N]) -> LayerSpec {
    LayerSpec::Residual(body.into())
}

fn act(activation: Activation) -> LayerSpec {
    LayerSpec::Activation(activation)
}

const SCALE: LayerSpec = LayerSpec::Scale { start: 1.0, lr_scale: 1.0 };
const SHIFT: LayerSpec = LayerSpec::Shift { lr_scale: 1.0 };
const DROPOUT: LayerSpec = LayerSpec::Dropout { p: 0.4 };
const FLATTEN: LayerSpec = LayerSpec::Flatten;
const TANH: LayerSpec = LayerSpec::Activation(Activation::Tanh);
const RELU: LayerSpec = LayerSpec::Activation(Activation::Relu);

const VECTOR: Shape = Shape::Flat(5);
const IMAGE: Shape = Shape::Image { channels: 2, height: 5, width: 7 };
const TALL: Shape = Shape::Image { channels: 2, height: 8, width: 3 };
const SQUARE: Shape = Shape::Image { channels: 1, height: 6, width: 6 };

/// Every activation by name, and those with parameters that change their form; kinks at multiples of 1/8.
fn activations() -> Vec<Activation> {
    let mut all: Vec<_> = Activation::NAMES.iter().map(|name| Activation::from_name(name).unwrap()).collect();
    all.push(Activation::LeakyRelu { leak: 0.25 });
    all.push(Activation::LeakyRelu { leak: -0.5 });
    all.push(Activation::GeneralRelu { leak: 0.1, shift: 0.4, max: None });
    all.push(Activation::GeneralRelu { leak: 0.2, shift: 0.25, max: Some(1.0) });
    all.push(Activation::GeneralRelu { leak: 0.0, shift: 0.0, max: Some(1.5) });
    all.push(Activation::ShiftedRelu { shift: 0.75 });
    all.push(Activation::Elu { alpha: 0.5 });
    all
}

/// The nets: input, layers, loss.
fn cases() -> Vec<(Shape, Vec<LayerSpec>, Goal)> {
    let mut cases = vec![
        // Losses, and linear layers.
        (VECTOR, vec![linear(3)], CrossEntropy),
        (VECTOR, vec![linear(3)], MseOneHot),
        (VECTOR, vec![linear(1)], MseValue),
        (VECTOR, vec![LayerSpec::Linear { out: 4, bias: false }], CrossEntropy),
        (VECTOR, vec![linear(6), TANH, linear(4), TANH, linear(3)], CrossEntropy),
        (VECTOR, vec![linear(6), RELU, linear(1)], MseValue),
        // Convolutions.
        (IMAGE, vec![conv(3, [1, 1], 1, 0), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [1, 1], 2, 0), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [3, 3], 2, 1), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(2, [5, 5], 2, 2), FLATTEN, linear(3)], MseOneHot),
        (TALL, vec![conv(2, [3, 2], 1, 0), FLATTEN, linear(3)], CrossEntropy),
        (TALL, vec![conv(2, [2, 3], 3, 1), FLATTEN, linear(3)], CrossEntropy),
        (SQUARE, vec![conv(2, [1, 4], 2, 0), FLATTEN, linear(3)], CrossEntropy),
        (SQUARE, vec![conv_no_bias(4, [6, 6], 1, 0), FLATTEN], CrossEntropy),
        (SQUARE, vec![conv(2, [1, 1], 1, 2), TANH, FLATTEN, linear(3)], CrossEntropy),
        (SQUARE, vec![conv(2, [3, 3], 4, 5), TANH, FLATTEN, linear(3)], CrossEntropy),
        (TALL, vec![conv(2, [2, 3], 5, 4), TANH, FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [3, 3], 2, 1), RELU, conv(4, [3, 3], 2, 1), TANH, FLATTEN, linear(3)], CrossEntropy),
        // Pools, and the ways from an image to a vector.
        (SQUARE, vec![max_pool(2, 2, 0), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![max_pool(3, 2, 1), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![max_pool(3, 1, 0), FLATTEN, linear(3)], CrossEntropy),
        (TALL, vec![max_pool(2, 3, 1), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![TANH, max_pool(3, 2, 1), conv(3, [2, 2], 1, 0), TANH, FLATTEN], MseOneHot),
        (SQUARE, vec![avg_pool(2, 2), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![avg_pool(3, 2), FLATTEN, linear(3)], CrossEntropy),
        (TALL, vec![avg_pool(2, 1), TANH, FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [3, 3], 1, 1), TANH, LayerSpec::GlobalAvgPool { flatten: true }], CrossEntropy),
        (IMAGE, vec![LayerSpec::GlobalAvgPool { flatten: false }, conv(3, [1, 1], 1, 0), FLATTEN], CrossEntropy),
        (IMAGE, vec![FLATTEN, linear(3)], CrossEntropy),
        (VECTOR, vec![FLATTEN, linear(3)], CrossEntropy),
        // Normalisations.
        (VECTOR, vec![batch_norm(), linear(3)], CrossEntropy),
        (IMAGE, vec![batch_norm(), TANH, FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv_no_bias(3, [3, 3], 2, 1), batch_norm(), TANH, FLATTEN, linear(3)], CrossEntropy),
        (VECTOR, vec![layer_norm(), linear(3)], CrossEntropy),
        (IMAGE, vec![layer_norm(), TANH, FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [3, 3], 2, 1), RELU, layer_norm(), FLATTEN, linear(3)], MseOneHot),
        // Dropout with the mask of one step.
        (VECTOR, vec![DROPOUT, linear(3)], CrossEntropy),
        (VECTOR, vec![linear(9), TANH, DROPOUT, linear(3)], CrossEntropy),
        (IMAGE, vec![conv(3, [3, 3], 2, 1), RELU, DROPOUT, FLATTEN, linear(3)], MseOneHot),
        (VECTOR, vec![linear(5), TANH, residual([DROPOUT, linear(5)]), linear(3)], CrossEntropy),
        // Blocks and single numbers.
        (VECTOR, vec![SCALE, linear(3)], CrossEntropy),
        (VECTOR, vec![SHIFT, TANH, linear(3)], CrossEntropy),
        (VECTOR, vec![residual([]), linear(3)], CrossEntropy),
        (VECTOR, vec![residual([FLATTEN]), linear(3)], CrossEntropy),
        (VECTOR, vec![residual([RELU, linear(5), TANH, SCALE]), SHIFT, linear(3)], CrossEntropy),
        (VECTOR, vec![residual([linear(5), TANH, residual([linear(5), TANH]), SCALE]), linear(3)], CrossEntropy),
        (IMAGE, vec![residual([conv(2, [3, 3], 1, 1), RELU, batch_norm(), SCALE]), FLATTEN, linear(3)], CrossEntropy),
        (IMAGE, vec![residual([residual([layer_norm(), TANH]), SHIFT]), FLATTEN, linear(3)], CrossEntropy),
    ];
    for activation in activations() {
        // On its own, where it stands first, and as part of a layer of either kind.
        cases.push((VECTOR, vec![act(activation), linear(3)], CrossEntropy));
        cases.push((VECTOR, vec![linear(4), act(activation), linear(3)], CrossEntropy));
        cases.push((SQUARE, vec![conv(2, [3, 3], 2, 1), act(activation), FLATTEN, linear(3)], CrossEntropy));
    }
    cases
}

fn shaped(values: &[f64], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
}

fn values(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// Samples `[ROWS, …]`: in each channel (or vector) different odd multiples of 1/16 between −3 and 3.
fn samples(input: Shape) -> Tensor {
    let mut stream = rng::rng(1, "samples");
    let vector = matches!(input, Shape::Flat(_));
    let apart = if vector { input.len() } else { input.pixels() };
    assert!(apart <= 48, "there are 48 odd multiples of 1/16 in this interval");
    let values: Vec<f64> = (0..ROWS * input.len() / apart)
        .flat_map(|_| rng::permutation(&mut stream, 48).into_iter().take(apart))
        .map(|i| (2.0 * f64::from(i) - 47.0) / 16.0)
        .collect();
    shaped(&values, &[vec![ROWS], input.dims()].concat())
}

/// Parameters on the lattice that the head of this file describes.
fn parameters(network: &Network) -> Vec<Tensor> {
    let draw = |param: &initlab::model::Param| {
        let mut stream = rng::rng(2, &param.name);
        let mut eighths = |span: u32| f64::from(rng::below(&mut stream, 2 * span + 1)) / 8.0 - f64::from(span) / 8.0;
        let values: Vec<f64> = (0..param.len())
            .map(|_| match param.role {
                Role::Weight => eighths(3),
                Role::Bias | Role::NormBias => eighths(3) + 1.0 / 256.0,
                Role::NormWeight | Role::Scalar(_) => eighths(3) + 1.0 + 1.0 / 256.0,
            })
            .collect();
        shaped(&values, &param.shape)
    };
    network.params.iter().map(draw).collect()
}

fn model(network: &Arc<Network>, params: &[Tensor]) -> DeviceModel {
    let mut model = DeviceModel::new(Arc::clone(network), Device::Cpu, DType::F64).unwrap();
    model.set_draws(vec![Draws { seed: 4, step: 2 }]);
    params.iter().enumerate().for_each(|(i, param)| model.set_param(0, i, param).unwrap());
    model
}

fn cohort_of_one(samples: &Tensor) -> Tensor {
    samples.unsqueeze(0).unwrap()
}

/// The mean loss and its gradients by the code under test: of the samples, then of each parameter.
fn by_hand(network: &Arc<Network>, params: &[Tensor], samples: &Tensor, goal: Goal) -> (f64, Vec<Tensor>) {
    let mut model = model(network, params);
    let (step, _, input) = model.trace(&cohort_of_one(samples), goal.targets(), goal.loss()).unwrap();
    let gradients = (0..params.len()).map(|i| model.gradient(0, i).unwrap());
    (step.observed[0].loss.loss / ROWS as f64, [input.get(0).unwrap()].into_iter().chain(gradients).collect())
}

/// Computes the gradients of [`by_hand`] by central differences of the loss.
fn by_differences(network: &Arc<Network>, params: &[Tensor], samples: &Tensor, goal: Goal) -> Vec<Tensor> {
    let mut model = model(network, params);
    let observe = Observe::default();
    let mut all = Vec::new();
    for place in 0..=params.len() {
        let start = if place == 0 { samples } else { &params[place - 1] };
        let point = values(start);
        let mut slopes = Vec::new();
        for i in 0..point.len() {
            let mut loss_at = |step: f64| {
                let mut moved = point.clone();
                moved[i] += step;
                let moved = shaped(&moved, start.dims());
                let seen = if place == 0 {
                    model.evaluate(&cohort_of_one(&moved), goal.targets(), goal.loss(), &observe, true)
                } else {
                    model.set_param(0, place - 1, &moved).unwrap();
                    model.evaluate(&cohort_of_one(samples), goal.targets(), goal.loss(), &observe, true)
                };
                seen.unwrap()[0].loss.loss / ROWS as f64
            };
            slopes.push((loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP));
        }
        if place > 0 {
            model.set_param(0, place - 1, start).unwrap();
        }
        all.push(shaped(&slopes, start.dims()));
    }
    all
}

/// Compares gradients, each relative to the largest of its tensor, which must not vanish.
fn assert_close(about: &str, network: &Network, got: &[Tensor], want: &[Tensor], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{about}: number of gradients");
    for (place, (got, want)) in got.iter().zip(want).enumerate() {
        let name = if place == 0 { "samples" } else { &network.params[place - 1].name };
        assert_eq!(got.dims(), want.dims(), "{about}: shape of the gradient of {name}");
        let (got, want) = (values(got), values(want));
        let largest = want.iter().fold(0f64, |m, x| m.max(x.abs()));
        assert!(largest > 1e-4, "{about}: the gradient of {name} is at most {largest:e}, which checks nothing");
        for (i, (g, w)) in got.iter().zip(&want).enumerate() {
            assert!(
                (g - w).abs() <= tolerance * largest.max(1e-2),
                "{about}: the gradient of {name}[{i}] is {g}, expected {w} (largest {largest})"
            );
        }
    }
}

/// Checks the gradients of a net, with its activations apart and as part of their layers.
fn check_differences(input: Shape, specs: &[LayerSpec], goal: Goal) {
    let samples = samples(input);
    let apart = Arc::new(Network::build(input, specs, Activations::Apart).unwrap());
    let params = parameters(&apart);
    let want = by_differences(&apart, &params, &samples, goal);
    for fuse in [Activations::Apart, Activations::Fused] {
        let network = Arc::new(Network::build(input, specs, fuse).unwrap());
        let (_, got) = by_hand(&network, &params, &samples, goal);
        let about = format!("{specs:?} on {input} with {goal:?}, {fuse:?}");
        assert_close(&about, &network, &got, &want, 1e-7);
    }
}

#[test]
fn every_gradient_is_the_slope_of_the_loss() {
    for (input, specs, goal) in cases() {
        check_differences(input, &specs, goal);
    }
}

#[test]
fn every_gradient_is_that_of_candle_where_candle_is_right() {
    let mut checked = 0;
    for (input, specs, goal) in cases().into_iter().filter(|(_, specs, _)| specs.iter().all(candle_is_right)) {
        let samples = samples(input);
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        let params = parameters(&network);
        let (loss, got) = by_hand(&network, &params, &samples, goal);
        let (want_loss, want) = by_autograd(&specs, &params, &samples, goal).unwrap();
        let about = format!("{specs:?} on {input} with {goal:?} through candle");
        assert!((loss - want_loss).abs() < 1e-12 * want_loss.abs().max(1.0), "{about}: loss {loss}, {want_loss}");
        assert_close(&about, &network, &got, &want, 1e-11);
        checked += 1;
    }
    assert!(checked >= 30, "only {checked} nets were compared with candle");
}

/// True if candle has the layer with a right backward pass: its pools and strided convolutions do not.
fn candle_is_right(spec: &LayerSpec) -> bool {
    match spec {
        LayerSpec::Conv2d { kernel, stride, .. } => *stride == 1 && kernel[0] == kernel[1],
        // Its masks are others.
        LayerSpec::Dropout { .. } => false,
        LayerSpec::MaxPool { .. } | LayerSpec::AvgPool { .. } => false,
        LayerSpec::Residual(body) => body.iter().all(candle_is_right),
        LayerSpec::Activation(Activation::GeneralRelu { max, .. }) => max.is_none(),
        _ => true,
    }
}

/// Loss and gradients, as [`by_hand`] gives them, from candle's graph.
fn by_autograd(
    specs: &[LayerSpec],
    params: &[Tensor],
    samples: &Tensor,
    goal: Goal,
) -> candle_core::Result<(f64, Vec<Tensor>)> {
    let input = Var::from_tensor(samples)?;
    let vars = params.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
    let mut unused = vars.iter().map(Var::as_tensor);
    let outputs = candle_forward(specs, input.as_tensor().clone(), &mut unused)?;
    assert!(unused.next().is_none(), "every parameter takes part");
    let loss = match goal.targets() {
        Targets::Values(values) => {
            let targets = Tensor::new(values, &Device::Cpu)?.to_dtype(DType::F64)?.unsqueeze(1)?;
            candle_nn::loss::mse(&outputs, &targets)?
        }
        Targets::Labels(labels) => {
            let labels = Tensor::new(labels.iter().map(|&l| u32::from(l)).collect::<Vec<_>>(), &Device::Cpu)?;
            if goal == CrossEntropy {
                candle_nn::loss::cross_entropy(&outputs, &labels)?
            } else {
                let one_hot = candle_nn::encoding::one_hot(labels, outputs.dim(1)?, 1f64, 0f64)?;
                candle_nn::loss::mse(&outputs, &one_hot)?
            }
        }
    };
    let store = loss.backward()?;
    let gradient = |var: &Var| store.get(var.as_tensor()).expect("candle has every gradient").clone();
    Ok((loss.to_scalar()?, [&input].into_iter().chain(&vars).map(gradient).collect()))
}

/// The net written with candle's operations; `params` gives the parameters in order.
fn candle_forward<'a>(
    specs: &[LayerSpec],
    mut x: Tensor,
    params: &mut impl Iterator<Item = &'a Tensor>,
) -> candle_core::Result<Tensor> {
    for spec in specs {
        let mut param = || params.next().expect("there are enough parameters");
        x = match spec {
            LayerSpec::Linear { bias, .. } => {
                let z = x.matmul(&param().t()?)?;
                if *bias { z.broadcast_add(param())? } else { z }
            }
            LayerSpec::Conv2d { stride, padding, bias, out, .. } => {
                let z = x.conv2d(param(), *padding, *stride, 1, 1)?;
                if *bias { z.broadcast_add(&param().reshape((1, *out, 1, 1))?)? } else { z }
            }
            LayerSpec::Activation(activation) => candle_activation(*activation, &x)?,
            LayerSpec::GlobalAvgPool { flatten: true } => x.mean((2, 3))?,
            LayerSpec::GlobalAvgPool { flatten: false } => x.mean_keepdim((2, 3))?,
            LayerSpec::Flatten => x.flatten_from(1)?,
            LayerSpec::BatchNorm { eps, .. } => {
                let dims = if x.rank() == 2 { vec![0] } else { vec![0, 2, 3] };
                let spread = if x.rank() == 2 { vec![1, x.dim(1)?] } else { vec![1, x.dim(1)?, 1, 1] };
                let normal = candle_normal(&x, &dims, *eps)?;
                normal.broadcast_mul(&param().reshape(spread.clone())?)?.broadcast_add(&param().reshape(spread)?)?
            }
            LayerSpec::LayerNorm { eps } => {
                let normal = candle_normal(&x, &(1..x.rank()).collect::<Vec<_>>(), *eps)?;
                normal.broadcast_mul(param())?.broadcast_add(param())?
            }
            LayerSpec::Residual(body) => (&x + candle_forward(body, x.clone(), params)?)?,
            LayerSpec::Scale { .. } => x.broadcast_mul(param())?,
            LayerSpec::Shift { .. } => x.broadcast_add(param())?,
            LayerSpec::MaxPool { .. } | LayerSpec::AvgPool { .. } | LayerSpec::Dropout { .. } => {
                unreachable!("candle's pools and dropout are not compared")
            }
        };
    }
    Ok(x)
}

/// (x − mean)/√(variance + eps) over `dims`, from candle's primitive operations.
fn candle_normal(x: &Tensor, dims: &[usize], eps: f64) -> candle_core::Result<Tensor> {
    let mean = |t: &Tensor| dims.iter().try_fold(t.clone(), |t, &dim| t.mean_keepdim(dim));
    let centred = x.broadcast_sub(&mean(x)?)?;
    centred.broadcast_div(&(mean(&centred.sqr()?)? + eps)?.sqrt()?)
}

fn candle_activation(activation: Activation, z: &Tensor) -> candle_core::Result<Tensor> {
    use initlab::activation::{SELU_ALPHA, SELU_LAMBDA};
    let leaky = |leak: f64| z.relu()? - (z.neg()?.relu()? * leak)?;
    match activation {
        Activation::Identity => Ok(z.clone()),
        Activation::Relu => z.relu(),
        Activation::LeakyRelu { leak } => leaky(leak),
        Activation::GeneralRelu { leak, shift, .. } => leaky(leak)? - shift,
        Activation::ShiftedRelu { shift } => z.relu()? - shift,
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => candle_nn::ops::sigmoid(z),
        // The backward passes of candle's own `gelu_erf` and `gelu` take their constants with six digits.
        Activation::Gelu => z * ((z * std::f64::consts::FRAC_1_SQRT_2)?.erf()? * 0.5)?.affine(1.0, 0.5)?,
        Activation::GeluTanh => {
            let cubic = (z + (z.sqr()? * z)?.affine(0.044715, 0.0)?)?;
            let t = cubic.affine((2.0 / std::f64::consts::PI).sqrt(), 0.0)?.tanh()?;
            z * t.affine(0.5, 0.5)?
        }
        Activation::Silu => z.silu(),
        Activation::Elu { alpha } => z.elu(alpha),
        Activation::Selu => z.elu(SELU_ALPHA)? * SELU_LAMBDA,
        Activation::Softsign => z / z.abs()?.affine(1.0, 1.0)?,
        Activation::Mish => z * z.exp()?.affine(1.0, 1.0)?.log()?.tanh()?,
        // ln(1 + e^z) as the log of a sum of exponentials.
        Activation::Softplus => Tensor::stack(&[z, &z.zeros_like()?], 0)?.log_sum_exp(0)?.reshape(z.shape()),
        other => panic!("{other} has no form in candle here: add one"),
    }
}
