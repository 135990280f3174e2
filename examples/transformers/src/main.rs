//! Models of somebody else's making, started and watched without a change to their code.
//!
//!     cargo run --release --manifest-path examples/transformers/Cargo.toml
//!
//! VGG-13, ResNet-18 and ConvNeXt (atto) of candle-transformers: the table of their parameters, then one step of SGD on noise in
//! which the weights, their gradients and their updates are watched; not of ResNet, through whose first pooling candle cannot go
//! backwards. Their activations stay unseen: a tap would have to stand in their code.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::{Func, ModuleT, Optimizer, SGD, VarBuilder, VarMap, loss::cross_entropy};
use candle_transformers::models::{convnext, resnet, vgg};
use initlab::{Activation, Preset, Start, Watch};

const DEVICE: Device = Device::Cpu;

fn main() -> Result<()> {
    let classes = 10;
    let kaiming = || Start::preset(Preset::Kaiming);
    show("VGG-13, without its classifier", &kaiming(), 224, |vb| {
        Ok(Box::new(Trained(vgg::Vgg::new(vb, vgg::Models::Vgg13)?)))
    })?;
    show("ResNet-18", &kaiming().last("fc.*"), 32, |vb| Ok(Box::new(Whole(resnet::resnet18(classes, vb)?))))?;
    let config = convnext::Config::atto();
    show("ConvNeXt (atto)", &kaiming().activation(Activation::Gelu).last("head.fc.*"), 64, |vb| {
        Ok(Box::new(Whole(convnext::convnext(&config, classes, vb)?)))
    })
}

/// The VGG.
struct Trained<M>(M);
/// The ResNet and the ConvNeXt.
struct Whole<'a>(Func<'a>);

trait Model {
    fn logits(&self, images: &Tensor) -> candle_core::Result<Tensor>;
}

impl<M: ModuleT> Model for Trained<M> {
    /// One image at a time, as this model takes them.
    fn logits(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.0.forward_t(&images.get(0)?, true)
    }
}

impl Model for Whole<'_> {
    fn logits(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.0.forward_t(images, true)
    }
}

fn show(
    name: &str,
    start: &Start,
    size: usize,
    build: impl Fn(VarBuilder<'static>) -> candle_core::Result<Box<dyn Model>>,
) -> Result<()> {
    let (varmap, watch) = (VarMap::new(), Watch::new());
    let model = build(start.var_builder(&varmap, DType::F32, &DEVICE))?;
    println!("{name}\n{}", start.table(&varmap)?);
    let images = Tensor::randn(0f32, 1.0, (4, 3, size, size), &DEVICE)?;
    let logits = model.logits(&images)?;
    let labels = Tensor::arange(0u32, logits.dim(0)? as u32, &DEVICE)?;
    let loss = cross_entropy(&logits, &labels)?;
    // candle 0.11 has no backward pass for overlapping max pooling, which ResNet begins with.
    let grads = match loss.backward() {
        Ok(grads) => grads,
        Err(error) => {
            println!("no step: {}\n", error.to_string().lines().next().unwrap_or_default());
            return Ok(());
        }
    };
    watch.step(&varmap, &grads)?;
    SGD::new(varmap.all_vars(), 1e-3)?.step(&grads)?;
    println!("{}", watch.table()?);
    Ok(())
}
