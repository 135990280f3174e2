//! A network on candle tensors: any device and float type, forward and backward by hand, no autograd.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::host::{Loss, Observe, Observed, Targets};
use super::{Layer, Network, Op, Shape};
use crate::activation::Activation;
use crate::kernels::activation::{Watch, live_interval};
use crate::kernels::loss::LossSums;
use crate::kernels::moments::{self, Sums};
use crate::ops::{self, Windows};

/// What a layer remembers from its forward pass.
struct Trace {
    input: Tensor,
    /// The pre-activation; the output itself where there is no activation.
    z: Tensor,
    out: Tensor,
    kept: Kept,
}

enum Kept {
    Nothing,
    Patches(Windows, Tensor),
    Pooled(Windows, Tensor),
    Normal { normal: Tensor, inverse_std: Tensor, dims: Vec<usize> },
    Body(Vec<Trace>),
}

/// A network with its parameters on a device.
pub struct DeviceModel {
    network: Arc<Network>,
    device: Device,
    dtype: DType,
    params: Vec<Tensor>,
    running: Vec<Tensor>,
    gradients: Vec<Option<Tensor>>,
    batches_seen: u64,
}

impl DeviceModel {
    /// A model with all parameters zero and running variances one.
    pub fn new(network: Arc<Network>, device: Device, dtype: DType) -> Result<Self> {
        let params =
            network.params.iter().map(|p| Tensor::zeros(p.shape.clone(), dtype, &device)).collect::<Result<_>>()?;
        let running = network
            .running
            .iter()
            .map(|(name, range)| {
                let value = if name.ends_with("running_var") { 1.0 } else { 0.0 };
                Tensor::full(value, range.len(), &device)?.to_dtype(dtype)
            })
            .collect::<Result<_>>()?;
        let gradients = vec![None; network.params.len()];
        Ok(Self { network, device, dtype, params, running, gradients, batches_seen: 0 })
    }

    /// The plan.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Where the tensors lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The float type of every tensor.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Parameter `index`, in PyTorch's shape.
    pub fn param(&self, index: usize) -> &Tensor {
        &self.params[index]
    }

    /// Replaces parameter `index` by a tensor of the same shape.
    pub fn set_param(&mut self, index: usize, value: Tensor) {
        self.params[index] = value;
    }

    /// Gradient of parameter `index` from the last step.
    ///
    /// # Panics
    /// If no step was taken.
    pub fn gradient(&self, index: usize) -> &Tensor {
        self.gradients[index].as_ref().expect("a step was taken")
    }

    /// Running estimate `index` of [`Network::running`].
    pub fn running(&self, index: usize) -> &Tensor {
        &self.running[index]
    }

    /// Replaces running estimate `index`.
    pub fn set_running(&mut self, index: usize, value: Tensor) {
        self.running[index] = value;
    }

    /// Training steps that moved the running estimates.
    pub fn batches_seen(&self) -> u64 {
        self.batches_seen
    }

    /// Sets the number of training steps seen.
    pub fn set_batches_seen(&mut self, batches: u64) {
        self.batches_seen = batches;
    }

    /// Forward and backward pass over `samples` (`[N, …]`): the mean loss's gradients are kept for the optimiser.
    pub fn forward_backward(
        &mut self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
    ) -> Result<Observed> {
        Ok(self.step(samples, targets, loss, observe, false)?.0)
    }

    /// The same with everything kept, for checks: also the output of each top-level layer, and the samples' gradient.
    pub fn trace(
        &mut self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
    ) -> Result<(Observed, Vec<Tensor>, Tensor)> {
        let (observed, traces, input) = self.step(samples, targets, loss, &Observe::default(), true)?;
        let outputs = traces.into_iter().map(|trace| trace.out).collect();
        Ok((observed, outputs, input.expect("the gradient of the samples was asked for")))
    }

