//! Every case that PyTorch computed (tests/golden, or the directory in `INITLAB_GOLDEN`), through both ways of running a
//! network: candle tensors in `f64`, and the slice kernels in `f32`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use initlab::activation::Activation;
use initlab::model::cpu::CpuModel;
use initlab::model::device::DeviceModel;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::{Activations, LayerSpec, Network, Shape};
use initlab::optim::{Adam, AdamW, Muon, Optimizer, Rmsprop, Sgd, UpdateNorms};
use initlab::train::optimizer_state::{CpuState, DeviceState};
use serde_json::Value;

/// One file: what it describes, and its tensors.
struct Case {
    name: String,
    about: Value,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let about = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["case"]).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let words = view.data().chunks_exact(8).map(|b| b.try_into().unwrap());
            let values = match view.dtype() {
                safetensors::Dtype::F64 => words.map(f64::from_le_bytes).collect(),
                safetensors::Dtype::I64 => words.map(|b| i64::from_le_bytes(b) as f64).collect(),
                other => panic!("{name} has type {other:?}"),
            };
            (name, (view.shape().to_vec(), values))
        });
        Self { name: path.file_stem().unwrap().to_str().unwrap().into(), about, tensors: tensors.collect() }
    }

    fn get(&self, name: &str) -> &[f64] {
        &self.tensors.get(name).unwrap_or_else(|| panic!("{}: no tensor {name}", self.name)).1
    }

    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn f32(&self, name: &str) -> Vec<f32> {
        self.get(name).iter().map(|&x| x as f32).collect()
    }

    fn tensor(&self, name: &str) -> Tensor {
        let (shape, values) = &self.tensors[name];
        Tensor::from_slice(values, shape.clone(), &Device::Cpu).unwrap()
    }

    /// Compares with the golden tensor, relative to its largest value.
    fn check(&self, what: &str, name: &str, got: &[f64], tolerance: f64) {
        let want = self.get(name);
        assert_eq!(got.len(), want.len(), "{} {what}: length of {name}", self.name);
        let largest_of = |values: &[f64]| values.iter().fold(0f64, |m, x| m.max(x.abs()));
        // A gradient that vanishes by construction (a bias before batch norm) is rounding noise in PyTorch's file too:
        // noise is measured by the size of the case's other gradients.
        let gradients = self.tensors.iter().filter(|(key, _)| key.starts_with("grad."));
        let largest = match largest_of(want) {
            noise if noise < 1e-14 => gradients.fold(0f64, |m, (_, (_, values))| m.max(largest_of(values))),
            largest => largest,
        };
        for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
            let limit = tolerance * largest.max(1e-30);
            assert!(
                (g - w).abs() <= limit,
                "{} {what}: {name}[{i}] is {g}, PyTorch has {w} (limit {limit:e})",
                self.name
            );
        }
    }

    fn specs(&self) -> Vec<LayerSpec> {
        self.about["layers"].as_array().unwrap().iter().map(layer).collect()
    }

    fn loss(&self) -> Loss {
        let of_name = |loss: &Loss| self.about["loss"] == loss.row().name;
        Loss::ALL.into_iter().find(of_name).expect("the case names a loss of ours")
    }
}

fn layer(v: &Value) -> LayerSpec {
    let size = |key: &str| v[key].as_u64().unwrap_or(0) as usize;
    let number = |key: &str| v[key].as_f64().unwrap_or(0.0);
    let bias = v["bias"].as_bool().unwrap_or(true);
    match v["type"].as_str().unwrap() {
        "linear" => LayerSpec::Linear { out: size("out"), bias },
        "conv2d" => {
            let kernel = [0, 1].map(|i| v["kernel"][i].as_u64().unwrap() as usize);
            LayerSpec::Conv2d { out: size("out"), kernel, stride: size("stride"), padding: size("padding"), bias }
        }
        "activation" => LayerSpec::Activation(match v["name"].as_str().unwrap() {
            "leaky_relu" => Activation::LeakyRelu { leak: number("leak") },
            "general_relu" => {
                Activation::GeneralRelu { leak: number("leak"), shift: number("shift"), max: v["max"].as_f64() }
            }
            "elu" => Activation::Elu { alpha: v["alpha"].as_f64().unwrap_or(1.0) },
            name => Activation::from_name(name).unwrap(),
        }),
        "max_pool2d" => LayerSpec::MaxPool { kernel: size("kernel"), stride: size("stride"), padding: size("padding") },
        "avg_pool2d" => LayerSpec::AvgPool { kernel: size("kernel"), stride: size("stride") },
        "global_avg_pool" => LayerSpec::GlobalAvgPool { flatten: true },
        "flatten" => LayerSpec::Flatten,
        "batch_norm" => LayerSpec::BatchNorm { eps: number("eps"), momentum: number("momentum") },
        "layer_norm" => LayerSpec::LayerNorm { eps: number("eps") },
        "residual" => LayerSpec::Residual(v["layers"].as_array().unwrap().iter().map(layer).collect()),
        other => panic!("unknown layer type {other}"),
    }
}

