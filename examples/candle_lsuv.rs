//! A deep MLP on candle before training: what theory predicts, what is measured, and what LSUV makes of it.
//!
//!     cargo run --release --example candle_lsuv

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, VarBuilder, VarMap, linear};
use initlab::data::{Choice, Part, Prepared};
use initlab::{Activation, Lsuv, Preset, Probe, Start, Watch};

const DEPTH: usize = 8;
const WIDTH: usize = 100;
const PHI: Activation = Activation::ShiftedRelu { shift: 0.5 };

/// Hidden layers `fc1` to `fc8`, then the output `fc9`.
fn layers(vb: &VarBuilder<'_>) -> Result<Vec<Linear>> {
    let size = |i: usize| if i == DEPTH { 10 } else { WIDTH };
    (0..=DEPTH).map(|i| linear(if i == 0 { 784 } else { WIDTH }, size(i), vb.pp(format!("fc{}", i + 1)))).collect()
}

fn forward(layers: &[Linear], watch: &Watch, x: &Tensor) -> Result<Tensor> {
    layers.iter().enumerate().try_fold(x.clone(), |x, (i, layer)| {
        let activation = if i == DEPTH { Activation::Identity } else { PHI };
        watch.activation(&format!("fc{}", i + 1), &layer.forward(&x)?, activation)
    })
}

fn main() -> anyhow::Result<()> {
    let data = Prepared::load(Choice::Digits)?;
    let indices: Vec<u32> = (0..256).collect();
    let mut pixels = vec![0.0; indices.len() * 784];
    data.gather(Part::Train, &indices, &mut pixels);
    let images = Tensor::from_vec(pixels, (indices.len(), 784), &Device::Cpu)?;
    let names: Vec<String> = (1..=DEPTH + 1).map(|i| format!("fc{i}")).collect();
    let chain: Vec<(&str, Activation)> = names
        .iter()
        .map(|name| (name.as_str(), if *name == names[DEPTH] { Activation::Identity } else { PHI }))
        .collect();

    println!("Kaiming for relu(x) - 0.5, {DEPTH} hidden layers:");
    let start = Start::preset(Preset::Kaiming).activation(PHI).last(&format!("{}.*", names[DEPTH]));
    let probe = Probe::new(start.clone(), 10).chain(&images, &chain);
    let loss = |vb: VarBuilder<'static>, watch: &Watch| forward(&layers(&vb)?, watch, &images)?.sqr()?.mean_all();
    println!("{}", probe.run(DType::F32, &Device::Cpu, loss)?);

    println!("The same after LSUV on {} images:", indices.len());
    let (varmap, watch) = (VarMap::new(), Watch::new());
    let net = layers(&start.var_builder(&varmap, DType::F32, &Device::Cpu))?;
    let order: Vec<&str> = names.iter().map(String::as_str).collect();
    for layer in Lsuv::new().run(&varmap, &watch, &order, |x| forward(&net, &watch, x), &images)? {
        println!("{}  std {:.4} → {:.4}", layer.layer, layer.std_before, layer.std_after);
    }
    Ok(())
}
