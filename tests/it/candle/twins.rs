//! The crate's own networks once more, as a user of candle would write them.

use std::path::Path;

use candle_core::{Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module, VarBuilder, conv2d, linear};
use initlab::config::{Experiment, resolve::resolve};
use initlab::model::build::build;
use initlab::model::initialise::initialise;
use initlab::model::{Network, Shape};
use initlab::{Activation, Watch};

/// An MLP of linear layers.
pub struct Mlp {
    pub layers: Vec<Linear>,
}

impl Mlp {
    pub fn new(sizes: &[usize], vb: &VarBuilder<'_>) -> Result<Self> {
        let layer = |(i, sizes): (usize, &[usize])| linear(sizes[0], sizes[1], vb.pp(format!("linear{}", i + 1)));
        Ok(Self { layers: sizes.windows(2).enumerate().map(layer).collect::<Result<_>>()? })
    }
}

/// The lesson's CNN: four convolutions of stride 2, the mean over each channel, a linear layer.
pub struct Cnn {
    pub convolutions: Vec<Conv2d>,
    pub fc: Linear,
}

/// Channels and kernel of its convolutions.
pub const STAGES: [(usize, usize); 4] = [(8, 5), (16, 3), (32, 3), (32, 3)];

impl Cnn {
    pub fn new(vb: &VarBuilder<'_>) -> Result<Self> {
        let mut channels = 1;
        let mut convolutions = Vec::new();
        for (i, (out, kernel)) in STAGES.into_iter().enumerate() {
            let config = Conv2dConfig { stride: 2, padding: kernel / 2, ..Conv2dConfig::default() };
            convolutions.push(conv2d(channels, out, kernel, config, vb.pp(format!("conv{}", i + 1)))?);
            channels = out;
        }
        Ok(Self { convolutions, fc: linear(channels, 10, vb.pp("linear1"))? })
    }
}

impl Module for Mlp {
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let (last, hidden) = self.layers.split_last().expect("an output layer");
        let h = hidden.iter().try_fold(images.clone(), |h, layer| layer.forward(&h)?.relu())?;
        last.forward(&h)
    }
}

/// A network of the crate and its starting values, from a config without data.
pub fn network(config: &str) -> (Network, Vec<Vec<f32>>) {
    let text = format!("{config}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
    let experiment = Experiment::parse("net.toml", &text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let config = resolve(&experiment.model, &experiment.init).unwrap();
    let network = build(&config.model, Shape::Image { channels: 1, height: 28, width: 28 }, 10).unwrap();
    let values = initialise(&network, &config.init, &config.model, experiment.seed).unwrap();
    (network, values)
}

/// `[model]` of the lesson's CNN.
pub fn lesson_cnn() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/lesson_cnn.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let model = text.split("[model]").nth(1).unwrap();
    format!("[model]{}", model.split("[init]").next().unwrap())
}

impl Mlp {
    /// The logits, with every layer watched.
    pub fn watched(&self, watch: &Watch, images: &Tensor, activation: Activation) -> Result<Tensor> {
        let mut h = images.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            let activation = if i + 1 < self.layers.len() { activation } else { Activation::Identity };
            h = watch.activation(&format!("linear{}", i + 1), &layer.forward(&h)?, activation)?;
        }
        Ok(h)
    }
}

impl Cnn {
    /// The logits, with every layer watched.
    pub fn watched(&self, watch: &Watch, images: &Tensor, activation: Activation) -> Result<Tensor> {
        let mut h = images.reshape(((), 1, 28, 28))?;
        for (i, convolution) in self.convolutions.iter().enumerate() {
            h = watch.activation(&format!("conv{}", i + 1), &convolution.forward(&h)?, activation)?;
        }
        let z = self.fc.forward(&h.mean((2, 3))?)?;
        watch.activation("linear1", &z, Activation::Identity)
    }
}
