//! The plain chain of layers that a config's network is.

use candle_core::Tensor;

use crate::activation::Activation;
use crate::config::model::ModelConfig;
use crate::config::{ConfigError, Document};
use crate::model::build::build;
use crate::model::{Family, Network, Shape};
use crate::start::StartError;
use crate::watch::error::WatchError;

/// The layers with weights of `[model]` in `text`, in order, each with the activation behind it. The batch `input` gives the shape of a
/// sample; the number of outputs changes neither names nor activations.
pub(super) fn of_toml(text: &str, input: &Tensor) -> Result<Vec<(String, Activation)>, WatchError> {
    let model = model(text).map_err(StartError::from)?;
    let network = build(&model, sample(input)?, 1).map_err(|error| WatchError::Chain(error.to_string()))?;
    plain(&network)?;
    Ok(network.observed.into_iter().map(|layer| (layer.name, layer.activation)).collect())
}

fn model(text: &str) -> Result<ModelConfig, ConfigError> {
    let document = Document::parse("config.toml", text, &[])?;
    let root = document.root();
    match root.section("model")? {
        Some(section) => ModelConfig::read(section),
        None => Err(root.error("model", "is missing: [model] says which layers follow each other")),
    }
}

/// The shape of a sample of a batch.
fn sample(batch: &Tensor) -> Result<Shape, WatchError> {
    match *batch.dims() {
        [_, values] => Ok(Shape::Flat(values)),
        [_, channels, height, width] => Ok(Shape::Image { channels, height, width }),
        ref shape => Err(WatchError::Shape { layer: "input".into(), shape: shape.to_vec() }),
    }
}

/// Refuses a network in which something stands between two layers that changes lengths.
fn plain(network: &Network) -> Result<(), WatchError> {
    let fits = |family: Family| match family {
        Family::Weights | Family::Activation | Family::Reshape => true,
        Family::Maximum | Family::Mean | Family::Norm | Family::Scalar | Family::Sum => false,
    };
    match network.layers.iter().find(|layer| !fits(layer.op.family())) {
        None => Ok(()),
        Some(layer) => Err(WatchError::Chain(format!(
            "`{}` stands between its layers, and theory is of weights and activations that follow each other; name such layers with .chain()",
            layer.name
        ))),
    }
}
