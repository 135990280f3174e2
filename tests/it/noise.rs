//! The noise of gradients: against a direct measurement, on every path, and without a trace in anything else.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::Device;
use initlab::config::Experiment;
use initlab::data::{Choice, Part, Prepared, Request, Split, load};
use initlab::inference::noise::{GradientNoise, scale_of};
use initlab::model::cpu::CpuModel;
use initlab::model::objective::Targets;
use initlab::model::observe::Observe;
use initlab::record::noise::{ALL, LayerNoise};
use initlab::record::read::RunRecords;
use initlab::record::run_dir::Existing;
use initlab::train::engine::Compute;
use initlab::train::{Plan, train};

fn digits() -> Prepared {
    Prepared::new(load(&Request::new(Choice::Digits)).unwrap().dataset, Split::Usual).unwrap()
}

fn plan(lr: f64, train: &str, stats: &str) -> Plan {
    let config = format!(
        "model = {{ kind = 'mlp', widths = [20, 16], activation = 'tanh' }}\noptimizer = {{ lr = {lr:?} }}\nseed = 4\n\
         train = {{ {train} }}\nstats = {{ {stats} }}\n"
    );
    Plan::new(Experiment::parse("noise", &config, &[]).unwrap(), digits()).unwrap()
}

fn ran(plan: &Plan, compute: &Compute, dir: &Path) -> RunRecords {
    train(plan, compute, dir, Existing::Overwrite, &AtomicBool::new(false), |_| {}).unwrap();
    RunRecords::read(dir, &[]).unwrap()
}

/// tr Σ and |G|² of each layer and of all, from the gradient of every single training image.
fn direct(plan: &Plan) -> Vec<(String, GradientNoise)> {
    let network = &plan.network;
    let mut model = CpuModel::new(Arc::clone(network), 1);
    plan.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    let n = plan.data.len(Part::Train);
    let labels = plan.data.labels(Part::Train).to_vec();
    let (mut sum, mut squares) = (vec![0.0; network.parameters()], vec![0.0; network.parameters()]);
    for image in 0..n {
        let fill = |_: std::ops::Range<usize>, out: &mut [f32]| plan.data.gather(Part::Train, &[image as u32], out);
        model.forward_backward(1, fill, Targets::Labels(&labels[image..=image]), plan.loss, &Observe::default());
        for (i, &g) in model.gradients_mut().iter().enumerate() {
            sum[i] += f64::from(g);
            squares[i] += f64::from(g) * f64::from(g);
        }
    }
    let n = n as f64;
    let of = |range: std::ops::Range<usize>| {
        let square: f64 = sum[range.clone()].iter().map(|s| (s / n).powi(2)).sum();
        let trace = (squares[range].iter().sum::<f64>() - n * square) / (n - 1.0);
        GradientNoise { trace, square }
    };
    let mut found: Vec<(String, GradientNoise)> = Vec::new();
    for params in network.params.chunks(2) {
        let name = params[0].name.split('.').next().unwrap().to_owned();
        found.push((name, of(params[0].start..params[1].range().end)));
    }
    found.push((ALL.into(), of(0..network.parameters())));
    found
}

/// A rate so small that no weight of 32 bits moves: all steps measure one network.
const STILL: f64 = 1e-12;

