//! The plan of a network: layers in order, their shapes, and every parameter with its name and place.

use crate::activation::Activation;
use crate::model::layer::{Family, Layer, Op};
use crate::model::param::Param;
use crate::model::shape::Shape;

/// The plan of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Shape of a sample.
    pub input: Shape,
    /// The layers in order.
    pub layers: Vec<Layer>,
    /// Every parameter, in order.
    pub params: Vec<Param>,
    /// Names (`2.running_mean`, `2.running_var`) and ranges of batch norm's running estimates.
    pub running: Vec<(String, std::ops::Range<usize>)>,
    /// Names of the layers of which statistics are taken, with the number of their units, in order.
    pub observed: Vec<ObservedLayer>,
}

/// A layer of which statistics are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedLayer {
    /// Name of the layer.
    pub name: String,
    /// Units: outputs of a linear layer, channels of a convolution.
    pub units: usize,
    /// Its activation.
    pub activation: Activation,
    /// Index of its weight.
    pub weight: Option<usize>,
}

impl Network {
    /// Shape of a sample of outputs.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.params.iter().map(Param::len).sum()
    }

    /// Number of running estimates.
    pub fn running_len(&self) -> usize {
        self.running.last().map_or(0, |(_, range)| range.end)
    }

    /// The running estimates before the first step: means 0, variances 1.
    pub fn initial_running(&self) -> Vec<f32> {
        let mut running = vec![0.0; self.running_len()];
        for (_, range) in self.running.iter().filter(|(name, _)| name.ends_with("running_var")) {
            running[range.clone()].fill(1.0);
        }
        running
    }

    /// Every layer in execution order, those inside residual blocks before the block itself.
    pub fn flat_layers(&self) -> Vec<&Layer> {
        fn walk<'a>(layers: &'a [Layer], all: &mut Vec<&'a Layer>) {
            for layer in layers {
                walk(layer.body(), all);
                all.push(layer);
            }
        }
        let mut all = Vec::new();
        walk(&self.layers, &mut all);
        all
    }

    /// Applies `f` to every layer in execution order.
    pub fn for_each_layer_mut(&mut self, f: &mut impl FnMut(&mut Layer)) {
        fn walk(layers: &mut [Layer], f: &mut impl FnMut(&mut Layer)) {
            for layer in layers {
                if let Op::Residual(body) = &mut layer.op {
                    walk(body, f);
                }
                f(layer);
            }
        }
        walk(&mut self.layers, f);
    }

    /// Copies the network with every activation in a layer of its own, so that z and h can both be seen, and without layers
    /// that do nothing outside of training. Parameters stay as they are; an activation has the name of the weight layer
    /// before it, and an observation of its own.
    #[must_use]
    pub fn with_activations_apart(&self) -> Self {
        fn split(layers: &[Layer], observed: &mut Vec<ObservedLayer>) -> Vec<Layer> {
            let mut all = Vec::new();
            for layer in layers.iter().filter(|layer| !layer.op.acts_only_in_training()) {
                let mut layer = layer.clone();
                if let Op::Residual(body) = &layer.op {
                    layer.op = Op::Residual(split(body, observed));
                }
                let mut observation = |layer: &mut Layer| {
                    layer.observation = Some(observed.len());
                    let (units, activation) = (layer.output.units(), layer.activation);
                    observed.push(ObservedLayer { name: layer.name.clone(), units, activation, weight: layer.weight });
                };
                let activation = if layer.op.family() == Family::Weights {
                    std::mem::replace(&mut layer.activation, Activation::Identity)
                } else {
                    Activation::Identity
                };
                if layer.observation.is_some() {
                    observation(&mut layer);
                }
                let (name, key, shape) = (layer.name.clone(), layer.key.clone(), layer.output);
                all.push(layer);
                if activation != Activation::Identity {
                    let (op, weight, bias) = (Op::Activation, None, None);
                    let (input, output) = (shape, shape);
                    let mut apart = Layer { name, key, op, activation, input, output, weight, bias, observation: None };
                    observation(&mut apart);
                    all.push(apart);
                }
            }
            all
        }
        let mut observed = Vec::new();
        let layers = split(&self.layers, &mut observed);
        Self { layers, observed, ..self.clone() }
    }
}