fn optimizer(v: &Value) -> (Optimizer, f64) {
    let number = |key: &str, default: f64| v[key].as_f64().unwrap_or(default);
    let betas = [0, 1].map(|i| v["betas"][i].as_f64().unwrap_or([0.9, 0.999][i]));
    let eps = number("eps", 1e-8);
    let optimizer = match v["name"].as_str().unwrap() {
        "sgd" => Optimizer::Sgd(Sgd {
            momentum: number("momentum", 0.0),
            nesterov: v["nesterov"].as_bool().unwrap_or(false),
            weight_decay: number("weight_decay", 0.0),
        }),
        "adam" => Optimizer::Adam(Adam { betas, eps, weight_decay: number("weight_decay", 0.0) }),
        "adamw" => Optimizer::Adamw(AdamW { betas, eps, weight_decay: number("weight_decay", 0.01) }),
        "rmsprop" => Optimizer::Rmsprop(Rmsprop {
            alpha: number("alpha", 0.99),
            eps,
            momentum: number("momentum", 0.0),
            weight_decay: number("weight_decay", 0.0),
        }),
        "muon" => Optimizer::Muon(Muon {
            momentum: number("momentum", 0.95),
            nesterov: v["nesterov"].as_bool().unwrap_or(true),
            weight_decay: number("weight_decay", 0.1),
            hidden_only: false,
            adamw_lr: 1.0,
            adamw_betas: betas,
            adamw_eps: eps,
        }),
        other => panic!("unknown optimizer {other}"),
    };
    (optimizer, number("lr", 0.0))
}

fn shape_of(dims: &[usize]) -> Shape {
    match *dims {
        [n] => Shape::Flat(n),
        [channels, height, width] => Shape::Image { channels, height, width },
        _ => panic!("samples of shape {dims:?}"),
    }
}

