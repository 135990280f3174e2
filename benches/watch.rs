//! The cost of watching a candle model: steps of the lesson's CNN by candle's autograd, without a watch, with one that is off, and with
//! one that looks at every step, in turn.
//!
//!     cargo bench --bench watch -- [ROUNDS] [BATCH]
//!
//! Prints medians of the ratios of neighbouring steps.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, Module, Optimizer, SGD, VarBuilder, VarMap, conv2d, linear};
use initlab::inference::spread::{median, quantile, sorted};
use initlab::{Activation, Preset, Start, Watch};

struct Cnn {
    convolutions: Vec<Conv2d>,
    fc: Linear,
}

impl Cnn {
    fn new(vb: &VarBuilder<'_>) -> Result<Self> {
        let sizes = [(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)];
        let convolution = |(i, (inputs, outputs, kernel)): (usize, (usize, usize, usize))| {
            let config = Conv2dConfig { stride: 2, padding: kernel / 2, ..Conv2dConfig::default() };
            conv2d(inputs, outputs, kernel, config, vb.pp(format!("conv{}", i + 1)))
        };
        let convolutions = sizes.into_iter().enumerate().map(convolution).collect::<Result<_>>()?;
        Ok(Self { convolutions, fc: linear(32, 10, vb.pp("fc"))? })
    }

    fn logits(&self, watch: Option<&Watch>, images: &Tensor) -> Result<Tensor> {
        let mut h = images.clone();
        for (i, convolution) in self.convolutions.iter().enumerate() {
            let z = convolution.forward(&h)?;
            h = match watch {
                Some(watch) => watch.activation(&format!("conv{}", i + 1), &z, Activation::Relu)?,
                None => Activation::Relu.forward(&z)?,
            };
        }
        let logits = self.fc.forward(&h.mean((2, 3))?)?;
        watch.map_or(Ok(logits.clone()), |watch| watch.tap("fc", &logits))
    }
}

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (rounds, batch) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(128));
    let device = Device::Cpu;
    let varmap = VarMap::new();
    let net = Cnn::new(&Start::preset(Preset::Kaiming).var_builder(&varmap, DType::F32, &device))?;
    let mut sgd = SGD::new(varmap.all_vars(), 0.01)?;
    let images = Tensor::arange(0f32, (batch * 784) as f32, &device)?.sin()?.reshape((batch, 1, 28, 28))?;
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
    let labels = Tensor::new(labels, &device)?;
    let (off, every) = (Watch::new().every(0), Watch::new());
    let mut step = |watch: Option<&Watch>| {
        let begin = Instant::now();
        let loss = candle_nn::loss::cross_entropy(&net.logits(watch, &images)?, &labels)?;
        let grads = loss.backward()?;
        if let Some(watch) = watch {
            watch.step(&varmap, &grads)?;
        }
        sgd.step(&grads)?;
        Ok::<f64, candle_core::Error>(begin.elapsed().as_secs_f64())
    };
    (0..3).try_for_each(|_| step(None).map(drop))?;
    let (mut of_off, mut of_every, mut plain_s) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Each comes first in turn.
        let mut seconds = [0.0; 3];
        for i in 0..3 {
            let which = (round + i) % 3;
            seconds[which] = step([None, Some(&off), Some(&every)][which])?;
        }
        let [plain, off, every] = seconds;
        plain_s.push(plain);
        of_off.push(off / plain);
        of_every.push(every / plain);
    }
    println!("batch {batch}, {rounds} rounds; a step without a watch takes {:.1} ms", 1e3 * median(&plain_s));
    for (name, ratios) in [("off", of_off), ("every step", of_every)] {
        let ratios = sorted(&ratios);
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|p| quantile(&ratios, p));
        println!("watch, {name}: {middle:.3} of it (quartiles {low:.3} to {high:.3})");
    }
    Ok(())
}
