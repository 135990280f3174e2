//! `initlab train`: one run from a config, with its records.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cli::UsageError;
use crate::cli::device::DeviceChoice;
use crate::cli::experiment::ConfigArgs;
use crate::cli::interrupt::{STOP, catch_interrupt};
use crate::cli::layer_table::{LayerTable, short};
use crate::cli::progress::Progress;
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{Outcome, Summary};
use crate::report;
use crate::report::terminal::Glyphs;
use crate::train::engine::Compute;
use crate::train::run::check_config;
use crate::train::train;

/// Train a network as a config describes it, and record loss, accuracy and every layer.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Threads; the result does not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to compute: cpu, cuda, cuda:N, or auto (a GPU if one answers).
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
    /// Directory of the records [default: runs/NAME-seedN, or the next free number].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with an interrupted run from its last checkpoint.
    #[arg(long)]
    resume: bool,
    /// Replace the run that the directory holds.
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Draw the table's curves with plain characters, as in a terminal that is called dumb.
    #[arg(long)]
    ascii: bool,
    /// Write TensorBoard's event file, too, while the run goes on.
    #[arg(long)]
    tensorboard: bool,
    /// Leave out report.html.
    #[arg(long)]
    no_report: bool,
    /// Print the object of run.json instead of tables.
    #[arg(long)]
    json: bool,
}

/// Trains and prints the result; exit code 130 if it was interrupted.
///
/// # Errors
/// The call, the config, the data, the directory or the device.
pub fn run(args: &TrainArgs) -> Result<ExitCode> {
    let mut loaded = args.config.read()?;
    loaded.experiment.record.tensorboard |= args.tensorboard;
    let compute = args.compute()?;
    let dir = args.directory(&loaded.experiment.name, loaded.experiment.seed)?;
    if args.resume {
        check_config(&dir, &loaded.experiment.to_toml())?;
        if let Some((text, summary)) = finished(&dir) {
            eprintln!("{}: this run has ended already; nothing to do", dir.display());
            super::print(&if args.json { text } else { facts(&summary, &dir) })?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let existing = match (args.resume, args.overwrite) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Overwrite,
        _ => Existing::Keep,
    };
    // Before the data is loaded: a directory that cannot be used should not cost the wait.
    RunDir::open(&dir, if args.overwrite { Existing::Resume } else { existing })?;
    let data = args.config.load_data(&loaded.experiment)?;
    let plan = loaded.plan(data)?;
    catch_interrupt()?;
    let mut progress = Progress::new();
    let mut layers = LayerTable::default();
    let summary = train(&plan, &compute, &dir, existing, &STOP, |event| {
        layers.see(&event);
        progress.show(&event);
    });
    progress.finish();
    let summary = summary?;
    if !args.no_report {
        report::write(&report::page(std::slice::from_ref(&dir))?, &dir.join(report::FILE))?;
    }
    if args.json {
        super::print(&summary.to_json())?;
    } else {
        super::print(&format!("{}\n{}", layers.text(&plan, Glyphs::choose(args.ascii)), facts(&summary, &dir)))?;
    }
    if summary.outcome == Outcome::Interrupted {
        eprintln!("interrupted; go on with the same command and --resume --out {}", dir.display());
        return Ok(ExitCode::from(130));
    }
    Ok(ExitCode::SUCCESS)
}

impl TrainArgs {
    fn compute(&self) -> Result<Compute> {
        let threads = self
            .threads
            .map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from);
        self.device.compute(threads)
    }

    fn directory(&self, name: &str, seed: u64) -> Result<PathBuf> {
        let none =
            |dir: &Path| UsageError(format!("--resume: there is no run in {}; name it with --out", dir.display()));
        if let Some(out) = &self.out {
            return if self.resume && !out.exists() { Err(none(out).into()) } else { Ok(out.clone()) };
        }
        let safe: String =
            name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
        let base = Path::new("runs").join(format!("{}-seed{seed}", safe.trim_start_matches('.')));
        if !self.resume {
            return Ok(RunDir::unused(&base));
        }
        RunDir::last(&base).ok_or_else(|| none(&base).into())
    }
}

/// The summary of a run that needs nothing more, as its file has it and as it is meant.
fn finished(dir: &Path) -> Option<(String, Summary)> {
    let text = std::fs::read_to_string(dir.join("run.json")).ok()?;
    let summary: Summary = serde_json::from_str(&text).ok()?;
    (summary.outcome != Outcome::Interrupted).then_some((text, summary))
}

/// What came out, in a few lines.
fn facts(summary: &Summary, dir: &Path) -> String {
    let percent = |x: Option<f64>| x.map_or_else(|| "not measured".into(), |x| format!("{:.2} %", 100.0 * x));
    let loss = summary.train_loss.map_or_else(|| "not measured".into(), short);
    format!(
        "{}, seed {}, on {}: {}\ntest accuracy {} (best {}), train loss {loss}\n{} images/s with {} thread{}; records in {}\n",
        summary.name,
        summary.seed,
        summary.dataset,
        summary.how_it_ended(),
        percent(summary.test_accuracy),
        percent(summary.best_test_accuracy),
        summary.timing.images_per_s.round(),
        summary.timing.threads,
        if summary.timing.threads == 1 { "" } else { "s" },
        dir.display()
    )
}
