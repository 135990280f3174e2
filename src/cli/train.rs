//! `initlab train`: one run from a config, with its records.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cli::UsageError;
use crate::cli::complete;
use crate::cli::device::DeviceChoice;
use crate::cli::experiment::ConfigArgs;
use crate::cli::findings;
use crate::cli::interrupt::{STOP, catch_interrupt, stopped};
use crate::cli::layer_table::LayerTable;
use crate::cli::output::{say, visible};
use crate::cli::path::path;
use crate::cli::progress::Progress;
use crate::cli::run_name::run_name;
use crate::cli::shortcuts::Shortcuts;
use crate::config::Experiment;
use crate::config::error::folded;
use crate::config::experiment::Budget;
use crate::numerals::four_decimals;
use crate::record::checkpoint::FILE as CHECKPOINT;
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{self, Outcome, Summary};
use crate::record::whole::is_there;
use crate::report;
use crate::report::terminal::Glyphs;
use crate::train::engine::Compute;
use crate::train::start::check_config;
use crate::train::threads::cores;
use crate::train::train_in;

/// Train a network as a config describes it, and record loss, accuracy and every layer.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Threads; the result does not depend on it [default: one for each core, or as many as Slurm gives].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to compute: cpu, cuda, cuda:N, or auto (a GPU if one answers).
    #[arg(long, value_name = "DEVICE", default_value = "cpu", add = complete::device())]
    device: DeviceChoice,
    /// Directory of the records [default: runs/NAME-CHANGES-seedN, or the next free number].
    #[arg(long, value_name = "DIR", value_parser = path())]
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
    /// Leave out report.html and index.md.
    #[arg(long)]
    no_report: bool,
    /// Print the object of run.json instead of tables.
    #[arg(long)]
    json: bool,
    // Last: the heading of these would be that of all options behind them.
    #[command(flatten)]
    shortcuts: Shortcuts,
}

/// Trains and prints the result; exit code 130 or 143 if it was interrupted.
///
/// # Errors
/// The call, the config, the data, the directory or the device.
pub fn run(args: &TrainArgs) -> Result<ExitCode> {
    let mut loaded = args.config.read_changed(|document| args.shortcuts.apply(document))?;
    loaded.experiment.record.tensorboard |= args.tensorboard;
    let compute = args.compute()?;
    let place = args.place(&loaded.experiment)?;
    let going_on = match &place {
        Place::GoOn(path) => Some(go_on(path, &loaded.experiment)?),
        Place::Named(path) => {
            // Before the data is loaded: a directory that cannot be used should not cost the wait.
            args.keeps_its_config(path, &loaded.experiment)?;
            RunDir::check(path, args.existing())?;
            None
        }
        Place::Unused(_) => None,
    };
    if let Some(dir) = &going_on
        && let Some(summary) = ended(dir.path())?
    {
        return args.has_ended(dir, &summary);
    }
    let data = args.config.load_data(&loaded.experiment)?;
    let plan = loaded.plan(data)?;
    plan.batch_notice().iter().for_each(|notice| say(notice));
    loaded.fits(&plan, &compute)?;
    catch_interrupt()?;
    // Nothing is made before the data and the network are known to be good.
    let dir = match (going_on, place) {
        (Some(dir), _) => dir,
        (None, Place::Unused(base)) => RunDir::open_unused(&base)?,
        (None, Place::Named(path) | Place::GoOn(path)) => RunDir::open(&path, args.existing())?,
    };
    let mut progress = Progress::new();
    let mut layers = LayerTable::default();
    let summary = train_in(&plan, &compute, &dir, &STOP, |event| {
        layers.see(&event);
        progress.show(&event);
    });
    progress.finish();
    let summary = summary?;
    args.report(&dir)?;
    if args.json {
        super::print(&summary.to_json())?;
    } else {
        let facts = args.facts(&summary, dir.path());
        super::print(&format!("{}\n{facts}", layers.text(&plan, Glyphs::choose(args.ascii))))?;
    }
    if summary.outcome == Outcome::Interrupted {
        say(&format!("interrupted; go on with the same command and --resume --out {}", dir.path().display()));
        return Ok(stopped());
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a run's records go.
enum Place {
    /// The first free one of these numbered directories.
    Unused(PathBuf),
    /// This directory.
    Named(PathBuf),
    /// The directory of a run that goes on.
    GoOn(PathBuf),
}

/// The summary of a run that needs nothing more, and whose files are whole.
fn ended(dir: &Path) -> Result<Option<Summary>> {
    let summary = Summary::read(dir)?.filter(|summary| summary.outcome != Outcome::Interrupted);
    summary.iter().try_for_each(|summary| summary.verify(dir))?;
    Ok(summary)
}

/// The length of the run in `dir`, if it differs from the one asked for in nothing else.
fn other_length(dir: &Path, experiment: &Experiment) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("config.toml")).ok()?;
    let old = Experiment::parse("config.toml", &text, &[]).ok()?;
    let mut same = old.clone();
    same.train.budget = experiment.train.budget;
    (old != *experiment && same == *experiment).then(|| length(&old))
}

fn length(experiment: &Experiment) -> String {
    match experiment.train.budget {
        Budget::Epochs(n) => format!("{n} epochs"),
        Budget::Steps(n) => format!("{n} steps"),
    }
}

