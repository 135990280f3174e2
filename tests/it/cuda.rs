//! What must hold on a GPU; for a machine that has one: `cargo test --release --features cuda -- --ignored cuda`.

use std::sync::atomic::AtomicBool;

use candle_core::{DType, Device};
use initlab::record::run_dir::Existing;
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
