//! `initlab.train`: one run, with its records in a directory.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use initlab::cli::run_name::run_name;
use initlab::config::{Document, Experiment};
use initlab::data::{Prepared, Request, load};
use initlab::model::initialise::empty_units;
use initlab::record::checkpoint::FILE as CHECKPOINT;
use initlab::record::run_dir::{Existing, RunDir};
use initlab::record::summary::{Outcome, Summary};
use initlab::report;
use initlab::train::at_line::config_error;
use initlab::train::engine::Compute;
use initlab::train::start::check_config;
use initlab::train::threads::{cores, startable};
use initlab::train::{Event, Plan, TrainError, memory, train_in};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Failure;
use crate::source::{Changes, Source};
use crate::work::{News, Teller, work};

/// Trains as `config` says and gives the run's directory, and whether it was interrupted.
///
/// # Errors
/// The call, the config, the data or the directory; an exception that a signal raises, with the records whole.
#[pyfunction]
#[pyo3(signature = (config, overrides, seed, dataset, data, out, threads, resume, overwrite, write_report, show))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments, one for one")]
pub fn train(
    py: Python<'_>,
    config: &Bound<'_, PyAny>,
    overrides: Option<&Bound<'_, PyDict>>,
    seed: Option<u64>,
    dataset: Option<String>,
    data: Option<PathBuf>,
    out: Option<PathBuf>,
    threads: Option<usize>,
    resume: bool,
    overwrite: bool,
    write_report: bool,
    show: Option<&Bound<'_, PyAny>>,
) -> PyResult<PathBuf> {
    let changes = Changes::of(overrides)?;
    let (document, experiment) = Source::of(config)?.experiment(&changes)?;
    let experiment = overridden(experiment, seed, dataset);
    let name = run_name(&experiment.name, &changes.told(), experiment.seed);
    let place = Place::of(out, resume, overwrite, &name)?;
    let compute = Compute::Cpu { threads: threads_of(threads)? };
    let asked = Asked { document, experiment, data };
    work(py, show, |stop, teller| run(&asked, place, &compute, write_report, stop, teller))
}

/// A run as it is asked for.
pub struct Asked {
    /// The config, for errors at its lines.
    pub document: Document,
    /// The experiment that it describes.
    pub experiment: Experiment,
    /// Where the files of a named data set are.
    pub data: Option<PathBuf>,
}

/// The experiment with another seed and another data set.
pub fn overridden(mut experiment: Experiment, seed: Option<u64>, dataset: Option<String>) -> Experiment {
    experiment.seed = seed.unwrap_or(experiment.seed);
    experiment.data.dataset = dataset.unwrap_or(experiment.data.dataset);
    experiment
}

/// Threads as they were asked for, else one for each core; no more than the system starts.
///
/// # Errors
/// None is asked for.
pub fn threads_of(threads: Option<usize>) -> Result<usize, Failure> {
    match threads {
        Some(0) => Err(Failure::usage("threads = 0: expected at least one")),
        Some(1) => Ok(1),
        other => Ok(startable(other.unwrap_or_else(cores))),
    }
}

impl Asked {
    /// Finds and loads the data; tells if it is not what was meant.
    ///
    /// # Errors
    /// It is absent or broken.
    pub fn data(&self, teller: &Teller) -> Result<Prepared, Failure> {
        let request = Request { data_dir: self.data.clone(), ..Request::new(self.experiment.data.choice()) };
        let loaded = load(&request)?;
        loaded.notice.into_iter().for_each(|notice| teller.tell(News::Notice(notice)));
        Ok(Prepared::new(loaded.dataset, self.experiment.data.split)?)
    }

    /// The plan of the run, which has room; tells if its start leaves units without weights.
    ///
    /// # Errors
    /// The network or its start is impossible; points at the config's line.
    pub fn plan(&self, compute: &Compute, teller: &Teller) -> Result<Plan, Failure> {
        let at_line = |error: TrainError| self.at_line(error);
        let plan = Plan::new(self.experiment.clone(), self.data(teller)?).map_err(at_line)?;
        let (init, seed) = (&plan.experiment.init, plan.experiment.seed);
        for empty in empty_units(&plan.network, init, seed).map_err(|error| at_line(error.into()))? {
            teller.tell(News::Notice(empty.to_string()));
        }
        plan.batch_notice().into_iter().for_each(|notice| teller.tell(News::Notice(notice)));
        if let Compute::Cpu { threads } = compute {
            memory::check(&plan.memory(*threads)).map_err(|error| at_line(error.into()))?;
        }
        Ok(plan)
    }