#[test]
fn a_thousand_batches_agree_with_the_gradients_of_all_images_in_every_layer() {
    for (train, paths) in [("steps = 1000, batch_size = 150", "shards"), ("steps = 1000, batch_size = 40", "halves")] {
        let plan = plan(STILL, train, "every = 0, histogram_every = 0, noise_every = 1");
        let dir = tempfile::tempdir().unwrap();
        let found = ran(&plan, &Compute::Cpu { threads: 2 }, dir.path()).noise;
        let expected = direct(&plan);
        assert_eq!(found.len(), expected.len());
        for (LayerNoise { layer, noise, .. }, (name, expected)) in found.iter().zip(&expected) {
            assert_eq!((layer, noise.len()), (name, 1000));
            let n = noise.len() as f64;
            let check = |what: &str, of: fn(&GradientNoise) -> f64| {
                let mean = noise.iter().map(of).sum::<f64>() / n;
                let error = (noise.iter().map(|x| (of(x) - mean).powi(2)).sum::<f64>() / n / n).sqrt();
                let want = of(expected);
                assert!((mean - want).abs() < 4.0 * error, "{paths}, {what} of {layer}: {mean} ± {error}, not {want}");
            };
            check("trace", |noise| noise.trace);
            check("square", |noise| noise.square);
            let scale = scale_of(noise).unwrap();
            let want = expected.scale().unwrap();
            // Intervals of 95 %: twice as wide holds in all eight.
            let (low, high) = (2.0 * scale.low - scale.value, 2.0 * scale.high - scale.value);
            assert!((low..=high).contains(&want), "{paths}, {layer}: {scale:?}, not {want}");
        }
    }
}

#[test]
fn noise_is_the_same_with_any_number_of_threads_and_changes_nothing_else() {
    let train = "steps = 12, batch_size = 200";
    let (on, off) = (plan(0.1, train, "noise_every = 3"), plan(0.1, train, ""));
    let [one, three, without] = [(&on, 1), (&on, 3), (&off, 2)].map(|(plan, threads)| {
        let dir = tempfile::tempdir().unwrap();
        let run = ran(plan, &Compute::Cpu { threads }, dir.path());
        let bytes = ["noise.csv", "steps.csv", "layers.csv", "model.safetensors"]
            .map(|name| std::fs::read(dir.path().join(name)).ok());
        (run, bytes)
    });
    assert_eq!(one.1, three.1);
    assert_eq!((&one.1[1..], &without.1[0]), (&without.1[1..], &None));
    assert_eq!(one.0.noise[0].steps, [0, 3, 6, 9]);
    assert!(!off.experiment.to_toml().contains("noise_every") && on.experiment.to_toml().contains("noise_every = 3"));
}

#[test]
fn a_device_measures_what_the_kernels_measure() {
    let plan = plan(0.1, "steps = 6, batch_size = 50", "noise_every = 1");
    let runs = [Compute::Cpu { threads: 1 }, Compute::Device(Device::Cpu)].map(|compute| {
        let dir = tempfile::tempdir().unwrap();
        ran(&plan, &compute, dir.path()).noise
    });
    for (a, b) in runs[0].iter().zip(&runs[1]) {
        assert_eq!((&a.layer, &a.steps), (&b.layer, &b.steps));
        for (a, b) in a.noise.iter().zip(&b.noise) {
            let close = |a: f64, b: f64, size: f64| (a - b).abs() < 1e-3 * size;
            assert!(
                close(a.trace, b.trace, a.trace) && close(a.square, b.square, a.square.abs().max(a.trace / 50.0)),
                "{a:?}, {b:?}"
            );
        }
    }
}

#[test]
fn batch_norm_leaves_no_image_a_gradient_of_its_own() {
    let config = "model = { kind = 'mlp', widths = [9], norm = 'batch' }\noptimizer.lr = 0.1\ntrain.steps = 1\nstats.noise_every = 1";
    let error = Plan::new(Experiment::parse("noise", config, &[]).unwrap(), digits()).err().unwrap().to_string();
    assert!(error.contains("stats.noise_every") && error.contains("batch_norm1") && error.contains("layer"), "{error}");
}

#[test]
fn the_report_and_the_findings_say_which_batch_the_noise_speaks_for() {
    let plan = plan(0.3, "steps = 60, batch_size = 150", "noise_every = 1");
    let dir = tempfile::tempdir().unwrap();
    let run = ran(&plan, &Compute::Cpu { threads: 2 }, dir.path());
    let finding = run.summary.unwrap().findings.into_iter().find(|finding| finding.rule == "noise_scale");
    assert!(finding.is_some_and(|finding| finding.text.contains("images")));
    let page = initlab::report::page(&[dir.path().into()]).unwrap();
    let titles = page.titles();
    assert!(titles.contains(&"Gradient noise scale"), "{titles:?}");
}
