//! A network of the crate as a module of candle, to go on with there: candle's autograd, optimisers and devices.

use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{BatchNorm, Dropout, Module, ModuleT, VarMap};

use crate::activation::Activation;
use crate::cpu::conv::ConvShape;
use crate::model::layer::{Layer, Op};
use crate::model::network::Network;
use crate::model::shape::Shape;

/// A network as a module of candle.
///
/// Its parameters stand in a VarMap under the crate's own names (`conv2.weight`), its inputs are `[batch, pixel]` or
/// `[batch, channel, height, width]`, its outputs logits `[batch, class]`. As a [`Module`] it evaluates;
/// [`CandleNetwork::forward_train`] takes batch statistics and drops.
#[derive(Clone)]
pub struct CandleNetwork {
    input: Shape,
    layers: Vec<Step>,
    varmap: VarMap,
}

/// A layer with its tensors.
#[derive(Clone)]
struct Step {
    kind: Kind,
    activation: Activation,
}

#[derive(Clone)]
enum Kind {
    Linear { weight: Tensor, bias: Option<Tensor> },
    Conv2d { weight: Tensor, bias: Option<Tensor>, shape: ConvShape },
    Pass,
    MaxPool(ConvShape),
    AvgPool(ConvShape),
    GlobalAvgPool { flatten: bool },
    Flatten,
    BatchNorm(BatchNorm),
    LayerNorm { weight: Tensor, bias: Tensor, eps: f64 },
    Dropout(Dropout),
    Residual(Vec<Step>),
    Scale(Tensor),
    Shift(Tensor),
}

impl Network {
    /// The network with these parameters, in the order of [`Network::params`] and PyTorch's layout, and these running estimates of
    /// batch norm ([`Network::initial_running`] before training).
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use candle_nn::Module;
    /// use initlab::config::Experiment;
    /// use initlab::data::{Choice, Prepared, Request, Split, load};
    /// use initlab::train::Plan;
    ///
    /// let config = "model = { kind = 'mlp', widths = [20] }\noptimizer.lr = 0.1\ntrain = { steps = 5 }";
    /// let data = Prepared::new(load(&Request::new(Choice::Digits))?.dataset, Split::Usual)?;
    /// let plan = Plan::new(Experiment::parse("net", config, &[])?, data)?;
    /// let model = plan.network.to_candle(&plan.start, &plan.network.initial_running(), &Device::Cpu)?;
    /// let logits = model.forward(&Tensor::zeros((3, 784), DType::F32, &Device::Cpu)?)?;
    /// assert_eq!(logits.dims(), [3, 10]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Values of another number or length than the network's, or a device that refuses memory.
    pub fn to_candle<V: AsRef<[f32]>>(&self, params: &[V], running: &[f32], device: &Device) -> Result<CandleNetwork> {
        if params.len() != self.params.len() || running.len() != self.running_len() {
            candle_core::bail!(
                "the network has {} parameters and {} running estimates, found {} and {}",
                self.params.len(),
                self.running_len(),
                params.len(),
                running.len()
            )
        }
        let varmap = VarMap::new();
        let mut tensors = Vec::with_capacity(params.len());
        for (param, values) in self.params.iter().zip(params) {
            let var = Var::from_tensor(&Tensor::from_slice(values.as_ref(), param.shape.as_slice(), device)?)
                .map_err(|error| error.context(format!("setting `{}`", param.name)))?;
            tensors.push(var.as_tensor().clone());
            varmap.data().lock().expect("nobody else has the VarMap").insert(param.name.clone(), var);
        }
        let build = Build { tensors: &tensors, running, device };
        let layers = build.steps(&self.layers)?;
        Ok(CandleNetwork { input: self.input, layers, varmap })
    }
}

/// The tensors and estimates that layers are made of.
struct Build<'a> {
    tensors: &'a [Tensor],
    running: &'a [f32],
    device: &'a Device,
}