/// Opens the directory of a run that has this config.
fn go_on(path: &Path, experiment: &Experiment) -> Result<RunDir> {
    let dir = RunDir::open(path, Existing::Resume)?;
    // Before configs are compared: one that was damaged is no other run's.
    ended(path)?;
    if let Some(old) = other_length(path, experiment) {
        return Err(UsageError(format!(
            "{}: the run there is {old} long, now {} are asked for, and a run's length is part of it: its schedule and its \
             end depend on it; train the longer one in another directory with --out (from the same seed its first steps \
             are the same if the schedule is constant), or in its place with --overwrite",
            path.display(),
            length(experiment)
        ))
        .into());
    }
    check_config(path, &experiment.to_toml())?;
    if !is_there(&dir.file(summary::FILE))? && !is_there(&dir.file(CHECKPOINT))? {
        say(&format!("{}: the run was ended before its first checkpoint; it begins anew", path.display()));
    }
    Ok(dir)
}

impl TrainArgs {
    fn compute(&self) -> Result<Compute> {
        let threads = self.threads.map_or_else(cores, usize::from);
        self.device.compute(threads)
    }

    fn place(&self, experiment: &Experiment) -> Result<Place> {
        // In the order in which they are made: of two changes of a key the last one holds.
        let changes = [self.config.sets.clone(), self.shortcuts.sets()].concat();
        let named = || Path::new("runs").join(run_name(&experiment.name, &changes, experiment.seed));
        let base = self.out.clone().unwrap_or_else(named);
        match (self.resume, &self.out) {
            (false, None) => Ok(Place::Unused(base)),
            (false, Some(_)) => Ok(Place::Named(base)),
            (true, out) => {
                let last = if out.is_some() { Some(base.clone()) } else { RunDir::last(&base)? };
                // An empty directory is no run: to begin one there is not what was asked for.
                match last {
                    Some(path) if is_there(&path.join("config.toml"))? => Ok(Place::GoOn(path)),
                    _ => {
                        let base = base.display();
                        let advice = "name it with --out, or leave out --resume";
                        Err(UsageError(format!("--resume: there is no run in {base}; {advice}")).into())
                    }
                }
            }
        }
    }

    fn existing(&self) -> Existing {
        match (self.resume, self.overwrite) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Overwrite,
            _ => Existing::Keep,
        }
    }

    /// Refuses to replace the very config that is given, unless what takes its place is the same text.
    fn keeps_its_config(&self, out: &Path, experiment: &Experiment) -> Result<()> {
        let given = std::fs::canonicalize(&self.config.config).ok();
        let replaced = std::fs::canonicalize(out.join("config.toml")).ok();
        if !self.overwrite || given.is_none() || given != replaced {
            return Ok(());
        }
        if std::fs::read_to_string(&self.config.config).is_ok_and(|text| text == experiment.to_toml()) {
            return Ok(());
        }
        let path = self.config.config.display();
        Err(UsageError(format!(
            "{path}: lies in the directory that --overwrite replaces, and would be lost; copy it elsewhere and give the \
             copy, or name another directory with --out"
        ))
        .into())
    }

    /// Completes a run that has ended, but perhaps not come to this: writes its report, and leaves nothing behind.
    fn has_ended(&self, dir: &RunDir, summary: &Summary) -> Result<ExitCode> {
        dir.remove(CHECKPOINT)?;
        self.report(dir)?;
        say(&format!("{}: this run has ended already; nothing to do", dir.path().display()));
        super::say_unchecked(usize::from(summary.is_unchecked()));
        let json = || std::fs::read_to_string(dir.file(summary::FILE));
        super::print(&if self.json { json()? } else { self.facts(summary, dir.path()) })?;
        Ok(ExitCode::SUCCESS)
    }

    fn report(&self, dir: &RunDir) -> Result<()> {
        if !self.no_report {
            report::write(&report::page(&[dir.path().into()])?, &dir.file(report::FILE))?;
            report::write_index(dir.path())?;
        }
        Ok(())
    }

    /// Tells the results in words, with the findings and the path of the report.
    fn facts(&self, summary: &Summary, dir: &Path) -> String {
        let path = findings::path_of_report(&dir.join(if self.no_report { summary::FILE } else { report::FILE }));
        format!("{}\n{}\n{path}", facts(summary, dir), findings::text(&summary.findings))
    }
}

/// Tells the results of a run in a few lines.
fn facts(summary: &Summary, dir: &Path) -> String {
    let ending = format!("{}, seed {}, on {}: {}", summary.name, summary.seed, summary.dataset, summary.how_it_ended());
    let speed = format!(
        "{} images/s with {} thread{}; records in {}",
        summary.timing.images_per_s.round(),
        summary.timing.threads,
        if summary.timing.threads == 1 { "" } else { "s" },
        dir.display()
    );
    [ending, measured(summary), speed].map(|line| format!("{}\n", folded(&visible(&line), 2))).concat()
}

/// The accuracies and the loss, as far as there are any.
fn measured(summary: &Summary) -> String {
    let percent = |x: Option<f64>| x.map_or_else(|| "not measured".into(), |x| format!("{:.2} %", 100.0 * x));
    match (summary.test_accuracy, summary.best_test_accuracy, summary.train_loss) {
        (None, None, None) => "test accuracy and train loss: none, the run ended before its first evaluation".into(),
        (last, best, loss) => {
            let loss = loss.map_or_else(|| "not measured".into(), four_decimals);
            format!("test accuracy {} (best {}), train loss {loss}", percent(last), percent(best))
        }
    }
}
