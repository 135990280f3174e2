//! One worker's forward and backward pass over a shard of the batch: the walk from layer to layer.

use crate::cpu::buffer::Buffer;
use crate::model::cpu::pass::{Back, Pass, Scratch, State, latest};
use crate::model::layer::{Layer, Op};
use crate::model::layers;
use crate::model::network::Network;

/// The buffers of one worker; they grow in the first step and are reused after it.
#[derive(Default)]
pub struct Workspace {
    /// The samples, channels last.
    pub input: Buffer,
    states: Vec<State>,
    /// Buffers that the layers work in.
    pub scratch: Scratch,
}

impl Workspace {
    /// Runs the network on `self.input`; afterwards [`Workspace::output`] holds what came out.
    pub fn forward(&mut self, pass: &mut Pass<'_>) {
        forward(&pass.network.layers, pass, &mut self.scratch, &mut self.states, &self.input);
    }

    /// The network's outputs, `[rows, outputs]`.
    pub fn output(&self, network: &Network) -> &[f32] {
        latest(&network.layers, &self.states, &self.input)
    }

    /// The output of top-level layer `index`, channels last.
    pub fn layer_output(&self, network: &Network, index: usize) -> &[f32] {
        latest(&network.layers[..=index], &self.states[..=index], &self.input)
    }

    /// Shows every layer's output of the last forward pass, channels last, and what it remembers: in execution order, those
    /// inside a residual block before the block's sum.
    pub fn visit<'a>(&'a self, network: &'a Network, see: &mut impl FnMut(&'a Layer, &'a [f32], &'a State)) {
        Chain { layers: &network.layers, states: &self.states, input: &self.input }.visit(see);
    }

    /// Propagates the gradient of the outputs, which `loss` writes given the outputs, back through the network.
    /// `gradients` (laid out like the parameters) is overwritten. If `input_gradient`, the gradient of the samples is
    /// returned, channels last.
    pub fn backward(
        &mut self,
        pass: &mut Pass<'_>,
        gradients: &mut [f32],
        input_gradient: bool,
        loss: impl FnOnce(&[f32], &mut [f32]),
    ) -> Option<Vec<f32>> {
        let Self { input, states, scratch } = self;
        let chain = Chain { layers: &pass.network.layers, states, input };
        let outputs = chain.output();
        let mut gradient = scratch.take(outputs.len());
        loss(outputs, &mut gradient[..outputs.len()]);
        let first = if input_gradient { None } else { chain.layers.iter().position(Layer::has_params) };
        let gradient = chain.backward(pass, scratch, gradient, gradients, first);
        let result = input_gradient.then(|| gradient[..input.len()].to_vec());
        scratch.give_back(gradient);
        result
    }

    /// Calls `see` with the network's outputs and as many values of scratch.
    pub fn with_output<T>(&mut self, network: &Network, see: impl FnOnce(&[f32], &mut [f32]) -> T) -> T {
        let len = self.output(network).len();
        let mut scratch = self.scratch.take(len);
        let seen = see(self.output(network), &mut scratch[..len]);
        self.scratch.give_back(scratch);
        seen
    }
}

fn forward(layers: &[Layer], pass: &mut Pass<'_>, scratch: &mut Scratch, states: &mut Vec<State>, input: &[f32]) {
    states.resize_with(layers.len(), State::default);
    for (i, layer) in layers.iter().enumerate().filter(|(_, layer)| !layer.passes_through()) {
        let (done, rest) = states.split_at_mut(i);
        let (x, state) = (latest(&layers[..i], done, input), &mut rest[0]);
        if let Op::Residual(body) = &layer.op {
            forward(body, pass, scratch, &mut state.body, x);
        }
        state.make_room(layer, pass.rows);
        layers::forward(layer, pass, scratch, state, x);
    }
}

/// Layers one after the other with what they remember of a forward pass.
#[derive(Clone, Copy)]
struct Chain<'a> {
    layers: &'a [Layer],
    states: &'a [State],
    input: &'a [f32],
}

impl<'a> Chain<'a> {
    /// Returns the output of the last layer.
    fn output(self) -> &'a [f32] {
        latest(self.layers, self.states, self.input)
    }

    /// Returns the input of layer `i`.
    fn input_of(self, i: usize) -> &'a [f32] {
        latest(&self.layers[..i], &self.states[..i], self.input)
    }

    /// The body of layer `i`, a residual block.
    fn body_of(self, i: usize) -> Self {
        Self { layers: self.layers[i].body(), states: &self.states[i].body, input: self.input_of(i) }
    }

    fn visit(self, see: &mut impl FnMut(&'a Layer, &'a [f32], &'a State)) {
        for (i, (layer, state)) in self.layers.iter().zip(self.states).enumerate() {
            self.body_of(i).visit(see);
            see(layer, self.input_of(i + 1), state);
        }
    }

    /// Runs the layers backwards. `gradient` is that of the last layer's output and is consumed; the returned buffer
    /// holds the gradient of the input. With `first`, nothing before that layer is needed, and neither is its own input's
    /// gradient.
    fn backward(
        self,
        pass: &mut Pass<'_>,
        scratch: &mut Scratch,
        mut gradient: Buffer,
        gradients: &mut [f32],
        first: Option<usize>,
    ) -> Buffer {
        for (i, layer) in self.layers.iter().enumerate().skip(first.unwrap_or(0)).rev() {
            if layer.passes_through() {
                continue;
            }
            let branch = if let Op::Residual(_) = layer.op {
                let len = pass.rows * layer.output.len();
                let mut branch = scratch.take(len);
                branch[..len].copy_from_slice(&gradient[..len]);
                Some(self.body_of(i).backward(pass, scratch, branch, gradients, None))
            } else {
                None
            };
            let wanted = first != Some(i);
            let back = Back { x: self.input_of(i), gradient, branch, gradients, wanted };
            gradient = layers::backward(layer, pass, scratch, &self.states[i], back);
        }
        gradient
    }
}
