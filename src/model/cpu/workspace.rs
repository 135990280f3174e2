//! One worker's forward and backward pass over a shard of the batch, with the slice kernels.
//!
//! Between layers a sample is stored channels last: vectors as they are, images as (row, column, channel).

use super::{Layer, Network, Op, Shape};
use crate::activation::Activation;
use crate::cpu::activation::{self, Observation, ObserveSettings};
use crate::cpu::buffer::Buffer;
use crate::cpu::conv::ConvPlan;
use crate::cpu::gemm::{Matrix, matmul};
use crate::cpu::norm::{self, BatchMoments};
use crate::cpu::transpose::transpose;
use crate::cpu::{pool, update};

/// What a layer remembers from its forward pass.
#[derive(Default)]
struct State {
    /// h, `[rows, output]`.
    out: Buffer,
    /// z, where φ′ cannot be read off h.
    z: Buffer,
    /// A convolution's places.
    plan: Option<ConvPlan>,
    /// A convolution's images between their zeros, kept for the weights' gradient.
    padded: Buffer,
    /// Positions of the maxima.
    chosen: Vec<u32>,
    /// Batch norm's moments.
    moments: BatchMoments,
    /// The body of a residual block.
    body: Vec<State>,
}

/// What is fixed during a pass.
pub struct Pass<'a> {
    /// All parameters, in the kernels' layout.
    pub params: &'a [f32],
    /// Each parameter that [`Param::is_transposed`](super::Param::is_transposed) is for transposed, `[fan_in, units]`.
    pub transposed: &'a [Buffer],
    /// Batch norm's running estimates.
    pub running: &'a [f32],
    /// Whether batch norm takes the batch's moments.
    pub training: bool,
    /// Samples.
    pub rows: usize,
    /// Threads inside a layer's products.
    pub threads: usize,
    /// What to look for in the observed layers.
    pub settings: ObserveSettings,
    /// One entry for each observed layer, or none.
    pub observations: &'a mut [Observation],
}

impl Pass<'_> {
    fn param(&self, network: &Network, index: Option<usize>) -> Option<&[f32]> {
        index.map(|i| &self.params[network.params[i].range()])
    }
}

fn observation_of<'a>(
    observations: &'a mut [Observation],
    settings: &'a ObserveSettings,
    layer: &Layer,
) -> Option<(&'a mut Observation, &'a ObserveSettings)> {
    layer.observation.and_then(|i| observations.get_mut(i)).map(|observation| (observation, settings))
}

/// The buffers of one worker; they grow in the first step and are reused after it.
#[derive(Default)]
pub struct Workspace {
    /// The samples, channels last.
    pub input: Buffer,
    states: Vec<State>,
    spread: Buffer,
    /// Of the activations.
    pub scratch: activation::Scratch,
    /// Of the norms.
    lines: norm::Lines,
    spare: Vec<Buffer>,
}

impl Workspace {
    /// Runs `network` on `self.input`; afterwards [`Workspace::output`] holds what came out.
    pub fn forward(&mut self, network: &Network, pass: &mut Pass<'_>) {
        let input = std::mem::take(&mut self.input);
        let mut states = std::mem::take(&mut self.states);
        self.forward_layers(network, pass, &network.layers, &mut states, &input);
        (self.input, self.states) = (input, states);
    }

    /// The network's outputs, `[rows, outputs]`.
    pub fn output(&self, network: &Network) -> &[f32] {
        latest(&network.layers, &self.states, &self.input)
    }

    /// The output of top-level layer `index`, channels last.
    pub fn layer_output(&self, network: &Network, index: usize) -> &[f32] {
        latest(&network.layers[..=index], &self.states[..=index], &self.input)
    }

