//! `initlab init`: the starting weights alone.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::experiment::ConfigArgs;
use crate::cli::path::path;
use crate::model::cpu::CpuModel;
use crate::record::lock::Lock;
use crate::record::tensors;
use crate::record::whole::directory_of;

/// Write the starting weights of a config, without training.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The safetensors file to write.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: PathBuf,
}

/// Writes the file: PyTorch's names and layouts.
///
/// # Errors
/// The config, the data or the file.
pub fn run(args: &InitArgs) -> Result<()> {
    let loaded = args.config.read()?;
    let plan = loaded.plan(args.config.load_data(&loaded.experiment)?)?;
    let running = CpuModel::new(plan.network.clone(), 1).running().to_vec();
    let _lock = Lock::to_add(directory_of(&args.output));
    tensors::write(&args.output, &plan.state_dict(plan.initial_params(), &running, 0), &plan.about())?;
    let (n, name) = (plan.network.parameters(), args.output.display());
    super::print(&format!("{name}: {n} parameters of {} at seed {}\n", plan.experiment.name, plan.experiment.seed))
}