    /// The error at the config's line, if the config is to blame.
    pub fn at_line(&self, error: TrainError) -> Failure {
        config_error(&self.document, &error).map_or_else(|| error.into(), Failure::from)
    }
}

/// Where a run's records go.
enum Place {
    /// The first free one of these numbered directories.
    Unused(PathBuf),
    /// This directory.
    Named(PathBuf, Existing),
}

impl Place {
    /// The place that the arguments name.
    fn of(out: Option<PathBuf>, resume: bool, overwrite: bool, name: &str) -> Result<Self, Failure> {
        match (out, resume, overwrite) {
            (_, true, true) => Err(Failure::usage("resume and overwrite: a run goes on or is replaced, not both")),
            (None, false, _) => Ok(Self::Unused(Path::new("runs").join(name))),
            (None, true, _) => Err(Failure::usage("resume: name the run's directory with out=")),
            (Some(out), false, true) => Ok(Self::Named(out, Existing::Overwrite)),
            (Some(out), false, false) => Ok(Self::Named(out, Existing::Keep)),
            (Some(out), true, false) if out.join("config.toml").is_file() => Ok(Self::Named(out, Existing::Resume)),
            (Some(out), true, false) => {
                let message =
                    format!("resume: there is no run in {}; name it with out=, or leave out resume", out.display());
                Err(Failure::usage(message))
            }
        }
    }
}

/// Trains in a directory of the run's own.
fn run(
    asked: &Asked,
    place: Place,
    compute: &Compute,
    write_report: bool,
    stop: &AtomicBool,
    teller: &Teller,
) -> Result<PathBuf, Failure> {
    // Before the data is loaded: a directory that cannot be used should not cost the wait.
    if let Place::Named(path, existing) = &place {
        RunDir::check(path, *existing)?;
        if *existing == Existing::Resume {
            check_config(path, &asked.experiment.to_toml())?;
            if let Some(summary) = Summary::read(path)?.filter(|summary| summary.outcome != Outcome::Interrupted) {
                summary.verify(path)?;
                let dir = RunDir::open(path, Existing::Resume)?;
                dir.remove(CHECKPOINT)?;
                finish(&dir, write_report)?;
                return Ok(path.clone());
            }
        }
    }
    let plan = asked.plan(compute, teller)?;
    // Nothing is made before the data and the network are known to be good.
    let dir = match place {
        Place::Unused(base) => RunDir::open_unused(&base)?,
        Place::Named(path, existing) => RunDir::open(&path, existing)?,
    };
    let summary = train_in(&plan, compute, &dir, stop, |event| tell(&event, teller))?;
    if summary.outcome == Outcome::Interrupted {
        let place = dir.path().display();
        teller.tell(News::Line(format!("interrupted; go on with resume=True, out=\"{place}\"")));
    }
    finish(&dir, write_report)?;
    Ok(dir.path().to_owned())
}

/// Writes the report, if it is wanted.
fn finish(dir: &RunDir, write_report: bool) -> Result<(), Failure> {
    if write_report {
        report::write(&report::page(&[dir.path().into()])?, &dir.file(report::FILE))?;
        report::write_index(dir.path())?;
    }
    Ok(())
}

/// Tells of a run's event.
fn tell(event: &Event<'_>, teller: &Teller) {
    match event {
        Event::Begin { step, total, .. } => teller.tell(News::Begin { total: *total, done: *step }),
        Event::Step { row, .. } => {
            teller.progress(row.step + 1, || format!("loss {:.4} acc {:.1}%", row.loss, 100.0 * row.accuracy));
        }
        Event::Evaluated { row, .. } => {
            let (loss, accuracy) = (row.test_loss, 100.0 * row.test_accuracy);
            let words = format!("test loss {loss:.4}, accuracy {accuracy:.2} %");
            teller.tell(News::Done(row.step, words.clone()));
            teller.tell(News::Line(format!("epoch {:<5.4} train loss {:.4}, {words}", row.epoch, row.train_loss)));
        }
    }
}
