//! Inputs of the layers' passes on the CPU: parameters and settings, what each layer remembers, and memory to work in.
//!
//! Between layers a sample is stored channels last: vectors as they are, images as (row, column, channel).

use std::ops::Range;

use crate::cpu::activation::{self, Observation, ObserveSettings};
use crate::cpu::buffer::Buffer;
use crate::cpu::conv::ConvPlan;
use crate::cpu::norm::{BatchMoments, Lines};
use crate::model::draws::Draws;
use crate::model::layer::Layer;
use crate::model::network::Network;

/// Inputs that are fixed during a pass, and the observations that it fills.
pub struct Pass<'a> {
    /// The plan.
    pub network: &'a Network,
    /// All parameters, in the kernels' layout.
    pub params: &'a [f32],
    /// Each parameter that [`is_transposed`](super::policy::is_transposed) is for transposed, `[fan_in, units]`.
    pub transposed: &'a [Buffer],
    /// Batch norm's running estimates.
    pub running: &'a [f32],
    /// True in a pass of training: batch norm takes the batch's moments.
    pub training: bool,
    /// Seed and step of the layers' draws; where they are absent, as outside of training steps, nothing is drawn.
    pub draws: Option<Draws>,
    /// The batch's row that comes first here, so that a row's draws do not depend on the cut into shards.
    pub first_row: usize,
    /// Samples.
    pub rows: usize,
    /// Threads inside a layer's products.
    pub threads: usize,
    /// Thresholds and ranges for the observed layers.
    pub settings: ObserveSettings,
    /// One entry for each observed layer, or none.
    pub observations: &'a mut [Observation],
}

impl<'a> Pass<'a> {
    /// Where a parameter lies among all of them.
    ///
    /// # Panics
    /// If there is none.
    pub fn range(&self, index: Option<usize>) -> Range<usize> {
        self.network.params[index.expect("this layer has the parameter")].range()
    }

    /// The values of a parameter.
    ///
    /// # Panics
    /// If there is none.
    pub fn param(&self, index: Option<usize>) -> &'a [f32] {
        &self.params[self.range(index)]
    }

    /// Where `layer` is observed, and what to look for.
    pub fn observation(&mut self, layer: &Layer) -> Option<(&mut Observation, &ObserveSettings)> {
        let observation = self.observations.get_mut(layer.observation?)?;
        Some((observation, &self.settings))
    }

    /// Takes the statistics of the gradient of a layer that has no φ.
    pub fn observe_gradient(&mut self, layer: &Layer, gradient: &[f32]) {
        if let Some((observation, settings)) = self.observation(layer) {
            activation::observe_gradient(observation, settings, gradient);
        }
    }

    /// The gradients of a norm's weight and bias, which follow each other among all parameters.
    pub fn norm_gradients<'g>(&self, layer: &Layer, gradients: &'g mut [f32]) -> [&'g mut [f32]; 2] {
        let (weight, bias) = (self.range(layer.weight), self.range(layer.bias));
        let (dw, db) = gradients[weight.start..bias.end].split_at_mut(weight.len());
        [dw, db]
    }
}

/// Values that a layer remembers from its forward pass.
#[derive(Default)]
pub struct State {
    /// h, `[rows, output]`.
    pub out: Buffer,
    /// z, where φ′ cannot be read off h.
    pub z: Buffer,
    /// A convolution's places.
    pub plan: Option<ConvPlan>,
    /// A convolution's images between their zeros, kept for the weights' gradient.
    pub padded: Buffer,
    /// Positions of the maxima.
    pub chosen: Vec<u32>,
    /// Dropout's factors, `[rows, output]`.
    pub mask: Buffer,
    /// Batch norm's moments.
    pub moments: BatchMoments,
    /// The body of a residual block.
    pub body: Vec<Self>,
}

impl State {
    /// Makes room for `layer`'s outputs of `rows` samples.
    pub fn make_room(&mut self, layer: &Layer, rows: usize) {
        let len = rows * layer.output.len();
        resize(&mut self.out, len);
        if !layer.activation.slope_from_output() {
            resize(&mut self.z, len);
        }
    }

    /// Where the pre-activations go: apart from h if φ′ cannot be read off h.
    pub fn pre_activation(&mut self, layer: &Layer) -> &mut Buffer {
        if layer.activation.slope_from_output() { &mut self.out } else { &mut self.z }
    }
}

/// Exactly `len` values of any content; a buffer that already has them keeps its content.
fn resize(buffer: &mut Buffer, len: usize) {
    if buffer.len() != len {
        buffer.resize(len);
    }
}

/// The output of the last of `layers`, looking through those that only rename their input.
pub fn latest<'a>(layers: &[Layer], states: &'a [State], input: &'a [f32]) -> &'a [f32] {
    let made = layers.iter().zip(states).rev().find(|(layer, _)| !layer.passes_through());
    made.map_or(input, |(_, state)| &state.out)
}

/// Memory that the layers of one worker share; it grows in the first step and is reused after it.
#[derive(Default)]
pub struct Scratch {
    /// Scratch space of the activations.
    pub activation: activation::Scratch,
    /// Scratch lines of batch norms.
    pub lines: Lines,
    /// Scratch space of convolutions: the outputs' gradients with zeros between them.
    pub spread: Buffer,
    spare: Vec<Buffer>,
}

impl Scratch {
    /// A buffer of at least `len` values of any content.
    pub fn take(&mut self, len: usize) -> Buffer {
        let mut buffer = self.spare.pop().unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len);
        }
        buffer
    }

    /// Keeps a buffer for the next one who takes.
    pub fn give_back(&mut self, buffer: Buffer) {
        self.spare.push(buffer);
    }
}

/// A gradient on its way back through a layer.
pub struct Back<'a> {
    /// Input of the layer's forward pass.
    pub x: &'a [f32],
    /// The gradient of the layer's output, in a buffer that may be longer.
    pub gradient: Buffer,
    /// Gradient that came through the body of a residual block.
    pub branch: Option<Buffer>,
    /// Gradients of all parameters; the layer overwrites its own.
    pub gradients: &'a mut [f32],
    /// True if the gradient of the layer's input is asked for.
    pub wanted: bool,
}

impl Back<'_> {
    /// The gradient of the input of a layer without parameters, which `work` writes given that of the output.
    pub fn into_input(
        self,
        layer: &Layer,
        pass: &Pass<'_>,
        scratch: &mut Scratch,
        work: impl FnOnce(&[f32], &mut [f32]),
    ) -> Buffer {
        let (out_len, in_len) = (pass.rows * layer.output.len(), pass.rows * layer.input.len());
        let mut dx = scratch.take(in_len);
        work(&self.gradient[..out_len], &mut dx[..in_len]);
        scratch.give_back(self.gradient);
        dx
    }
}