pub fn f64s(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

fn cases(kind: &str) -> Vec<Case> {
    let dir = std::env::var_os("INITLAB_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut paths: Vec<_> = files.map(|f| f.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "safetensors"));
    paths.sort();
    let cases: Vec<_> = paths.iter().map(|p| Case::read(p)).filter(|case| case.about["kind"] == kind).collect();
    println!("{} cases of kind {kind} in {}", cases.len(), dir.display());
    cases
}

/// Targets in the form that the loss takes.
enum Wanted {
    Labels(Vec<u8>),
    Values(Vec<f32>),
}

impl Wanted {
    fn of(case: &Case) -> Self {
        match case.loss() {
            Loss::Mse | Loss::MseDigit => Self::Values(case.f32("target")),
            Loss::CrossEntropy | Loss::Hinge => Self::Labels(case.get("target").iter().map(|&x| x as u8).collect()),
        }
    }

    /// Repeats the targets for several runs, one after the other.
    fn repeated(self, runs: usize) -> Self {
        match self {
            Self::Labels(labels) => Self::Labels(labels.repeat(runs)),
            Self::Values(values) => Self::Values(values.repeat(runs)),
        }
    }

    fn targets(&self) -> Targets<'_> {
        match self {
            Self::Labels(labels) => Targets::Labels(labels),
            Self::Values(values) => Targets::Values(values),
        }
    }
}

/// Where a case runs on candle tensors: a cohort of so many runs, and which of them it is.
const COHORTS: [(usize, usize); 2] = [(1, 0), (3, 1)];

/// The network of run `run`: the case's own for `own`, for others one that differs in the ReLUs' parameters.
fn cohort(input: Shape, specs: &[LayerSpec], fuse: Activations, (runs, own): (usize, usize)) -> Vec<Arc<Network>> {
    let other: Vec<LayerSpec> = specs.iter().map(neighbour).collect();
    let build = |run| Arc::new(Network::build(input, if run == own { specs } else { &other }, fuse).unwrap());
    (0..runs).map(build).collect()
}

fn neighbour(spec: &LayerSpec) -> LayerSpec {
    match spec {
        LayerSpec::Activation(activation) if activation.relu_form().is_some() => {
            LayerSpec::Activation(Activation::GeneralRelu { leak: 0.3, shift: 0.1, max: Some(1.5) })
        }
        LayerSpec::Residual(body) => LayerSpec::Residual(body.iter().map(neighbour).collect()),
        other => other.clone(),
    }
}

/// `own` among neighbours with other numbers, along a new first dimension.
fn among(own: &Tensor, (runs, place): (usize, usize)) -> Tensor {
    let other = own.affine(0.7, 0.05).unwrap();
    let all: Vec<&Tensor> = (0..runs).map(|run| if run == place { own } else { &other }).collect();
    Tensor::stack(&all, 0).unwrap()
}

#[test]
fn networks_agree_with_pytorch_on_candle_tensors_alone_and_in_a_cohort() {
    check_networks_on(&Device::Cpu, DType::F64, 1e-9);
    check_networks_on(&Device::Cpu, DType::F32, 1e-4);
}

/// Compares loss, outputs and gradients of every case on a device.
pub fn check_networks_on(device: &Device, dtype: DType, tolerance: f64) {
    let cases = cases("network");
    assert!(!cases.is_empty());
    for (case, fuse, place) in cases
        .iter()
        .flat_map(|case| [Activations::Apart, Activations::Fused].map(|fuse| COHORTS.map(|place| (case, fuse, place))))
        .flatten()
    {
        let (runs, own) = place;
        let what = &format!("candle, {dtype:?}, {fuse:?}, run {own} of {runs}");
        let tensor = |name: &str| case.tensor(name).to_dtype(dtype).unwrap().to_device(device).unwrap();
        let input = tensor("input");
        let networks = cohort(shape_of(&input.dims()[1..]), &case.specs(), fuse, place);
        let network = Arc::clone(&networks[own]);
        let mut model = DeviceModel::cohort(networks, device.clone(), dtype).unwrap();
        for (i, param) in network.params.iter().enumerate() {
            let values = among(&tensor(&format!("param.{}", param.key)), place);
            (0..runs).for_each(|run| model.set_param(run, i, &values.get(run).unwrap()).unwrap());
        }
        if !network.running.is_empty() {
            let running: Vec<Tensor> =
                network.running.iter().map(|(name, _)| tensor(&golden_running("running", name))).collect();
            model.set_running(Some(among(&Tensor::cat(&running, 0).unwrap(), place)));
        }
        let wanted = Wanted::of(case).repeated(runs);
        let (step, outputs, dx) = model.trace(&among(&input, place), wanted.targets(), case.loss()).unwrap();
        let loss = &step.observed[own].loss;
        case.check(what, "loss", &[loss.loss / loss.rows as f64], tolerance);
        let of_run = |t: &Tensor| f64s(&t.get(own).unwrap());
        for (index, output) in last_module_of_each(&network, case.specs().len()).into_iter().zip(&outputs) {
            case.check(what, &format!("output.{index}"), &of_run(output), tolerance);
        }
        case.check(what, "grad.input", &of_run(&dx), tolerance);
        for (i, param) in network.params.iter().enumerate() {
            let gradient = model.gradient(own, i).unwrap();
            assert_eq!(gradient.dims(), param.shape, "{what}: shape of {}", param.name);
            case.check(what, &format!("grad.{}", param.key), &f64s(&gradient), tolerance);
        }
        for (name, range) in &network.running {
            let after = &of_run(model.running().unwrap())[range.clone()];
            case.check(what, &golden_running("running_after", name), after, tolerance);
        }
    }
}

#[test]
fn networks_agree_with_pytorch_in_f32_through_the_kernels() {
    const TOLERANCE: f64 = 1e-5;
    for case in &cases("network") {
        for fuse in [Activations::Apart, Activations::Fused] {
            let what = &format!("kernels, {fuse:?}");
            let dims = &case.tensors["input"].0;
            let network = Arc::new(Network::build(shape_of(&dims[1..]), &case.specs(), fuse).unwrap());
            let mut model = CpuModel::new(Arc::clone(&network), 1);
            for (i, param) in network.params.iter().enumerate() {
                model.set_param(i, &case.f32(&format!("param.{}", param.key)));
            }
            let running: Vec<f32> =
                network.running.iter().flat_map(|(name, _)| case.f32(&golden_running("running", name))).collect();
            model.set_running(&running);
            let wanted = Wanted::of(case);
            let (loss, outputs, dx) = model.trace(&case.f32("input"), wanted.targets(), case.loss());
            case.check(what, "loss", &[loss], TOLERANCE);
            for (index, output) in last_module_of_each(&network, case.specs().len()).into_iter().zip(&outputs) {
                case.check(what, &format!("output.{index}"), &wide(output), TOLERANCE);
            }
            case.check(what, "grad.input", &wide(&dx), TOLERANCE);
            let gradients = model.gradients_mut().to_vec();
            for param in &network.params {
                let gradient = param.to_torch(&gradients[param.range()]);
                case.check(what, &format!("grad.{}", param.key), &wide(&gradient), TOLERANCE);
            }
            for (name, range) in &network.running {
                let after = wide(&model.running()[range.clone()]);
                case.check(what, &golden_running("running_after", name), &after, TOLERANCE);
            }
        }
    }
}

/// `2.running_mean` is called `running.2.mean` in the files.
fn golden_running(prefix: &str, name: &str) -> String {
    let (index, kind) = name.split_once(".running_").unwrap();
    format!("{prefix}.{index}.{kind}")
}

/// For each top-level layer the index of the last of PyTorch's modules in it.
fn last_module_of_each(network: &Network, modules: usize) -> Vec<usize> {
    let first: Vec<usize> = network.layers.iter().map(|layer| layer.key.parse().unwrap()).collect();
    (0..first.len()).map(|i| first.get(i + 1).map_or(modules, |&next| next) - 1).collect()
}

#[test]
fn optimisers_take_the_steps_of_pytorch() {
    let cases = cases("optimizer");
    assert!(!cases.is_empty());
    for case in &cases {
        let (optimizer, lr) = optimizer(&case.about["optimizer"]);
        // One run in the middle of three that have other numbers and rates.
        let place = (3, 1);
        let mut param = among(&case.tensor("param").flatten_all().unwrap(), place);
        let rates = Tensor::new(&[[0.7 * lr], [lr], [0.3 * lr]], &Device::Cpu).unwrap();
        // A linear layer without bias has the one parameter that is wanted.
        let (n, dims) = (case.get("param").len(), &case.tensors["param"].0);
        let layer = LayerSpec::Linear { out: dims[0], bias: false };
        let network = Network::build(Shape::Flat(dims[1]), &[layer], Activations::Fused).unwrap();
        let mut state = DeviceState::new(&optimizer, &network, &param).unwrap();
        let mut host = CpuModel::new(Arc::new(network), 1);
        host.set_param(0, &case.f32("param"));
        let mut host_state = CpuState::new(&optimizer, n);
        for step in 0.. {
            if !case.has(&format!("grad.{step}")) {
                assert!(step > 0);
                break;
            }
            let gradient = among(&case.tensor(&format!("grad.{step}")).flatten_all().unwrap(), place);
            param = (&param - state.step(&optimizer, &param, &gradient, &rates).unwrap()).unwrap();
            case.check("candle", &format!("param.{step}"), &f64s(&param.get(1).unwrap()), 1e-9);
            // A step of the model makes room for the gradient. That norms are taken or not changes nothing.
            let zeros = |_: std::ops::Range<usize>, out: &mut [f32]| out.fill(0.0);
            host.forward_backward(1, zeros, Targets::Labels(&[0]), Loss::Mse, &Observe::default());
            host.gradients_mut().copy_from_slice(&case.f32(&format!("grad.{step}")));
            let (before, mut norms) = (wide(host.flat_params()), [UpdateNorms::default()]);
            host_state.step(&optimizer, &mut host, lr, step % 2 == 0, &mut norms);
            case.check("cpu", &format!("param.{step}"), &wide(host.flat_params()), 1e-5);
            if step % 2 == 0 {
                let norm = before.iter().map(|w| w * w).sum::<f64>().sqrt();
                assert!((norms[0].weight / norm - 1.0).abs() < 1e-6, "‖w‖ of step {step} is {norm}, not {norms:?}");
            }
        }
    }
}

struct Mnist {
    images: Vec<u8>,
    labels: Vec<u8>,
}

fn mnist() -> Option<Mnist> {
    let dir = crate::real_data::mnist()?;
    let read = |name: &str, header: usize| {
        let mut bytes = Vec::new();
        match std::fs::File::open(dir.join(format!("{name}.gz"))) {
            Ok(file) => flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap(),
            Err(_) => std::fs::File::open(dir.join(name)).unwrap().read_to_end(&mut bytes).unwrap(),
        };
        bytes.split_off(header)
    };
    Some(Mnist { images: read("train-images-idx3-ubyte", 16), labels: read("train-labels-idx1-ubyte", 8) })
}

#[test]
fn training_runs_follow_pytorch_step_by_step() {
    let Some(data) = mnist() else { return };
    for case in &cases("training") {
        let number = |key: &str| case.about[key].as_f64().unwrap();
        let (batch, steps) = (number("batch_size") as usize, number("steps") as usize);
        let specs = case.specs();
        let shape = match specs[0] {
            LayerSpec::Linear { .. } => Shape::Flat(784),
            _ => Shape::Image { channels: 1, height: 28, width: 28 },
        };
        let normal = |step: usize| -> Vec<f64> {
            let pixels = &data.images[step * batch * 784..(step + 1) * batch * 784];
            pixels.iter().map(|&p| (f64::from(p) / 255.0 - number("mean")) / number("std")).collect()
        };
        let labels = |step: usize| Targets::Labels(&data.labels[step * batch..(step + 1) * batch]);
        let (optimizer, lr) = optimizer(&case.about["optimizer"]);
        let network = Arc::new(Network::build(shape, &specs, Activations::Fused).unwrap());
        let observe = Observe { statistics: true, ..Observe::default() };
        let start = |key: &str| format!("param.{key}");

        let mut host = CpuModel::new(Arc::clone(&network), 2);
        let mut device = DeviceModel::new(Arc::clone(&network), Device::Cpu, DType::F64).unwrap();
        for (i, param) in network.params.iter().enumerate() {
            host.set_param(i, &case.f32(&start(&param.key)));
            device.set_param(0, i, &case.tensor(&start(&param.key))).unwrap();
        }
        let mut host_state = CpuState::new(&optimizer, network.parameters());
        let mut device_state = DeviceState::new(&optimizer, &network, device.params()).unwrap();
        let rate = Tensor::new(&[[lr]], &Device::Cpu).unwrap();
        let mut curves: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
        for step in 0..steps {
            let x = normal(step);
            let samples = Tensor::from_slice(&x, [vec![1, batch], shape.dims()].concat(), &Device::Cpu).unwrap();
            let seen = device.forward_backward(&samples, labels(step), Loss::CrossEntropy, &observe).unwrap();
            let device_seen = seen.observed.into_iter().next().unwrap();
            let delta = device_state.step(&optimizer, device.params(), device.gradients(), &rate).unwrap();
            device.set_params((device.params() - delta).unwrap());
            let size = shape.len();
            let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| {
                out.iter_mut().zip(&x[rows.start * size..rows.end * size]).for_each(|(o, &x)| *o = x as f32);
            };
            host.forward_backward(batch, fill, labels(step), Loss::CrossEntropy, &observe);
            host_state.step(&optimizer, &mut host, lr, false, &mut vec![UpdateNorms::default(); network.params.len()]);
            for (which, seen) in [&device_seen, host.seen()].into_iter().enumerate() {
                curves.entry("losses".into()).or_default()[which].push(seen.loss.loss / seen.loss.rows as f64);
                for (layer, observation) in
                    network.layers.iter().filter(|l| l.observation.is_some()).zip(&seen.observations)
                {
                    let module: usize = layer.key.parse::<usize>().unwrap() + 1;
                    let (n, h) = (observation.activation.n as f64, &observation.activation);
                    let mean = h.sum / n;
                    let std = (h.sum_of_squares / n - mean * mean).sqrt();
                    for (kind, value) in [("mean", mean), ("std", std)] {
                        curves.entry(format!("activation_{kind}.{module}")).or_default()[which].push(value);
                    }
                }
            }
        }
        let mut compared = 0;
        for (name, [device, host]) in &curves {
            if case.has(name) {
                compared += 1;
                case.check("candle", name, device, 1e-9);
                case.check("cpu", name, host, 1e-4);
            }
        }
        assert!(compared >= 3, "{}: only {compared} curves compared", case.name);
        for (i, param) in network.params.iter().enumerate() {
            let name = format!("final.{}", param.key);
            case.check("candle", &name, &f64s(&device.param(0, i).unwrap()), 1e-9);
            case.check("cpu", &name, &wide(&host.param(i)), 1e-4);
        }
    }
}
