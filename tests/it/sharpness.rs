//! Sharpness against PyTorch's dense Hessian and against one by finite differences, and its record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::{DType, Device, Tensor};
use initlab::activation::Activation;
use initlab::config::Experiment;
use initlab::data::{Choice, Prepared, Request, Split, load};
use initlab::inference::lanczos::{Limits, largest};
use initlab::inference::noise::{Cut, GradientNoise};
use initlab::model::cpu::CpuModel;
use initlab::model::device::DeviceModel;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::sharpness::Sharpness;
use initlab::model::{Activations, LayerSpec, Network, Role, Shape};
use initlab::record::read::RunRecords;
use initlab::record::run_dir::Existing;
use initlab::train::engine::Compute;
use initlab::train::{Plan, Run, train};

const ROWS: usize = 20;

fn linear(out: usize) -> LayerSpec {
    LayerSpec::Linear { out, bias: true }
}

fn conv(out: usize, stride: usize) -> LayerSpec {
    LayerSpec::Conv2d { out, kernel: [3, 3], stride, padding: 0, bias: true }
}

/// The networks of tests/reference/make_curvature.py.
fn cases() -> Vec<(&'static str, Shape, Vec<LayerSpec>)> {
    let phi = LayerSpec::Activation;
    let [tanh, gelu, relu, silu] = [Activation::Tanh, Activation::Gelu, Activation::Relu, Activation::Silu].map(phi);
    let image = Shape::Image { channels: 1, height: 6, width: 6 };
    vec![
        ("tanh", Shape::Flat(6), vec![linear(9), tanh.clone(), linear(7), tanh.clone(), linear(4)]),
        ("gelu", Shape::Flat(5), vec![linear(8), gelu, linear(3)]),
        ("relu", Shape::Flat(6), vec![linear(9), relu, linear(4)]),
        ("layer_norm", Shape::Flat(6), vec![linear(9), LayerSpec::LayerNorm { eps: 1e-3 }, tanh.clone(), linear(4)]),
        ("conv", image, vec![conv(3, 1), tanh, conv(4, 2), silu, LayerSpec::Flatten, linear(4)]),
    ]
}

/// The network with the script's parameters, in PyTorch's order.
fn network(input: Shape, layers: &[LayerSpec]) -> (Arc<Network>, Vec<Vec<f32>>) {
    let network = Network::build(input, layers, Activations::Fused).unwrap();
    let values = network.params.iter().enumerate().map(|(j, param)| {
        let small = |k: usize| 0.1 * ((k + j) as f64).cos();
        let size = 1.5 / (param.fan_in as f64).sqrt();
        let value = |k: usize| match param.role {
            Role::Weight => size * (1.7 * k as f64 + j as f64).sin(),
            Role::NormWeight => 1.0 + small(k),
            Role::Bias | Role::NormBias | Role::Scalar(_) => small(k),
        };
        (0..param.len()).map(|k| value(k) as f32).collect()
    });
    let values = values.collect();
    (Arc::new(network), values)
}

fn samples(network: &Network) -> (Vec<f32>, Vec<u8>) {
    let value = |i: usize| (0.37 * (i * i) as f64 + 0.5 * i as f64).sin() as f32;
    let labels = (0..ROWS).map(|i| ((3 * i + i / 4) % network.output().len()) as u8).collect();
    ((0..ROWS * network.input.len()).map(value).collect(), labels)
}

fn model(network: &Arc<Network>, values: &[Vec<f32>], threads: usize) -> CpuModel {
    let mut model = CpuModel::new(Arc::clone(network), threads);
    values.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    model
}