    fn step(
        &mut self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
        input_gradient: bool,
    ) -> Result<(Observed, Vec<Trace>, Option<Tensor>)> {
        let network = Arc::clone(&self.network);
        let rows = samples.dim(0)?;
        let traces = self.forward_layers(&network.layers, samples, true)?;
        let outputs = traces.last().map_or(samples, |trace| &trace.out);
        let (sums, gradient) = self.measure(outputs, targets, loss, 1.0 / rows as f64)?;
        let mut seen = Seen::new(&network, observe);
        let first = if input_gradient { None } else { network.layers.iter().position(Layer::has_params) };
        let input = self.backward_layers(&network.layers, &traces, gradient, first, &mut seen)?;
        seen.forward(&network.layers, &traces)?;
        self.move_running(&network.layers, &traces)?;
        let observed = Observed { loss: sums, watches: seen.fetch(&network)? };
        Ok((observed, traces, input))
    }

    /// Forward pass only; batch norm takes the running estimates unless `training`.
    pub fn evaluate(
        &self,
        samples: &Tensor,
        targets: Targets<'_>,
        loss: Loss,
        observe: &Observe,
        training: bool,
    ) -> Result<Observed> {
        let traces = self.forward_layers(&self.network.layers, samples, training)?;
        let outputs = traces.last().map_or(samples, |trace| &trace.out);
        let (sums, _) = self.measure(outputs, targets, loss, 1.0)?;
        let mut seen = Seen::new(&self.network, observe);
        seen.forward(&self.network.layers, &traces)?;
        Ok(Observed { loss: sums, watches: seen.fetch(&self.network)? })
    }

    fn measure(&self, outputs: &Tensor, targets: Targets<'_>, loss: Loss, scale: f64) -> Result<(LossSums, Tensor)> {
        let rows = outputs.dim(0)?;
        let (total, correct, gradient) = match (loss, targets) {
            (Loss::CrossEntropy, Targets::Labels(labels)) => ops::cross_entropy(outputs, &self.labels(labels)?, scale)?,
            (Loss::Mse, Targets::Labels(labels)) if outputs.dim(1)? > 1 => {
                let labels = self.labels(labels)?;
                let (total, gradient) = ops::squared_error(outputs, &ops::one_hot(&labels, outputs)?, scale)?;
                (total, ops::right_answers(outputs, &labels)?, gradient)
            }
            (_, targets) => {
                let values: Vec<f64> = match targets {
                    Targets::Labels(labels) => labels.iter().map(|&l| f64::from(l)).collect(),
                    Targets::Values(values) => values.iter().map(|&v| f64::from(v)).collect(),
                };
                let targets = Tensor::new(values, &self.device)?.to_dtype(self.dtype)?.unsqueeze(1)?;
                let (total, gradient) = ops::squared_error(outputs, &targets, scale)?;
                let right = outputs.round()?.eq(&targets)?.to_dtype(DType::F64)?.sum_all()?;
                (total, right, gradient)
            }
        };
        let numbers = Tensor::stack(&[total.to_dtype(DType::F64)?, correct], 0)?.to_vec1::<f64>()?;
        Ok((LossSums { loss: numbers[0], correct: numbers[1] as usize, rows }, gradient))
    }

    fn labels(&self, labels: &[u8]) -> Result<Tensor> {
        Tensor::new(labels.iter().map(|&l| u32::from(l)).collect::<Vec<_>>(), &self.device)
    }

    fn weight(&self, layer: &Layer) -> &Tensor {
        &self.params[layer.weight.expect("this layer has a weight")]
    }

    fn forward_layers(&self, layers: &[Layer], samples: &Tensor, training: bool) -> Result<Vec<Trace>> {
        let mut traces: Vec<Trace> = Vec::with_capacity(layers.len());
        for layer in layers {
            let input = traces.last().map_or(samples, |trace| &trace.out).clone();
            let (z, kept) = self.forward_layer(layer, &input, training)?;
            let out = match layer.activation {
                Activation::Identity => z.clone(),
                activation => ops::activate(activation, &z)?,
            };
            traces.push(Trace { input, z, out, kept });
        }
        Ok(traces)
    }

