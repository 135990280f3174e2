//! Trains a small network of the crate's own in memory, shows how it starts and how it ends, and goes on in candle.
//!
//!     cargo run --release --example train

use candle_core::{DType, Device, Tensor};
use candle_nn::Module;
use initlab::Preset;
use initlab::config::Experiment;
use initlab::data::{Choice, Prepared};

fn main() -> anyhow::Result<()> {
    let trained = Experiment::mlp([784, 50, 50, 50, 10])
        .init(Preset::Kaiming)
        .sgd(0.05)
        .steps(200)
        .batch_size(128)
        .on(Prepared::load(Choice::Digits)?)?
        .threads(2)
        .run()?;
    for layer in trained.layers.iter().filter(|row| row.step == 0) {
        println!("{}: std {:.3} before training", layer.layer, layer.get("act_std").unwrap_or(f64::NAN));
    }
    let losses: Vec<f64> = trained.steps.iter().map(|step| step.loss).collect();
    println!("loss {:.3} → {:.3}", losses[0], losses[losses.len() - 1]);
    println!("test accuracy {:.3}", trained.summary.test_accuracy.unwrap_or(f64::NAN));

    let net = trained.to_candle(&Device::Cpu)?;
    let logits = net.forward(&Tensor::zeros((1, 784), DType::F32, &Device::Cpu)?)?;
    println!("in candle: logits of an image of grey {:?}", logits.dims());
    Ok(())
}
