//! The places of a network that a probe looks at: a row for every weight layer with the activation behind it, and for
//! every residual sum.

use crate::activation::Activation;
use crate::model::{Family, Layer, Network};

/// A place, with indices into [`Network::flat_layers`] of a network with its activations apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The layer that gives the row its name: linear, convolution or residual sum.
    pub layer: usize,
    /// The layer whose output is z, what φ gets: the same, or the norm behind it.
    pub z: usize,
    /// The layer whose output is h = φ(z); absent where no activation follows.
    pub h: Option<usize>,
    /// φ.
    pub activation: Activation,
}

/// The rows of `network`, in execution order.
pub fn rows(network: &Network) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for (i, layer) in network.flat_layers().into_iter().enumerate() {
        match layer.op.family() {
            Family::Weights | Family::Sum => {
                rows.push(Row { layer: i, z: i, h: None, activation: Activation::Identity });
                open = true;
            }
            Family::Norm if open => rows.last_mut().expect("one is open").z = i,
            Family::Activation if open => {
                let row = rows.last_mut().expect("one is open");
                (row.h, row.activation) = (Some(i), layer.activation);
                open = false;
            }
            Family::Norm | Family::Activation | Family::Maximum | Family::Mean | Family::Reshape | Family::Scalar => {}
        }
    }
    rows
}

/// Names the kind of the layer that a row is named after.
pub(crate) fn kind(layer: &Layer) -> &'static str {
    if layer.op.family() == Family::Sum {
        "residual"
    } else if layer.op.windows().is_some() {
        "conv"
    } else {
        "linear"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activations, LayerSpec, Shape};

    fn names(specs: &[LayerSpec]) -> Vec<(String, String, Option<String>)> {
        let network = Network::build(Shape::Flat(4), specs, Activations::Fused).unwrap().with_activations_apart();
        let layers = network.flat_layers();
        let name = |i: usize| format!("{} {}", layers[i].name, family_name(layers[i].op.family()));
        let kinds = rows(&network);
        kinds.into_iter().map(|row| (layers[row.layer].name.clone(), name(row.z), row.h.map(name))).collect()
    }

    fn family_name(family: Family) -> &'static str {
        match family {
            Family::Activation => "φ",
            Family::Norm => "norm",
            Family::Sum => "sum",
            Family::Weights | Family::Maximum | Family::Mean | Family::Reshape | Family::Scalar => "weight",
        }
    }

    #[test]
    fn z_is_what_the_activation_gets_and_h_what_it_gives() {
        let linear = || LayerSpec::Linear { out: 4, bias: true };
        let relu = || LayerSpec::Activation(Activation::Relu);
        let norm = LayerSpec::BatchNorm { eps: 1e-5, momentum: 0.1 };
        let row = |name: &str, z: &str, h: Option<&str>| (name.to_string(), z.to_string(), h.map(str::to_string));
        assert_eq!(
            names(&[linear(), relu(), linear(), norm, relu(), linear()]),
            [
                row("linear1", "linear1 weight", Some("linear1 φ")),
                row("linear2", "batch_norm1 norm", Some("act1 φ")),
                row("linear3", "linear3 weight", None),
            ]
        );
        assert_eq!(
            names(&[LayerSpec::Residual(vec![linear(), relu(), linear()]), relu()]),
            [
                row("linear1", "linear1 weight", Some("linear1 φ")),
                row("linear2", "linear2 weight", None),
                row("residual1", "residual1 sum", Some("act1 φ")),
            ]
        );
    }
}
