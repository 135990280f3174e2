//! Networks and runs of the crate handed to candle.

use candle_core::{Device, Tensor, Var};
use candle_nn::{Module, loss::cross_entropy};
use initlab::Preset;
use initlab::config::Experiment;
use initlab::data::{Choice, Part, Prepared};
use initlab::model::cpu::CpuModel;
use initlab::model::objective::{Loss, Targets};
use initlab::train::Plan;

const CPU: Device = Device::Cpu;
const BATCH: usize = 6;

/// Networks with every kind of layer.
const MODELS: [&str; 8] = [
    "kind = 'mlp'\nwidths = [30, 20]\nactivation = 'tanh'",
    "kind = 'mlp'\nwidths = [30, 20]\nnorm = 'layer'\nbias = false",
    "kind = 'mlp'\nwidth = 20\ndepth = 5\nresidual = 'fixup'",
    "kind = 'cnn'\nstages = [{ channels = 4, kernel = [3, 5], pool = { kind = 'max' } }, { channels = 6, stride = 2 }]\nhidden = [9]",
    "kind = 'cnn'\nstages = [{ channels = 4, pool = { kind = 'average', kernel = 3, stride = 2 } }]\nhead = 'flatten'",
    "kind = 'cnn'\nstages = [{ channels = 4, pool = { kind = 'max', kernel = 3, stride = 2, padding = 1 } }]",
    "kind = 'cnn'\nstages = [{ channels = 4, layers = 3 }]\nresidual = 'rezero'\nactivation = 'shifted_relu'",
    "kind = 'cnn'\nstages = [{ channels = 4, stride = 2 }, { channels = 8 }]\nnorm = 'layer'\ndropout = 0.3",
];

fn plan(model: &str) -> Plan {
    let text = format!("[model]\n{model}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
    Plan::new(Experiment::parse("net.toml", &text, &[]).unwrap(), Prepared::load(Choice::Digits).unwrap()).unwrap()
}

#[test]
fn outputs_and_gradients_on_candle_are_the_engines() {
    for model in MODELS {
        let plan = plan(model);
        let indices: Vec<u32> = (0..BATCH as u32).collect();
        let (mut pixels, mut labels) = (vec![0.0; BATCH * 784], vec![0; BATCH]);
        plan.data.gather(Part::Train, &indices, &mut pixels);
        plan.data.gather_labels(Part::Train, &indices, &mut labels);
        let mut engine = CpuModel::new(plan.network.clone(), 1);
        // Numbers that start at 0, as ReZero's, hide what is behind them.
        let start: Vec<Vec<f32>> = plan
            .start
            .iter()
            .map(|values| values.iter().enumerate().map(|(i, x)| x + 0.05 * ((i * 7 % 5) as f32 - 1.5)).collect())
            .collect();
        start.iter().enumerate().for_each(|(i, values)| engine.set_param(i, values));
        let (_, outputs, _) = engine.trace(&pixels, Targets::Labels(&labels), Loss::CrossEntropy);
        let net = plan.network.to_candle(&start, &plan.network.initial_running(), &CPU).unwrap();
        let images = Tensor::from_vec(pixels, (BATCH, 784), &CPU).unwrap();
        let logits = net.forward(&images).unwrap();
        // A gradient that nearly vanishes by construction is rounding beside the largest.
        let gradients = engine.gradients_mut().to_vec();
        let largest = gradients.iter().fold(0f32, |most, x| most.max(x.abs()));
        let close = |found: &[f32], expected: &[f32], what: &str| {
            let size = expected.iter().fold(0.01 * largest, |most, x| most.max(x.abs()));
            // candle sums thousands of values one after the other in f32.
            let far = found.iter().zip(expected).find(|(a, b)| (*a - *b).abs() > 1e-4 * size);
            assert!(found.len() == expected.len() && far.is_none(), "{what} of {model}: {far:?} of {size}");
        };
        close(&logits.flatten_all().unwrap().to_vec1().unwrap(), outputs.last().unwrap(), "logits");
        let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
        let grads = cross_entropy(&logits, &Tensor::new(labels, &CPU).unwrap()).unwrap().backward().unwrap();
        let vars = net.varmap().data().lock().unwrap();
        for param in &plan.network.params {
            let expected = param.to_torch(&gradients[param.range()]);
            let var: &Var = &vars[&param.name];
            let found = grads.get(var.as_tensor()).unwrap_or_else(|| panic!("{} has a gradient", param.name));
            close(&found.flatten_all().unwrap().to_vec1().unwrap(), &expected, &param.name);
        }
    }
}

#[test]
fn a_run_in_memory_is_that_of_a_config() {
    let data = Prepared::load(Choice::Digits).unwrap();
    let trained = Experiment::mlp([784, 30, 10]).init(Preset::Xavier).sgd(0.1).steps(12).batch_size(50).seed(3);
    let trained = trained.on(data.clone()).unwrap().threads(2).run().unwrap();
    let text = "seed = 3\n[model]\nkind = 'mlp'\nwidths = [30]\n[init]\npreset = 'xavier'\n[optimizer]\nlr = 0.1\n[train]\nsteps = 12\nbatch_size = 50";
    let plan = Plan::new(Experiment::parse("net.toml", text, &[]).unwrap(), data.clone()).unwrap();
    let other = initlab::train::Run::of(plan).run().unwrap();
    assert_eq!(trained.params, other.params);
    assert_eq!(trained.steps, other.steps);
    assert_eq!((trained.layers.len(), trained.epochs.len()), (24, 1));
    let net = trained.to_candle(&CPU).unwrap();
    let mut pixels = vec![0.0; data.len(Part::Test) * 784];
    let indices: Vec<u32> = (0..data.len(Part::Test) as u32).collect();
    data.gather(Part::Test, &indices, &mut pixels);
    let logits = net.forward(&Tensor::from_vec(pixels, (indices.len(), 784), &CPU).unwrap()).unwrap();
    let found = logits.argmax(1).unwrap().to_vec1::<u32>().unwrap();
    let right = found.iter().zip(data.labels(Part::Test)).filter(|(a, b)| **a == u32::from(**b)).count();
    assert_eq!(right as f64 / indices.len() as f64, trained.summary.test_accuracy.unwrap());
}

#[test]
fn sizes_that_are_not_the_datas_are_refused() {
    let error = |sizes: [usize; 3]| {
        let built = Experiment::mlp(sizes).on(Prepared::load(Choice::Digits).unwrap());
        built.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(error([100, 30, 10]).contains("is to have 100 inputs, and the data has 784; give the sizes as [784, …]"));
    assert!(error([784, 30, 7]).contains("is to have 7 outputs, and the data has 10; give the sizes as […, 10]"));
}

#[test]
fn parameters_of_another_network_are_refused() {
    let plan = plan(MODELS[0]);
    let error = plan.network.to_candle(&plan.start[1..], &[], &CPU).unwrap_err().to_string();
    assert!(error.contains("the network has 6 parameters and 0 running estimates, found 5 and 0"), "{error}");
    let mut short = plan.start.clone();
    short[0].pop();
    assert!(plan.network.to_candle(&short, &[], &CPU).is_err());
}
