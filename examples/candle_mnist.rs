//! A CNN on candle with a residual connection, started three ways, watched in every step, and trained by candle's AdamW.
//!
//!     cargo run --release --example candle_mnist -- [auto|mnist|digits] [STEPS]
//!
//! Prints what each start draws and how it trains, and writes a report of every layer into the current directory.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT, Optimizer, ParamsAdamW, VarBuilder, VarMap,
};
use candle_nn::{batch_norm, conv2d, linear, loss::cross_entropy};
use initlab::data::{Choice, Part, Prepared, batches, epoch_order};
use initlab::{Activation, Preset, Start, Watch, WeightInit};

/// Two convolutions, a residual block, the mean over each channel, a linear layer.
struct Net {
    stem: [Conv2d; 2],
    block: [Conv2d; 2],
    norm: BatchNorm,
    head: Linear,
    watch: Watch,
}

impl Net {
    fn new(vb: &VarBuilder<'_>, watch: &Watch) -> Result<Self> {
        let halving = Conv2dConfig { stride: 2, padding: 1, ..Conv2dConfig::default() };
        let keeping = Conv2dConfig { padding: 1, ..Conv2dConfig::default() };
        Ok(Self {
            stem: [conv2d(1, 8, 3, halving, vb.pp("stem.0"))?, conv2d(8, 16, 3, halving, vb.pp("stem.1"))?],
            block: [conv2d(16, 16, 3, keeping, vb.pp("block.0"))?, conv2d(16, 16, 3, keeping, vb.pp("block.1"))?],
            norm: batch_norm(16, 1e-5, vb.pp("block.norm"))?,
            head: linear(16, 10, vb.pp("head"))?,
            watch: watch.clone(),
        })
    }

    fn logits(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        let relu = |layer: &str, z: &Tensor| self.watch.activation(layer, z, Activation::Relu);
        let x = relu("stem.0", &self.stem[0].forward(images)?)?;
        let x = relu("stem.1", &self.stem[1].forward(&x)?)?;
        let branch = relu("block.0", &self.block[0].forward(&x)?)?;
        let branch = self.norm.forward_t(&self.block[1].forward(&branch)?, train)?;
        let x = relu("block.1", &(x + branch)?)?;
        self.watch.tap("head", &self.head.forward(&x.mean((D::Minus1, D::Minus2))?)?)
    }
}

/// Images `[n, 1, 28, 28]` and labels of a part of the data.
fn tensors(data: &Prepared, part: Part, indices: &[u32]) -> Result<(Tensor, Tensor)> {
    let [channels, height, width] = data.image_dims();
    let (mut pixels, mut labels) = (vec![0.0; indices.len() * channels * height * width], vec![0; indices.len()]);
    data.gather(part, indices, &mut pixels);
    data.gather_labels(part, indices, &mut labels);
    let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
    // The crate's kernels have channels last, candle has them first.
    let images = Tensor::from_vec(pixels, (indices.len(), height, width, channels), &Device::Cpu)?;
    let images = images.permute((0, 3, 1, 2))?.contiguous()?;
    Ok((images, Tensor::new(labels, &Device::Cpu)?))
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data = Prepared::load(Choice::parse(&arguments.next().unwrap_or_else(|| "auto".into())))?;
    let steps = arguments.next().map_or(Ok(100), |steps| steps.parse())?;
    println!("{}: {} training images", data.dataset().name, data.len(Part::Train));

    let starts = [
        // What candle draws, but reproducible.
        ("candle", Start::hints()),
        ("kaiming", Start::preset(Preset::Kaiming).last("head.*")),
        // The last convolution of the block starts at 0, so that the block starts as the identity.
        ("kaiming-zero", Start::preset(Preset::Kaiming).last("head.*").rule("block.1.*", WeightInit::Zeros)),
    ];
    for (name, start) in starts {
        let (varmap, watch) = (VarMap::new(), Watch::new());
        let net = Net::new(&start.var_builder(&varmap, DType::F32, &Device::Cpu), &watch)?;
        println!("\n{name}\n{}", start.table(&varmap)?);
        let mut adam = AdamW::new(varmap.all_vars(), ParamsAdamW { lr: 3e-3, ..ParamsAdamW::default() })?;
        let order = (0..).flat_map(|epoch| epoch_order(0, epoch, data.len(Part::Train)));
        let order: Vec<u32> = order.take(steps * 64).collect();
        for (step, batch) in batches(&order, 64).enumerate() {
            let (images, labels) = tensors(&data, Part::Train, batch)?;
            let loss = cross_entropy(&net.logits(&images, true)?, &labels)?;
            let grads = loss.backward()?;
            watch.step(&varmap, &grads)?;
            adam.step(&grads)?;
            if step % 25 == 0 || step + 1 == steps {
                println!("step {step:3}  loss {:.4}", loss.to_scalar::<f32>()?);
            }
        }
        let test: Vec<u32> = (0..data.len(Part::Test).min(2000) as u32).collect();
        let (images, labels) = tensors(&data, Part::Test, &test)?;
        let found = watch.paused(|| net.logits(&images, false))?.argmax(D::Minus1)?;
        let right = found.eq(&labels)?.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?;
        let report = format!("candle_mnist-{name}.html");
        watch.write_report(&report)?;
        println!("\n{}\ntest accuracy {:.1} %, every layer in {report}", watch.table()?, 100.0 * right);
    }
    Ok(())
}