    /// Shows every layer's output of the last forward pass, channels last: in execution order, those inside a residual
    /// block before the block's sum.
    pub fn visit<'a>(&'a self, network: &'a Network, see: &mut impl FnMut(&'a Layer, &'a [f32])) {
        fn walk<'a>(
            layers: &'a [Layer],
            states: &'a [State],
            input: &'a [f32],
            see: &mut impl FnMut(&'a Layer, &'a [f32]),
        ) {
            for (i, (layer, state)) in layers.iter().zip(states).enumerate() {
                if let Op::Residual(body) = &layer.op {
                    walk(body, &state.body, latest(&layers[..i], &states[..i], input), see);
                }
                see(layer, latest(&layers[..=i], &states[..=i], input));
            }
        }
        walk(&network.layers, &self.states, &self.input, see);
    }

    /// Shows batch norm's moments of the last training pass, with the layer whose they are.
    pub fn visit_moments(&self, network: &Network, see: &mut impl FnMut(&Layer, &BatchMoments)) {
        fn walk(layers: &[Layer], states: &[State], see: &mut impl FnMut(&Layer, &BatchMoments)) {
            for (layer, state) in layers.iter().zip(states) {
                match &layer.op {
                    Op::BatchNorm { .. } => see(layer, &state.moments),
                    Op::Residual(body) => walk(body, &state.body, see),
                    _ => {}
                }
            }
        }
        walk(&network.layers, &self.states, see);
    }

    /// Propagates the gradient of the outputs, which `loss` writes given the outputs, back through the network.
    /// `gradients` (laid out like the parameters) is overwritten. If `input_gradient`, the gradient of the samples is
    /// returned, channels last.
    pub fn backward(
        &mut self,
        network: &Network,
        pass: &mut Pass<'_>,
        gradients: &mut [f32],
        input_gradient: bool,
        loss: impl FnOnce(&[f32], &mut [f32]),
    ) -> Option<Vec<f32>> {
        let input = std::mem::take(&mut self.input);
        let states = std::mem::take(&mut self.states);
        let outputs = latest(&network.layers, &states, &input);
        let mut gradient = self.take(outputs.len());
        loss(outputs, &mut gradient[..outputs.len()]);
        let first = if input_gradient { None } else { network.layers.iter().position(Layer::has_params) };
        let gradient =
            self.backward_layers(network, pass, &network.layers, &states, &input, gradient, gradients, first);
        let result = input_gradient.then(|| gradient[..input.len()].to_vec());
        self.spare.push(gradient);
        (self.input, self.states) = (input, states);
        result
    }

    /// Calls `see` with the network's outputs and as many values of scratch.
    pub fn with_output<T>(&mut self, network: &Network, see: impl FnOnce(&[f32], &mut [f32]) -> T) -> T {
        let len = self.output(network).len();
        let mut scratch = self.take(len);
        let seen = see(self.output(network), &mut scratch[..len]);
        self.spare.push(scratch);
        seen
    }

    /// A buffer of at least `len` values of any content.
    fn take(&mut self, len: usize) -> Buffer {
        let mut buffer = self.spare.pop().unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len);
        }
        buffer
    }

    fn forward_layers(
        &mut self,
        network: &Network,
        pass: &mut Pass<'_>,
        layers: &[Layer],
        states: &mut Vec<State>,
        input: &[f32],
    ) {
        states.resize_with(layers.len(), State::default);
        for (i, layer) in layers.iter().enumerate() {
            let (done, rest) = states.split_at_mut(i);
            let x = latest(&layers[..i], done, input);
            if !layer.passes_through() {
                self.forward_layer(network, pass, layer, &mut rest[0], x);
            }
        }
    }

    fn forward_layer(&mut self, network: &Network, pass: &mut Pass<'_>, layer: &Layer, state: &mut State, x: &[f32]) {
        let rows = pass.rows;
        let (len, units) = (rows * layer.output.len(), layer.output.units());
        resize(&mut state.out, len);
        let apart = !layer.activation.slope_from_output();
        if apart {
            resize(&mut state.z, len);
        }
        match &layer.op {
            Op::Linear => {
                let weight = layer.weight.expect("a linear layer has a weight");
                let param = &network.params[weight];
                let z = if apart { &mut state.z } else { &mut state.out };
                let inputs = layer.input.len();
                let x = Matrix::new(x, rows, inputs);
                if param.is_transposed() {
                    let transposed = Matrix::new(&pass.transposed[weight], inputs, units);
                    matmul(z, x, transposed, false, pass.threads);
                } else {
                    // The product copies its right operand: the samples are fewer than the weights.
                    let mut columns = self.take(len);
                    matmul(
                        &mut columns,
                        Matrix::new(&pass.params[param.range()], units, inputs),
                        x.t(),
                        false,
                        pass.threads,
                    );
                    transpose(&columns[..len], units, z);
                    self.spare.push(columns);
                }
                self.activate(network, pass, layer, state, 0..len, apart);
            }
            Op::Conv2d(shape) => {
                let plan = &*state.plan.get_or_insert_with(|| ConvPlan::new(shape));
                let image = plan.padded_len();
                // What is new is zero, and the zeros around the images stay.
                if state.padded.len() < rows * image {
                    state.padded.resize(rows * image);
                }
                let padded = &mut state.padded[..rows * image];
                plan.pad(x, padded);
                let transposed = &pass.transposed[layer.weight.expect("a convolution has a weight")];
                let z = if apart { &mut state.z } else { &mut state.out };
                in_parts(&mut z[..len], layer.output.len(), pass.threads, |first, z| {
                    plan.forward(&padded[first * image..], transposed, z);
                });
                self.activate(network, pass, layer, state, 0..len, apart);
            }
            Op::Activation => {
                if apart { &mut state.z } else { &mut state.out }.copy_from_slice(x);
                self.activate(network, pass, layer, state, 0..len, apart);
            }
            Op::MaxPool(shape) => {
                state.chosen.resize(len, 0);
                pool::max_forward(shape, x, &mut state.out, &mut state.chosen);
            }
            Op::AvgPool(shape) => pool::average_forward(shape, x, &mut state.out),
            Op::GlobalAvgPool => pool::global_average_forward(x, layer.input.pixels(), units, &mut state.out),
            Op::Flatten => {
                pool::transpose_images(x, layer.input.pixels(), layer.input.units(), &mut state.out);
            }
            Op::BatchNorm { eps, running, .. } => {
                if pass.training {
                    state.moments.measure(x, units, *eps);
                } else {
                    let (mean, variance) = pass.running[*running..*running + 2 * units].split_at(units);
                    state.moments.assume(mean, variance, *eps);
                }
                let (weight, bias) = self.norm_params(network, pass, layer);
                state.moments.forward(x, weight, bias, &mut state.out, &mut self.lines);
                self.activate(network, pass, layer, state, 0..len, false);
            }
            Op::LayerNorm { eps } => {
                let (weight, bias) = self.norm_params(network, pass, layer);
                norm::layer_forward(x, weight, bias, *eps, &mut state.out);
                self.activate(network, pass, layer, state, 0..len, false);
            }
            Op::Residual(body) => {
                let mut inner = std::mem::take(&mut state.body);
                self.forward_layers(network, pass, body, &mut inner, x);
                let branch = latest(body, &inner, x);
                state.out.iter_mut().zip(branch).zip(x).for_each(|((o, &b), &x)| *o = x + b);
                state.body = inner;
            }
            Op::Scale => {
                let scale = pass.param(network, layer.weight).expect("a scale has a parameter")[0];
                state.out.iter_mut().zip(x).for_each(|(o, &x)| *o = x * scale);
            }
            Op::Shift => {
                let shift = pass.param(network, layer.bias).expect("a shift has a parameter")[0];
                state.out.iter_mut().zip(x).for_each(|(o, &x)| *o = x + shift);
            }
        }
    }

    fn norm_params<'a>(&self, network: &Network, pass: &'a Pass<'_>, layer: &Layer) -> (&'a [f32], &'a [f32]) {
        let slice = |index: Option<usize>| &pass.params[network.params[index.expect("norms have both")].range()];
        (slice(layer.weight), slice(layer.bias))
    }

    /// Bias, φ and statistics over `range` of the layer's output. A norm has added its own bias already.
    fn activate(
        &mut self,
        network: &Network,
        pass: &mut Pass<'_>,
        layer: &Layer,
        state: &mut State,
        range: std::ops::Range<usize>,
        apart: bool,
    ) {
        let params = pass.params;
        let bias = match layer.op {
            Op::Linear | Op::Conv2d(_) => layer.bias.map(|i| &params[network.params[i].range()]),
            _ => None,
        };
        let observation = observation_of(pass.observations, &pass.settings, layer);
        if bias.is_none() && observation.is_none() && layer.activation == Activation::Identity {
            return;
        }
        let (z, h) = if apart {
            (&mut state.z[range.clone()], Some(&mut state.out[range]))
        } else {
            (&mut state.out[range], None)
        };
        activation::forward(layer.activation, z, h, layer.output.units(), bias, observation, &mut self.scratch);
    }

    /// Runs the layers backwards. `gradient` is that of the last layer's output and is consumed; the returned buffer
    /// holds the gradient of the input. With `first`, nothing before that layer is needed, and neither is its own input's
    /// gradient.
    #[allow(clippy::too_many_arguments, reason = "one call for the chain and for each residual body")]
    fn backward_layers(
        &mut self,
        network: &Network,
        pass: &mut Pass<'_>,
        layers: &[Layer],
        states: &[State],
        input: &[f32],
        mut gradient: Buffer,
        gradients: &mut [f32],
        first: Option<usize>,
    ) -> Buffer {
        for (i, layer) in layers.iter().enumerate().skip(first.unwrap_or(0)).rev() {
            if layer.passes_through() {
                continue;
            }
            let x = latest(&layers[..i], &states[..i], input);
            let wanted = first != Some(i);
            gradient = self.backward_layer(network, pass, layer, &states[i], x, gradient, gradients, wanted);
        }
        gradient
    }

    #[allow(clippy::too_many_arguments, reason = "the same list as the chain's")]
    fn backward_layer(
        &mut self,
        network: &Network,
        pass: &mut Pass<'_>,
        layer: &Layer,
        state: &State,
        x: &[f32],
        mut gradient: Buffer,
        gradients: &mut [f32],
        wanted: bool,
    ) -> Buffer {
        let rows = pass.rows;
        let (len, units) = (rows * layer.output.len(), layer.output.units());
        let in_len = rows * layer.input.len();
        let g = &mut gradient[..len];
        let saved = if layer.activation.slope_from_output() { &state.out } else { &state.z };
        let range = |index: Option<usize>| index.map(|i| network.params[i].range());
        if matches!(layer.op, Op::Linear | Op::Conv2d(_) | Op::Activation) {
            let bias = range(layer.bias).map(|r| &mut gradients[r]);
            let observation = observation_of(pass.observations, &pass.settings, layer);
            activation::backward(layer.activation, g, saved, units, bias, observation, &mut self.scratch);
        } else if let Some((observation, settings)) = observation_of(pass.observations, &pass.settings, layer) {
            activation::observe_gradient(observation, settings, g);
        }
        match &layer.op {
            Op::Activation => gradient,
            Op::Linear => {
                let inputs = layer.input.len();
                let g_matrix = Matrix::new(g, rows, units);
                let weight_range = range(layer.weight).expect("a linear layer has a weight");
                let x = Matrix::new(x, rows, inputs);
                matmul(&mut gradients[weight_range.clone()], g_matrix.t(), x, false, pass.threads);
                if !wanted {
                    return gradient;
                }
                let mut dx = self.take(in_len);
                let weight = Matrix::new(&pass.params[weight_range], units, inputs);
                matmul(&mut dx, g_matrix, weight, false, pass.threads);
                self.spare.push(gradient);
                dx
            }
            Op::Conv2d(shape) => {
                let plan = state.plan.as_ref().expect("the forward pass has worked out the places");
                let weight_range = range(layer.weight).expect("a convolution has a weight");
                let padded = &state.padded[..rows * plan.padded_len()];
                in_parts(&mut gradients[weight_range.clone()], shape.patch(), pass.threads, |first, dw| {
                    plan.weight_gradient(padded, g, first, dw);
                });
                if !wanted {
                    return gradient;
                }
                let mut dx = self.take(in_len);
                let weight = &pass.params[weight_range];
                let spread = &mut self.spread;
                if pass.threads == 1 {
                    plan.input_gradient(g, weight, spread, &mut dx[..in_len]);
                } else {
                    in_parts(&mut dx[..in_len], layer.input.len(), pass.threads, |first, dx| {
                        let g = &g[first * layer.output.len()..];
                        plan.input_gradient(g, weight, &mut Buffer::default(), dx);
                    });
                }
                self.spare.push(gradient);
                dx
            }
            Op::BatchNorm { .. } | Op::LayerNorm { .. } => {
                let (weight_range, bias_range) =
                    (range(layer.weight).expect("norms have a weight"), range(layer.bias).expect("norms have a bias"));
                let weight = &pass.params[weight_range.clone()];
                // The bias follows its weight in the array of parameters.
                let (dw, db) = gradients[weight_range.start..bias_range.end].split_at_mut(weight.len());
                match &layer.op {
                    Op::LayerNorm { eps } => norm::layer_backward(x, weight, *eps, g, dw, db),
                    _ => state.moments.backward(x, weight, g, dw, db, &mut self.lines),
                }
                gradient
            }
            Op::Residual(body) => {
                let mut branch = self.take(len);
                branch[..len].copy_from_slice(g);
                let mut branch = self.backward_layers(network, pass, body, &state.body, x, branch, gradients, None);
                update::accumulate(&mut branch[..len], g);
                self.spare.push(gradient);
                branch
            }
            Op::Scale => {
                let scale_range = range(layer.weight).expect("a scale has a parameter");
                let scale = pass.params[scale_range.start];
                let sum: f64 = g.iter().zip(x).map(|(&g, &x)| f64::from(g) * f64::from(x)).sum();
                gradients[scale_range.start] = sum as f32;
                update::scale(g, scale);
                gradient
            }
            Op::Shift => {
                let shift_range = range(layer.bias).expect("a shift has a parameter");
                gradients[shift_range.start] = g.iter().map(|&g| f64::from(g)).sum::<f64>() as f32;
                gradient
            }
            Op::MaxPool(_) | Op::AvgPool(_) | Op::GlobalAvgPool | Op::Flatten => {
                let mut dx = self.take(in_len);
                let to = &mut dx[..in_len];
                match &layer.op {
                    Op::MaxPool(shape) => pool::max_backward(shape, g, &state.chosen, to),
                    Op::AvgPool(shape) => pool::average_backward(shape, g, to),
                    Op::GlobalAvgPool => pool::global_average_backward(g, layer.input.pixels(), units, to),
                    _ => pool::transpose_images(g, layer.input.units(), layer.input.pixels(), to),
                }
                self.spare.push(gradient);
                dx
            }
        }
    }
}

/// The output of the last of `layers`, looking through those that only rename their input.
fn latest<'a>(layers: &[Layer], states: &'a [State], input: &'a [f32]) -> &'a [f32] {
    let made = layers.iter().zip(states).rev().find(|(layer, _)| !layer.passes_through());
    made.map_or(input, |(_, state)| &state.out)
}

/// Exactly `len` values of any content; a buffer that already has them keeps its content.
fn resize(buffer: &mut Buffer, len: usize) {
    if buffer.len() != len {
        buffer.resize(len);
    }
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

/// Reorders samples between PyTorch's order (channels first) and the kernels' (channels last).
pub fn reorder_samples(shape: Shape, from: &[f32], to_torch: bool) -> Vec<f32> {
    let (units, pixels) = (shape.units(), shape.pixels());
    let mut to = vec![0.0; from.len()];
    let (rows, cols) = if to_torch { (pixels, units) } else { (units, pixels) };
    pool::transpose_images(from, rows, cols, &mut to);
    to
}