impl Build<'_> {
    fn steps(&self, layers: &[Layer]) -> Result<Vec<Step>> {
        layers.iter().map(|layer| Ok(Step { kind: self.kind(layer)?, activation: layer.activation })).collect()
    }

    fn kind(&self, layer: &Layer) -> Result<Kind> {
        let tensor = |at: Option<usize>| at.map(|at| self.tensors[at].clone());
        let (weight, bias) = (tensor(layer.weight), tensor(layer.bias));
        let whole = |tensor: Option<Tensor>| tensor.expect("the plan gives the layer this parameter");
        Ok(match &layer.op {
            Op::Linear => Kind::Linear { weight: whole(weight), bias },
            Op::Conv2d(shape) => Kind::Conv2d { weight: whole(weight), bias, shape: *shape },
            Op::Activation => Kind::Pass,
            Op::MaxPool(shape) => Kind::MaxPool(*shape),
            Op::AvgPool(shape) => Kind::AvgPool(*shape),
            Op::GlobalAvgPool => Kind::GlobalAvgPool { flatten: matches!(layer.output, Shape::Flat(_)) },
            Op::Flatten => Kind::Flatten,
            Op::BatchNorm { eps, momentum, running } => {
                let units = layer.input.units();
                let estimate = |from: usize| Tensor::from_slice(&self.running[from..from + units], units, self.device);
                let (mean, variance) = (estimate(*running)?, estimate(running + units)?);
                let (weight, bias) = (whole(weight), whole(bias));
                Kind::BatchNorm(BatchNorm::new_with_momentum(units, mean, variance, weight, bias, *eps, *momentum)?)
            }
            Op::LayerNorm { eps } => Kind::LayerNorm { weight: whole(weight), bias: whole(bias), eps: *eps },
            Op::Dropout { p } => Kind::Dropout(Dropout::new(*p as f32)),
            Op::Residual(body) => Kind::Residual(self.steps(body)?),
            Op::Scale => Kind::Scale(whole(weight)),
            Op::Shift => Kind::Shift(whole(weight.or(bias))),
        })
    }
}

impl CandleNetwork {
    /// The parameters under the crate's own names: for an optimiser, [`Start`](crate::Start) or [`Watch`](crate::Watch).
    pub fn varmap(&self) -> &VarMap {
        &self.varmap
    }

    /// A pass of training: batch norm takes the batch's moments and moves its running estimates, dropout drops.
    ///
    /// # Errors
    /// The input has another shape than the network's.
    pub fn forward_train(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, true)
    }

    fn run(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let batch = x.dim(0)?;
        let shape = [&[batch], self.input.dims().as_slice()].concat();
        run(&self.layers, x.reshape(shape)?, train)
    }
}

impl Module for CandleNetwork {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, false)
    }
}

fn run(steps: &[Step], x: Tensor, train: bool) -> Result<Tensor> {
    steps.iter().try_fold(x, |x, step| step.activation.forward(&step.kind.forward(&x, train)?))
}

