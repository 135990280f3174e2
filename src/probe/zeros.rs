//! Exact zeros in a network before its first step, and their causes: weights that start at 0, a branch whose factor α does, a loss
//! that is the same whatever the network says, units that are all off.
//!
//! Such zeros are no signal that vanished: what makes them moves in the first steps, or never will.

use crate::model::{Family, Layer, Network};
use crate::probe::rows::Row;

/// Why values are exactly 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The weights of this layer start at 0.
    Weights(String),
    /// The factor α at the end of this residual block's branch starts at 0 (ReZero).
    Alpha(String),
    /// The gradient of the outputs is 0: no answer changes the loss.
    Loss,
    /// No unit behind this layer passes anything on.
    Off(String),
    /// The images themselves are 0.
    Images,
}

impl Cause {
    /// True if `other` is a cause of the same kind.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The layer or block that it names.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::Weights(place) | Self::Alpha(place) | Self::Off(place) => Some(place),
            Self::Loss | Self::Images => None,
        }
    }
}

/// Reason why a row's pre-activations or gradients are 0; absent where they are not.
#[derive(Clone, Debug, Default)]
pub(super) struct Zeros {
    /// Reasons for z.
    pub forward: Vec<Option<Cause>>,
    /// Reasons for ∂loss/∂z.
    pub backward: Vec<Option<Cause>>,
    /// Reasons for h, or for z where no activation follows.
    activations: Vec<Option<Cause>>,
}

/// Zeros that were measured and cannot be read off the parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// True if every image is 0.
    pub images: bool,
    /// True if every gradient of the outputs is 0.
    pub loss: bool,
    /// True for each row in which z is not 0 but all of h is.
    pub off: &'a [bool],
}

/// Follows zeros through `network`, whose activations stand apart; `start` has every parameter's values.
pub(super) fn zeros(network: &Network, start: &[Vec<f32>], rows: &[Row], seen: Seen<'_>) -> Zeros {
    let mut walk = Walk { start, rows, seen, index: 0, forward: Vec::new(), backward: Vec::new() };
    walk.forwards(&network.layers, seen.images.then_some(Cause::Images), None);
    walk.backward = vec![None; walk.forward.len()];
    walk.index = walk.forward.len();
    walk.backwards(&network.layers, seen.loss.then_some(Cause::Loss), None);
    let at = |causes: &[Option<Cause>], place: fn(&Row) -> usize| {
        rows.iter().map(|row| causes[place(row)].clone()).collect()
    };
    Zeros {
        forward: at(&walk.forward, |row| row.z),
        backward: at(&walk.backward, |row| row.z),
        activations: at(&walk.forward, |row| row.h.unwrap_or(row.z)),
    }
}

impl Zeros {
    /// Why the activations of row `i` are 0.
    pub fn activation(&self, i: usize) -> Option<&Cause> {
        self.activations[i].as_ref()
    }
}

struct Walk<'a> {
    start: &'a [Vec<f32>],
    rows: &'a [Row],
    seen: Seen<'a>,
    /// The next layer in execution order; backwards, one behind it.
    index: usize,
    /// Why each layer's output is 0.
    forward: Vec<Option<Cause>>,
    /// Why the gradient of each layer's output is 0.
    backward: Vec<Option<Cause>>,
}

impl Walk<'_> {
    fn is_zero(&self, param: Option<usize>) -> bool {
        param.is_none_or(|index| self.start[index].iter().all(|value| *value == 0.0))
    }

    /// The cause where the activation at `index` passes nothing on though something comes.
    fn off(&self, index: usize, name: &str) -> Option<Cause> {
        let row = self.rows.iter().position(|row| row.h == Some(index))?;
        self.seen.off[row].then(|| Cause::Off(name.to_string()))
    }

    /// Through `layers`, whose input is 0 for the reason `cause`; `block` is the residual block that they are in.
    fn forwards(&mut self, layers: &[Layer], mut cause: Option<Cause>, block: Option<&str>) -> Option<Cause> {
        for layer in layers {
            cause = match layer.op.family() {
                Family::Weights if !self.is_zero(layer.bias) => None,
                Family::Weights if self.is_zero(layer.weight) => {
                    cause.or_else(|| Some(Cause::Weights(layer.name.clone())))
                }
                Family::Sum => {
                    let branch = self.forwards(layer.body(), cause.clone(), Some(&layer.name));
                    cause.and(branch)
                }
                Family::Scalar if layer.weight.is_some() && self.is_zero(layer.weight) => {
                    cause.or_else(|| Some(Cause::Alpha(block.unwrap_or(&layer.name).to_string())))
                }
                Family::Scalar if !self.is_zero(layer.bias) => None,
                Family::Activation => {
                    let keeps = layer.activation.value(0.0) == 0.0;
                    cause.filter(|_| keeps).or_else(|| self.off(self.index, &layer.name))
                }
                Family::Weights | Family::Scalar | Family::Maximum | Family::Mean | Family::Reshape | Family::Norm => {
                    cause
                }
            };
            self.forward.push(cause.clone());
            self.index += 1;
        }
        cause
    }

    /// Back through `layers`, the gradient of whose output is 0 for the reason `cause`; returns that of their input.
    fn backwards(&mut self, layers: &[Layer], mut cause: Option<Cause>, block: Option<&str>) -> Option<Cause> {
        for layer in layers.iter().rev() {
            self.index -= 1;
            self.backward[self.index] = cause.clone();
            cause = match layer.op.family() {
                Family::Weights if self.is_zero(layer.weight) => {
                    cause.or_else(|| Some(Cause::Weights(layer.name.clone())))
                }
                Family::Sum => {
                    let branch = self.backwards(layer.body(), cause.clone(), Some(&layer.name));
                    cause.and(branch)
                }
                Family::Scalar if layer.weight.is_some() && self.is_zero(layer.weight) => {
                    cause.or_else(|| Some(Cause::Alpha(block.unwrap_or(&layer.name).to_string())))
                }
                Family::Activation => cause.or_else(|| self.off(self.index, &layer.name)),
                Family::Weights | Family::Scalar | Family::Maximum | Family::Mean | Family::Reshape | Family::Norm => {
                    cause
                }
            };
        }
        cause
    }
}