    fn forward_layer(&self, layer: &Layer, x: &Tensor, training: bool) -> Result<(Tensor, Kept)> {
        let n = x.dim(0)?;
        let biased = |z: Tensor| match layer.bias {
            Some(bias) => z.broadcast_add(&per_unit(&self.params[bias], layer.output)?),
            None => Ok(z),
        };
        Ok(match &layer.op {
            Op::Linear => (biased(x.matmul(&self.weight(layer).t()?)?)?, Kept::Nothing),
            Op::Conv2d(shape) => {
                let windows = Windows::new(*shape, &self.device)?;
                let patches = windows.patches(x)?;
                (biased(windows.convolve(&patches, self.weight(layer))?)?, Kept::Patches(windows, patches))
            }
            Op::Activation => (x.clone(), Kept::Nothing),
            Op::MaxPool(shape) => {
                let windows = Windows::new(*shape, &self.device)?;
                let (out, chosen) = windows.max(x)?;
                (out, Kept::Pooled(windows, chosen))
            }
            Op::AvgPool(shape) => {
                let windows = Windows::new(*shape, &self.device)?;
                let out = windows.average(x)?;
                (out.clone(), Kept::Pooled(windows, out))
            }
            Op::GlobalAvgPool => {
                let mean = ops::mean_over(x, &[2, 3])?;
                (mean.reshape(with_batch(n, layer.output))?, Kept::Nothing)
            }
            Op::Flatten => (x.reshape((n, layer.output.len()))?, Kept::Nothing),
            Op::BatchNorm { eps, running, .. } => {
                let dims = if matches!(layer.input, Shape::Flat(_)) { vec![0] } else { vec![0, 2, 3] };
                let (mean, variance) = if training {
                    let mean = ops::mean_over(x, &dims)?;
                    let variance = ops::mean_over(&x.broadcast_sub(&mean)?.sqr()?, &dims)?;
                    (mean, variance)
                } else {
                    let at = self.running_index(*running);
                    (per_unit(&self.running[at], layer.input)?, per_unit(&self.running[at + 1], layer.input)?)
                };
                self.normalized(layer, x, &mean, &variance, *eps, dims)?
            }
            Op::LayerNorm { eps } => {
                let dims: Vec<usize> = (1..x.rank()).collect();
                let mean = ops::mean_over(x, &dims)?;
                let variance = ops::mean_over(&x.broadcast_sub(&mean)?.sqr()?, &dims)?;
                self.normalized(layer, x, &mean, &variance, *eps, dims)?
            }
            Op::Residual(body) => {
                let traces = self.forward_layers(body, x, training)?;
                let branch = traces.last().map_or(x, |trace| &trace.out);
                ((x + branch)?, Kept::Body(traces))
            }
            Op::Scale => (x.broadcast_mul(self.weight(layer))?, Kept::Nothing),
            Op::Shift => (x.broadcast_add(&self.params[layer.bias.expect("a shift has a parameter")])?, Kept::Nothing),
        })
    }

    fn normalized(
        &self,
        layer: &Layer,
        x: &Tensor,
        mean: &Tensor,
        variance: &Tensor,
        eps: f64,
        dims: Vec<usize>,
    ) -> Result<(Tensor, Kept)> {
        let (normal, inverse_std) = ops::normalize(x, mean, variance, eps)?;
        let (weight, bias) = self.norm_params(layer)?;
        let out = normal.broadcast_mul(&weight)?.broadcast_add(&bias)?;
        Ok((out, Kept::Normal { normal, inverse_std, dims }))
    }

