//! Trains a small network from Rust and prints how the start looks and what came out.
//!
//!     cargo run --release --example train

use std::sync::atomic::AtomicBool;

use initlab::config::Experiment;
use initlab::data::{Choice, Prepared, Request, load};
use initlab::record::run_dir::Existing;
use initlab::record::statistics::Moments;
use initlab::train::engine::Compute;
use initlab::train::{Event, Plan, train};

const CONFIG: &str = r#"
model = { kind = "mlp", width = 50, depth = 10 }
init = { preset = "kaiming" }
optimizer = { kind = "sgd", lr = 0.05 }
train = { steps = 200, batch_size = 128 }
"#;

fn main() -> anyhow::Result<()> {
    let experiment = Experiment::parse("example", CONFIG, &[])?;
    let loaded = load(&Request::new(Choice::Digits))?;
    let plan = Plan::new(experiment, Prepared::new(loaded.dataset, initlab::data::Split::Usual)?)?;
    let dir = tempfile::tempdir()?;
    let compute = Compute::Cpu { threads: 2 };
    let summary = train(&plan, &compute, dir.path(), Existing::Keep, &AtomicBool::new(false), |event| {
        if let Event::Step { row, observed, .. } = event
            && row.step == 0
        {
            for (layer, observation) in plan.network.observed.iter().zip(&observed.observations) {
                println!("{}: std {:.3} before training", layer.name, Moments::of(&observation.activation).std);
            }
        }
    })?;
    println!("test accuracy {:.3}", summary.test_accuracy.unwrap_or(f64::NAN));
    Ok(())
}