/// The Hessian's largest eigenvalue from its columns, each a central difference of gradients in `f64`.
fn dense(network: &Arc<Network>, values: &[Vec<f32>], samples: &[f32], labels: &[u8]) -> f64 {
    let mut model = DeviceModel::new(Arc::clone(network), Device::Cpu, DType::F64).unwrap();
    let params: Vec<f64> = network
        .params
        .iter()
        .zip(values)
        .flat_map(|(param, values)| param.to_kernels(values).iter().map(|&w| f64::from(w)).collect::<Vec<_>>())
        .collect();
    let samples: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
    let shape = [vec![1, ROWS], network.input.dims()].concat();
    let samples = Tensor::from_vec(samples, shape, &Device::Cpu).unwrap();
    let n = params.len();
    let mut gradient = |i: usize, step: f64| -> Vec<f64> {
        let mut params = params.clone();
        params[i] += step;
        model.set_params(Tensor::from_vec(params, (1, n), &Device::Cpu).unwrap());
        model.forward_backward(&samples, Targets::Labels(labels), Loss::CrossEntropy, &Observe::default()).unwrap();
        model.gradients().get(0).unwrap().to_vec1().unwrap()
    };
    let columns: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let (ahead, behind) = (gradient(i, 1e-5), gradient(i, -1e-5));
            ahead.iter().zip(behind).map(|(a, b)| (a - b) / 2e-5).collect()
        })
        .collect();
    let start: Vec<f64> = (0..n).map(|i| 1.0 + (i as f64).sin()).collect();
    largest(&start, Limits { residual: 1e-7, products: 200 }, |v, out| {
        out.fill(0.0);
        for (column, v) in columns.iter().zip(v) {
            out.iter_mut().zip(column).for_each(|(out, h)| *out += h * v);
        }
    })
    .value
}

#[test]
fn sharpness_is_that_of_the_dense_hessian_and_of_torch() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../reference/curvature.json")).unwrap();
    for (name, input, layers) in cases() {
        let (network, values) = network(input, &layers);
        let (samples, labels) = samples(&network);
        let torch = golden[name]["sharpness"].as_f64().unwrap();
        let dense = dense(&network, &values, &samples, &labels);
        assert!((dense / torch - 1.0).abs() < 1e-4, "{name}: {dense} by differences, {torch} by torch");
        let mut found = [1, 3].map(|threads| {
            let samples = network.input.channels_last(&samples);
            let model = model(&network, &values, threads);
            Sharpness::new(model, samples, labels.clone(), Loss::CrossEntropy, 0).measure()
        });
        assert_eq!(found[0], found[1]);
        // No kink of this network is so near that a difference meets it.
        assert!((found[0].value / torch - 1.0).abs() < 1e-4, "{name}: {:?}, {torch} by torch", found[0]);
        found[0].products = 0;
    }
}

#[test]
fn the_noise_of_single_images_is_that_of_torch() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../reference/curvature.json")).unwrap();
    for (name, input, layers) in cases() {
        let (network, values) = network(input, &layers);
        let (samples, labels) = samples(&network);
        let (mut model, len) = (model(&network, &values, 1), network.input.len());
        let (mut sum, mut of_parts) = (vec![0.0; network.parameters()], 0.0);
        for (image, label) in samples.chunks(len).zip(&labels) {
            let image = network.input.channels_last(image);
            let fill = |_: std::ops::Range<usize>, out: &mut [f32]| out.copy_from_slice(&image);
            model.forward_backward(1, fill, Targets::Labels(&[*label]), Loss::CrossEntropy, &Observe::default());
            for (sum, &g) in sum.iter_mut().zip(&*model.gradients_mut()) {
                *sum += f64::from(g);
                of_parts += f64::from(g) * f64::from(g);
            }
        }
        let of_batch = sum.iter().map(|g| g * g).sum::<f64>() / ROWS as f64;
        let found = GradientNoise::of(of_parts, of_batch, Cut { parts: ROWS, batch: ROWS, all: ROWS });
        for (what, found) in [("trace", found.trace), ("square", found.square)] {
            let torch = golden[name][what].as_f64().unwrap();
            assert!((found / torch - 1.0).abs() < 1e-5, "{name}, {what}: {found}, {torch} by torch");
        }
    }
}