    /// A norm's weight and bias, shaped to spread over samples.
    fn norm_params(&self, layer: &Layer) -> Result<(Tensor, Tensor)> {
        let spread = |index: Option<usize>| {
            let param = &self.params[index.expect("norms have both")];
            if matches!(layer.op, Op::BatchNorm { .. }) { per_unit(param, layer.input) } else { param.unsqueeze(0) }
        };
        Ok((spread(layer.weight)?, spread(layer.bias)?))
    }

    fn backward_layers(
        &mut self,
        layers: &[Layer],
        traces: &[Trace],
        mut gradient: Tensor,
        first: Option<usize>,
        seen: &mut Seen,
    ) -> Result<Option<Tensor>> {
        for (i, layer) in layers.iter().enumerate().skip(first.unwrap_or(0)).rev() {
            seen.gradient(layer, &gradient)?;
            match self.backward_layer(layer, &traces[i], &gradient, first != Some(i), seen)? {
                Some(next) => gradient = next,
                None => return Ok(None),
            }
        }
        Ok(Some(gradient))
    }

    /// Keeps the gradients of the layer's parameters; returns that of its input if `wanted`.
    fn backward_layer(
        &mut self,
        layer: &Layer,
        trace: &Trace,
        dh: &Tensor,
        wanted: bool,
        seen: &mut Seen,
    ) -> Result<Option<Tensor>> {
        let dz = match layer.activation {
            Activation::Identity => dh.clone(),
            activation => (dh * ops::slope(activation, &trace.z)?)?,
        };
        let x = &trace.input;
        if let (Op::Linear | Op::Conv2d(_), Some(bias)) = (&layer.op, layer.bias) {
            self.gradients[bias] = Some(unit_sums(&dz)?);
        }
        Ok(match (&layer.op, &trace.kept) {
            (Op::Linear, _) => {
                let dx = if wanted { Some(dz.matmul(self.weight(layer))?) } else { None };
                self.gradients[layer.weight.expect("a linear layer has a weight")] = Some(dz.t()?.matmul(x)?);
                dx
            }
            (Op::Conv2d(_), Kept::Patches(windows, patches)) => {
                let (dw, dx) = windows.convolve_backward(patches, self.weight(layer), &dz, wanted)?;
                self.gradients[layer.weight.expect("a convolution has a weight")] = Some(dw);
                dx
            }
            (Op::MaxPool(_), Kept::Pooled(windows, chosen)) => Some(windows.max_backward(chosen, &dz)?),
            (Op::AvgPool(_), Kept::Pooled(windows, _)) => Some(windows.average_backward(&dz)?),
            (Op::GlobalAvgPool, _) => {
                let (n, pixels) = (dz.dim(0)?, layer.input.pixels());
                let spread = dz.reshape((n, layer.input.units(), 1, 1))?.broadcast_as(x.shape())?;
                Some(spread.affine(1.0 / pixels as f64, 0.0)?)
            }
            (Op::Flatten, _) => Some(dz.reshape(x.shape())?),
            (_, Kept::Normal { normal, inverse_std, dims }) => {
                let (weight, _) = self.norm_params(layer)?;
                let over: Vec<usize> = if matches!(layer.op, Op::BatchNorm { .. }) { dims.clone() } else { vec![0] };
                let (w, b) = (layer.weight.expect("norms have both"), layer.bias.expect("norms have both"));
                let shape = self.params[w].shape().clone();
                self.gradients[w] = Some(ops::sum_over(&(&dz * normal)?, &over)?.reshape(&shape)?);
                self.gradients[b] = Some(ops::sum_over(&dz, &over)?.reshape(&shape)?);
                Some(ops::normalize_backward(&dz.broadcast_mul(&weight)?, normal, inverse_std, dims)?)
            }
            (Op::Residual(body), Kept::Body(traces)) => {
                let branch = self.backward_layers(body, traces, dz.clone(), None, seen)?;
                Some((dz + branch.expect("a body passes its gradient on"))?)
            }
            (Op::Scale, _) => {
                let index = layer.weight.expect("a scale has a parameter");
                self.gradients[index] = Some((&dz * x)?.sum_all()?.reshape(1)?);
                Some(dz.broadcast_mul(&self.params[index])?)
            }
            (Op::Shift, _) => {
                self.gradients[layer.bias.expect("a shift has a parameter")] = Some(dz.sum_all()?.reshape(1)?);
                Some(dz)
            }
            _ => Some(dz),
        })
    }