impl Kind {
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Linear { weight, bias } => {
                let y = x.matmul(&weight.t()?)?;
                bias.as_ref().map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))
            }
            Self::Conv2d { weight, bias, shape } => {
                let y = convolved(x, weight, shape)?;
                bias.as_ref().map_or(Ok(y.clone()), |bias| y.broadcast_add(&bias.reshape((1, (), 1, 1))?))
            }
            Self::Pass => Ok(x.clone()),
            Self::MaxPool(shape) => {
                let windows = taps(&padded(x, shape.padding, f64::from(f32::MIN))?, shape)?;
                windows[1..].iter().try_fold(windows[0].clone(), |most, tap| most.maximum(tap))
            }
            Self::AvgPool(shape) => {
                let windows = taps(&padded(x, shape.padding, 0.0)?, shape)?;
                let sum = windows[1..].iter().try_fold(windows[0].clone(), |sum, tap| sum + tap)?;
                sum.affine(1.0 / windows.len() as f64, 0.0)
            }
            Self::GlobalAvgPool { flatten: true } => x.mean((2, 3)),
            Self::GlobalAvgPool { flatten: false } => x.mean_keepdim(3)?.mean_keepdim(2),
            Self::Flatten => x.flatten_from(1),
            Self::BatchNorm(norm) => norm.forward_t(x, train),
            Self::LayerNorm { weight, bias, eps } => {
                let flat = x.flatten_from(1)?;
                let centred = flat.broadcast_sub(&flat.mean_keepdim(D::Minus1)?)?;
                let std = centred.sqr()?.mean_keepdim(D::Minus1)?.affine(1.0, *eps)?.sqrt()?;
                let normal = centred.broadcast_div(&std)?.reshape(x.shape())?;
                normal.broadcast_mul(weight)?.broadcast_add(bias)
            }
            Self::Dropout(dropout) => dropout.forward(x, train),
            Self::Residual(body) => x + run(body, x.clone(), train)?,
            Self::Scale(by) => x.broadcast_mul(by),
            Self::Shift(by) => x.broadcast_add(by),
        }
    }
}

/// The convolution by candle's own, or tap by tap where its backward pass fails: with a stride, unless image and kernel are square.
fn convolved(x: &Tensor, weight: &Tensor, shape: &ConvShape) -> Result<Tensor> {
    let ConvShape { kernel, stride, padding, input, .. } = *shape;
    if stride == 1 || input[0] == input[1] && kernel[0] == kernel[1] {
        return x.conv2d(weight, padding, stride, 1, 1);
    }
    let mut sum: Option<Tensor> = None;
    for (i, tap) in taps(&padded(x, padding, 0.0)?, shape)?.iter().enumerate() {
        let (row, column) = (i / kernel[1], i % kernel[1]);
        let product = tap.conv2d(&weight.narrow(2, row, 1)?.narrow(3, column, 1)?.contiguous()?, 0, 1, 1, 1)?;
        sum = Some(sum.map_or(Ok(product.clone()), |sum| sum + product)?);
    }
    sum.ok_or_else(|| candle_core::Error::msg("a kernel has at least one tap"))
}

/// The image with a border of `value`.
fn padded(x: &Tensor, padding: usize, value: f64) -> Result<Tensor> {
    if padding == 0 {
        return Ok(x.clone());
    }
    let border = |x: &Tensor, dim: usize| {
        let mut dims = x.dims().to_vec();
        dims[dim] = padding;
        let edge = Tensor::zeros(dims, x.dtype(), x.device())?.affine(0.0, value)?;
        Tensor::cat(&[&edge, x, &edge], dim)
    };
    border(&border(x, 2)?, 3)
}

/// The pixels at each place of the window, a tensor for each: candle's own pooling has wrong gradients.
fn taps(x: &Tensor, shape: &ConvShape) -> Result<Vec<Tensor>> {
    let ConvShape { kernel, stride, output, .. } = *shape;
    let along = |dim: usize, offset: usize, count: usize| {
        let places: Vec<u32> = (0..count).map(|i| (offset + i * stride) as u32).collect();
        Ok::<_, candle_core::Error>((dim, Tensor::new(places, x.device())?))
    };
    let mut taps = Vec::with_capacity(kernel[0] * kernel[1]);
    for row in 0..kernel[0] {
        let (dim, places) = along(2, row, output[0])?;
        let rows = x.index_select(&places, dim)?;
        for column in 0..kernel[1] {
            let (dim, places) = along(3, column, output[1])?;
            taps.push(rows.index_select(&places, dim)?);
        }
    }
    Ok(taps)
}

impl std::fmt::Debug for CandleNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CandleNetwork").field("input", &self.input).field("layers", &self.layers.len()).finish()
    }
}