fn plan(train: &str, stats: &str) -> Plan {
    let config = format!(
        "model = {{ kind = 'mlp', widths = [20, 16], activation = 'tanh' }}\noptimizer = {{ lr = 0.1 }}\nseed = 4\n\
         train = {{ {train} }}\nstats = {{ {stats} }}\n"
    );
    let data = Prepared::new(load(&Request::new(Choice::Digits)).unwrap().dataset, Split::Usual).unwrap();
    Plan::new(Experiment::parse("sharpness", &config, &[]).unwrap(), data).unwrap()
}

fn ran(plan: &Plan, threads: usize, dir: &Path) -> RunRecords {
    train(plan, &Compute::Cpu { threads }, dir, Existing::Overwrite, &AtomicBool::new(false), |_| {}).unwrap();
    RunRecords::read(dir, &[]).unwrap()
}

#[test]
fn sharpness_is_recorded_with_its_limit_and_changes_nothing_else() {
    let (on, off) = (plan("steps = 12", "sharpness_every = 5, sharpness_images = 700"), plan("steps = 12", ""));
    let [one, three, without] = [(&on, 1), (&on, 3), (&off, 1)].map(|(plan, threads)| {
        let dir = tempfile::tempdir().unwrap();
        let run = ran(plan, threads, dir.path());
        let names = ["sharpness.csv", "steps.csv", "layers.csv", "model.safetensors"];
        (run, names.map(|name| std::fs::read(dir.path().join(name)).ok()))
    });
    assert_eq!(one.1, three.1);
    assert_eq!((&one.1[1..], &without.1[0]), (&without.1[1..], &None));
    assert_eq!(one.0.sharpness.get("step"), [0.0, 5.0, 10.0]);
    assert_eq!(one.0.sharpness.get("limit"), [20.0; 3]);
    let in_memory = Run::of(on.clone()).run().unwrap().sharpness;
    assert!(in_memory.iter().map(|row| row.sharpness).eq(one.0.sharpness.get("sharpness").iter().copied()));
    assert!(one.0.sharpness.get("sharpness").iter().all(|x| (0.1..1000.0).contains(x)));
    let dir = tempfile::tempdir().unwrap();
    ran(&on, 1, dir.path());
    let page = initlab::report::page(&[dir.path().into()]).unwrap();
    let titles = page.titles();
    assert!(titles.contains(&"Sharpness"), "{titles:?}");
}

/// The first `n` of the built-in digits.
fn few_digits(n: usize) -> Prepared {
    let mut dataset = load(&Request::new(Choice::Digits)).unwrap().dataset;
    dataset.train.pixels.truncate(n * 784);
    dataset.train.labels.truncate(n);
    dataset.test.pixels.truncate(50 * 784);
    dataset.test.labels.truncate(50);
    Prepared::new(dataset, Split::Usual).unwrap()
}

#[test]
fn full_batches_rise_to_the_edge_of_stability_and_stay_there() {
    // PyTorch's start is below the edge or soon falls below it; squared errors sharpen until steps of all images just do not overshoot.
    for lr in [0.3, 0.6] {
        let config = format!(
            "model = {{ kind = 'mlp', widths = [32, 32], activation = 'tanh' }}\ninit.preset = 'torch'\noptimizer.lr = {lr}\n\
             seed = 1\ntrain = {{ steps = 1200, batch_size = 300, loss = 'mse', evaluate_every = 1200 }}\n\
             stats = {{ every = 0, histogram_every = 0, sharpness_every = 100, sharpness_images = 300 }}"
        );
        let plan = Plan::new(Experiment::parse("edge", &config, &[]).unwrap(), few_digits(300)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let sharpness = ran(&plan, 2, dir.path()).sharpness.get("sharpness").to_vec();
        let last = &sharpness[sharpness.len() - 6..];
        let mean = last.iter().sum::<f64>() / last.len() as f64;
        assert!((mean * lr / 2.0 - 1.0).abs() < 0.05, "at rate {lr} the mean is {mean}: {sharpness:?}");
    }
}