    fn running_index(&self, start: usize) -> usize {
        self.network.running.iter().position(|(_, range)| range.start == start).expect("every norm has its estimates")
    }

    fn move_running(&mut self, layers: &[Layer], traces: &[Trace]) -> Result<()> {
        let mut any = false;
        self.move_running_of(layers, traces, &mut any)?;
        self.batches_seen += u64::from(any);
        Ok(())
    }

    fn move_running_of(&mut self, layers: &[Layer], traces: &[Trace], any: &mut bool) -> Result<()> {
        for (layer, trace) in layers.iter().zip(traces) {
            match (&layer.op, &trace.kept) {
                (Op::BatchNorm { momentum, running, .. }, Kept::Normal { dims, .. }) => {
                    *any = true;
                    let x = &trace.input;
                    let mean = ops::mean_over(x, dims)?;
                    let variance = ops::mean_over(&x.broadcast_sub(&mean)?.sqr()?, dims)?;
                    let n = (x.elem_count() / layer.input.units()) as f64;
                    let at = self.running_index(*running);
                    for (offset, new, factor) in [(0, mean, 1.0), (1, variance, n / (n.max(2.0) - 1.0))] {
                        let old = self.running[at + offset].affine(1.0 - momentum, 0.0)?;
                        self.running[at + offset] = (old + new.flatten_all()?.affine(momentum * factor, 0.0)?)?;
                    }
                }
                (Op::Residual(body), Kept::Body(traces)) => self.move_running_of(body, traces, any)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// One value for each unit, shaped to spread over samples of `shape`.
fn per_unit(values: &Tensor, shape: Shape) -> Result<Tensor> {
    match shape {
        Shape::Flat(_) => values.unsqueeze(0),
        Shape::Image { channels, .. } => values.reshape((1, channels, 1, 1)),
    }
}

/// Sums over everything but the units.
fn unit_sums(t: &Tensor) -> Result<Tensor> {
    match t.rank() {
        2 => t.sum(0),
        _ => t.sum((0, 2, 3)),
    }
}

fn with_batch(n: usize, shape: Shape) -> Vec<usize> {
    [vec![n], shape.dims()].concat()
}

/// Statistics gathered on the device and fetched in one copy.
struct Seen {
    observe: Observe,
    /// Per watched layer: sums of z, h and the gradient as tensors of five numbers, and the live units.
    pre_activation: Vec<Option<Tensor>>,
    activation: Vec<Option<Tensor>>,
    gradient: Vec<Option<Tensor>>,
    live: Vec<Option<Tensor>>,
    histograms: Vec<Vec<u64>>,
    counts: Vec<u64>,
}

impl Seen {
    fn new(network: &Network, observe: &Observe) -> Self {
        let n = if observe.statistics { network.watched.len() } else { 0 };
        let none = || vec![None; n];
        Self {
            observe: *observe,
            pre_activation: none(),
            activation: none(),
            gradient: none(),
            live: none(),
            histograms: vec![Vec::new(); n],
            counts: vec![0; n],
        }
    }

    fn index(&self, layer: &Layer) -> Option<usize> {
        layer.watch.filter(|_| self.observe.statistics)
    }

    fn gradient(&mut self, layer: &Layer, gradient: &Tensor) -> Result<()> {
        if let Some(i) = self.index(layer) {
            self.gradient[i] = Some(sums(gradient, self.observe.settings.gradient_near_zero)?);
        }
        Ok(())
    }

    fn forward(&mut self, layers: &[Layer], traces: &[Trace]) -> Result<()> {
        for (layer, trace) in layers.iter().zip(traces) {
            if let (Op::Residual(body), Kept::Body(traces)) = (&layer.op, &trace.kept) {
                self.forward(body, traces)?;
            }
            let Some(i) = self.index(layer) else { continue };
            self.counts[i] = trace.out.elem_count() as u64;
            let near_zero = self.observe.settings.near_zero;
            self.pre_activation[i] = Some(sums(&trace.z, near_zero)?);
            self.activation[i] = Some(sums(&trace.out, near_zero)?);
            let (low, high) = live_interval(layer.activation);
            let live = if (low, high) == (f32::NEG_INFINITY, f32::INFINITY) {
                trace.z.ones_like()?.to_dtype(DType::U8)?
            } else {
                (trace.z.gt(f64::from(low))? * trace.z.lt(f64::from(high))?)?
            };
            // [N, units, …] → [units, everything else], then whether any is set.
            let by_unit = live.transpose(0, 1)?.contiguous()?.reshape((layer.output.units(), ()))?;
            self.live[i] = Some(by_unit.to_dtype(DType::F64)?.max(1)?);
            if self.observe.histogram_bins > 0 {
                let values = trace.out.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
                let (low, high) = self.observe.settings.histogram_range;
                self.histograms[i] = vec![0; self.observe.histogram_bins + 2];
                moments::histogram(&mut self.histograms[i], &values, low, high);
            }
        }
        Ok(())
    }

    fn fetch(self, network: &Network) -> Result<Vec<Watch>> {
        if !self.observe.statistics {
            return Ok(Vec::new());
        }
        let absent = |i: usize, units: usize| {
            let device = self.activation[i].as_ref().expect("every watched layer ran forwards").device();
            Tensor::zeros(units, DType::F64, device)
        };
        let mut parts = Vec::new();
        for (i, watched) in network.watched.iter().enumerate() {
            for kind in [&self.pre_activation, &self.activation, &self.gradient] {
                parts.push(kind[i].clone().map_or_else(|| absent(i, 5), Ok)?);
            }
            parts.push(self.live[i].clone().map_or_else(|| absent(i, watched.units), Ok)?);
        }
        let numbers = Tensor::cat(&parts, 0)?.to_vec1::<f64>()?;
        let mut at = 0;
        let mut next = |n: usize| {
            at += n;
            &numbers[at - n..at]
        };
        let unpack = |v: &[f64], n: u64| Sums {
            n,
            sum: v[0],
            sum_of_squares: v[1],
            min: v[2] as f32,
            max: v[3] as f32,
            near_zero: v[4] as u64,
        };
        let mut watches = Vec::new();
        for (i, (watched, histogram)) in network.watched.iter().zip(self.histograms).enumerate() {
            let n = self.counts[i];
            let gradient_n = if self.gradient[i].is_some() { n } else { 0 };
            watches.push(Watch {
                pre_activation: unpack(next(5), n),
                activation: unpack(next(5), n),
                gradient: if gradient_n > 0 {
                    unpack(next(5), n)
                } else {
                    let _ = next(5);
                    Sums::default()
                },
                live: next(watched.units).iter().map(|&x| x as u32).collect(),
                histogram,
            });
        }
        Ok(watches)
    }
}

/// Σx, Σx², min, max and the count of near zeros, in `f64`.
fn sums(t: &Tensor, near_zero: f32) -> Result<Tensor> {
    let t = t.flatten_all()?.to_dtype(DType::F64)?;
    let near = t.abs()?.lt(f64::from(near_zero))?.to_dtype(DType::F64)?.sum_all()?;
    Tensor::stack(&[t.sum_all()?, t.sqr()?.sum_all()?, t.min(0)?, t.max(0)?, near], 0)
}
