//! From a list of modules to the plan: names, fused activations, and what each layer's own file plans.

use crate::activation::Activation;
use crate::model::draft::{Draft, MAX_VALUES};
use crate::model::error::NetworkError;
use crate::model::layer::{Family, Layer, LayerSpec, Op};
use crate::model::layers;
use crate::model::network::Network;
use crate::model::shape::Shape;

/// Place of an activation that comes right after a linear layer or a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// It is part of that layer.
    #[default]
    Fused,
    /// It stays a layer of its own, for checks layer by layer.
    Apart,
}

impl Network {
    /// Lays out `specs` for samples of shape `input`.
    ///
    /// # Errors
    /// There is no layer, or a layer's shapes do not fit; names the layer.
    pub fn build(input: Shape, specs: &[LayerSpec], activations: Activations) -> Result<Self, NetworkError> {
        let mut planner = Planner { activations, ..Planner::default() };
        let layers = planner.sequence("", input, specs)?;
        if layers.is_empty() {
            return Err(NetworkError::Empty);
        }
        let Draft { params, running, observed, .. } = planner.draft;
        Ok(Self { input, layers, params, running, observed })
    }
}

#[derive(Default)]
struct Planner {
    activations: Activations,
    draft: Draft,
    /// Layers so far, by kind.
    counts: std::collections::BTreeMap<&'static str, usize>,
}

impl Planner {
    fn sequence(&mut self, prefix: &str, input: Shape, specs: &[LayerSpec]) -> Result<Vec<Layer>, NetworkError> {
        let mut layers: Vec<Layer> = Vec::new();
        let mut shape = input;
        for (i, spec) in specs.iter().enumerate() {
            if let (LayerSpec::Activation(activation), Some(last), Activations::Fused) =
                (spec, layers.last_mut(), self.activations)
                && awaits_activation(last)
            {
                self.fuse_activation(last, *activation);
                continue;
            }
            let layer = self.layer(format!("{prefix}{i}"), shape, spec)?;
            shape = layer.output;
            if let LayerSpec::Activation(activation) = spec {
                self.credit(&layers, *activation);
            }
            layers.push(layer);
        }
        Ok(layers)
    }

    fn fuse_activation(&mut self, layer: &mut Layer, activation: Activation) {
        layer.activation = activation;
        self.tell_params(layer, activation);
        if let Some(observation) = layer.observation {
            self.draft.observed[observation].activation = activation;
        }
    }

    fn tell_params(&mut self, layer: &Layer, activation: Activation) {
        for index in [layer.weight, layer.bias].into_iter().flatten() {
            self.draft.params[index].activation = activation;
        }
    }

    /// Tells the weight whose output reaches an activation through norms, scalars or a residual sum which one it is, so
    /// that initialisers can take its gain.
    fn credit(&mut self, layers: &[Layer], activation: Activation) {
        for layer in layers.iter().rev() {
            match layer.op.family() {
                Family::Weights if awaits_activation(layer) => return self.tell_params(layer, activation),
                Family::Sum => return self.credit(layer.body(), activation),
                Family::Norm | Family::Scalar => {}
                Family::Weights | Family::Activation | Family::Maximum | Family::Mean | Family::Reshape => return,
            }
        }
    }

    fn layer(&mut self, key: String, input: Shape, spec: &LayerSpec) -> Result<Layer, NetworkError> {
        let kind = spec.kind();
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("{kind}{count}");
        let mut layer = Layer {
            name,
            key,
            op: Op::Activation,
            activation: Activation::Identity,
            input,
            output: input,
            weight: None,
            bias: None,
            observation: None,
        };
        let body = if let LayerSpec::Residual(body) = spec {
            self.sequence(&format!("{}.body.", layer.key), input, body)?
        } else {
            Vec::new()
        };
        layers::plan(spec, &mut layer, body, &mut self.draft)?;
        if layer.output.len() > MAX_VALUES {
            return Err(NetworkError::TooLarge { layer: layer.name, limit: MAX_VALUES });
        }
        Ok(layer)
    }
}

/// True if an activation right behind `layer` becomes part of it.
fn awaits_activation(layer: &Layer) -> bool {
    layer.op.family() == Family::Weights && layer.activation == Activation::Identity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooling_window_never_lies_in_the_padding_alone() {
        let input = Shape::Image { channels: 1, height: 8, width: 8 };
        for (kernel, padding, fits) in
            [(1, 0, true), (1, 1, false), (2, 1, true), (2, 2, false), (3, 1, true), (3, 2, false)]
        {
            let planned =
                Network::build(input, &[LayerSpec::MaxPool { kernel, stride: 1, padding }], Activations::Fused);
            assert_eq!(planned.is_ok(), fits, "{kernel} {padding}");
            if let Err(error) = planned {
                let rule = format!("more than half of the pooling window of {kernel}");
                assert!(error.to_string().contains(&rule), "{error}");
            }
        }
    }
}
