//! Properties that must hold on a GPU; for a machine that has one: `cargo test --release --features cuda -- --ignored cuda`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::{DType, Device, Tensor};
use initlab::activation::Activation;
use initlab::model::device::DeviceModel;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::{Activations, LayerSpec, Network, Shape};
use initlab::record::run_dir::Existing;
use initlab::rng;
use initlab::train::engine::Compute;
use initlab::train::train;

use crate::cli::{BATCH_NORM, CNN, MLP, RESIDUAL, assert_same, records};
use crate::{cohort, golden};

fn gpu() -> Device {
    Device::new_cuda(0).expect("these tests are for a machine with a GPU")
}

/// As the command has it.
fn compute() -> Compute {
    Compute::cuda(0).expect("these tests are for a machine with a GPU")
}

#[test]
#[ignore = "needs a CUDA device"]
fn networks_agree_with_pytorch_in_f32() {
    golden::check_networks_on(&gpu(), DType::F32, 1e-4);
}

#[test]
#[ignore = "needs a CUDA device"]
fn networks_agree_with_pytorch_in_f64() {
    golden::check_networks_on(&gpu(), DType::F64, 1e-9);
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_run_of_100_steps_follows_the_kernels() {
    cohort::check_hundred_steps(&compute());
}

#[test]
#[ignore = "needs a CUDA device"]
fn the_same_run_has_the_same_bytes_again() {
    for config in [MLP, CNN, BATCH_NORM, RESIDUAL] {
        let plan = cohort::plan(config, &[]);
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| {
            let path = dir.path().join(name);
            train(&plan, &compute(), &path, Existing::Keep, &AtomicBool::new(false), |_| {}).unwrap();
            records(&path)
        });
        assert_same(&second, &first, config);
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn each_run_of_a_cohort_follows_the_curves_of_the_run_alone() {
    cohort::check_curves(&compute());
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_run_that_ends_early_changes_no_bit_of_the_others() {
    cohort::check_ends(&compute());
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_stopped_cohort_goes_on_as_if_nothing_had_happened() {
    cohort::check_resume(&compute());
}

#[test]
#[ignore = "needs a CUDA device"]
fn random_networks_agree_with_the_same_on_the_cpu() {
    for case in 0..80 {
        let mut stream = rng::rng(case, "cuda");
        let mut one_of = |values: &[usize]| values[rng::below(&mut stream, values.len() as u32) as usize];
        let [channels, height, width] = [one_of(&[1, 2, 3, 4, 8, 12]), one_of(&[5, 8, 9, 13]), one_of(&[5, 7, 8, 14])];
        let mut conv = || LayerSpec::Conv2d {
            out: one_of(&[1, 3, 4, 8, 10, 16, 33]),
            kernel: [one_of(&[1, 2, 3, 4, 5]), one_of(&[1, 2, 3, 5])],
            stride: one_of(&[1, 2, 3]),
            padding: one_of(&[0, 1, 2]),
            bias: one_of(&[0, 1]) == 1,
        };
        let convolutions = [conv(), conv()];
        let [runs, rows] = [one_of(&[1, 3]), one_of(&[1, 4, 11, 70])];
        let relu = |leak, max| Activation::GeneralRelu { leak, shift: 0.1, max };
        let relus = [Activation::Relu, relu(0.2, Some(0.4)), relu(-0.1, None)];
        let names = [
            "relu",
            "tanh",
            "sigmoid",
            "gelu",
            "gelu_tanh",
            "silu",
            "elu",
            "selu",
            "softplus",
            "softsign",
            "mish",
            "identity",
        ];
        let smooth = Activation::from_name(names[case as usize % names.len()]).unwrap();
        let network = |run: usize| {
            let [first, second] = convolutions.clone();
            let specs = [
                first,
                LayerSpec::Activation(relus[run]),
                second,
                LayerSpec::Activation(smooth),
                LayerSpec::Flatten,
                LayerSpec::Linear { out: 6, bias: true },
                LayerSpec::Activation(smooth),
                LayerSpec::Linear { out: 4, bias: case % 2 == 0 },
            ];
            Network::build(
                Shape::Image { channels, height, width },
                &specs,
                if case % 3 > 0 { Activations::Fused } else { Activations::Apart },
            )
            .map(Arc::new)
        };
        // Some kernels are larger than their images.
        let Ok(networks) = (0..runs).map(network).collect::<Result<Vec<_>, _>>() else { continue };
        let wave = |n: usize, at: f64| (0..n).map(|i| ((i as f64 + at) * 0.7).sin() + ((i * i) as f64).cos()).collect();
        let input = Tensor::from_vec::<_, f64>(
            wave(rows * channels * height * width, 0.3),
            (1, rows, channels, height, width),
            &Device::Cpu,
        )
        .unwrap();
        let params = networks[0].parameters();
        let params = Tensor::from_vec::<_, f64>(wave(runs * params, 0.9), (runs, params), &Device::Cpu).unwrap();
        let params = params.affine(0.2, 0.0).unwrap();
        let labels: Vec<u8> = (0..rows).map(|row| (row % 4) as u8).collect();
        for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-4)] {
            let on = |device: &Device| {
                let mut model = DeviceModel::cohort(networks.clone(), device.clone(), dtype).unwrap();
                let there = |t: &Tensor| t.to_dtype(dtype).unwrap().to_device(device).unwrap();
                model.set_params(there(&params));
                let input = there(&input);
                let (_, outputs, dx) = model.trace(&input, Targets::Labels(&labels), Loss::CrossEntropy).unwrap();
                let observe = Observe { statistics: true, histogram_bins: 10, ..Observe::default() };
                let step =
                    model.forward_backward(&input, Targets::Labels(&labels), Loss::CrossEntropy, &observe).unwrap();
                let numbers = |t: &Tensor| golden::f64s(t);
                let tensors = outputs.iter().chain([&dx, model.gradients()]);
                (step, tensors.map(numbers).collect::<Vec<_>>())
            };
            let (got, want) = (on(&gpu()), on(&Device::Cpu));
            let what = format!("case {case}, {dtype:?}, {runs} runs of {rows} rows: {:?}", networks[0].layers);
            let near = |got: f64, want: f64, scale: f64, of: &str| {
                assert!((got - want).abs() <= tolerance * scale.max(1e-3), "{of}: {got} instead of {want}, {what}");
            };
            for (at, (got, want)) in got.1.iter().zip(&want.1).enumerate() {
                assert_eq!(got.len(), want.len());
                let scale = want.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
                got.iter().zip(want).for_each(|(&got, &want)| near(got, want, scale, &format!("tensor {at}")));
            }
            for (got, want) in got.0.gradient_norms.iter().zip(&want.0.gradient_norms) {
                near(*got, *want, *want, "norm");
            }
            for (got, want) in got.0.observed.iter().zip(&want.0.observed) {
                near(got.loss.loss, want.loss.loss, want.loss.loss, "loss");
                assert_eq!(got.loss.correct, want.loss.correct, "{what}");
                for (got, want) in got.observations.iter().zip(&want.observations) {
                    for (got, want) in [
                        (&got.pre_activation, &want.pre_activation),
                        (&got.activation, &want.activation),
                        (&got.gradient, &want.gradient),
                    ] {
                        let size = want.sum_of_squares.sqrt() * (want.n as f64).sqrt();
                        assert_eq!(got.n, want.n);
                        near(got.sum, want.sum, size, "sum");
                        near(got.sum_of_squares, want.sum_of_squares, want.sum_of_squares, "sum of squares");
                        near(f64::from(got.min), f64::from(want.min), want.sum_of_squares.sqrt(), "least");
                        near(f64::from(got.max), f64::from(want.max), want.sum_of_squares.sqrt(), "greatest");
                        if dtype == DType::F64 {
                            assert_eq!(got.near_zero, want.near_zero, "{what}");
                        }
                    }
                    assert_eq!(got.live, want.live, "{what}");
                    if dtype == DType::F64 {
                        assert_eq!(got.histogram, want.histogram, "{what}");
                    }
                }
            }
        }
    }
}
