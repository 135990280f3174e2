//! `initlab.compare`: a study of many runs, and what comes of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use initlab::cli::file_name;
use initlab::cluster::source::StudySource;
use initlab::config::document::read_text;
use initlab::data::{Choice, Request, load};
use initlab::record::summary::Outcome;
use initlab::report;
use initlab::study::attempt::Attempt;
use initlab::study::check::{CheckError, notices, one_dataset, remarks};
use initlab::study::compare::all_pairs;
use initlab::study::directory::StudyDir;
use initlab::study::execute::{Happening, Manner};
use initlab::study::place::Growth;
use initlab::study::plan::Shard;
use initlab::study::record::Failure as FailedRun;
use initlab::study::{Campaign, PlannedRun, Study, export};
use initlab::train::Event;
use initlab::train::memory;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::Failure;
use crate::source::{Changes, Source};
use crate::train::threads_of;
use crate::work::{News, Teller, work};

/// Makes what is missing of a study, summarises it, and gives its directory.
///
/// # Errors
/// The call, the study, the data or the directory; a run that failed; an exception that a signal raises, with every run's records
/// whole.
#[pyfunction]
#[pyo3(signature = (study, overrides, dataset, data, out, threads, overwrite, pairs, write_report, show))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments, one for one")]
pub fn compare(
    py: Python<'_>,
    study: &Bound<'_, PyAny>,
    overrides: Option<&Bound<'_, PyDict>>,
    dataset: Option<String>,
    data: Option<PathBuf>,
    out: Option<PathBuf>,
    threads: Option<usize>,
    overwrite: bool,
    pairs: bool,
    write_report: bool,
    show: Option<&Bound<'_, PyAny>>,
) -> PyResult<PathBuf> {
    let (source, changes) = (Source::of(study)?, Changes::of(overrides)?);
    source.is_study(&changes)?;
    let Source { label, text } = source;
    let (source, study) =
        StudySource::read(label, text, changes.told(), dataset, &|path| read_text(path)).map_err(Failure::from)?;
    let dir = out.unwrap_or_else(|| Path::new("studies").join(file_name(&study.name)));
    let threads = threads_of(threads)?;
    work(py, show, |stop, teller| {
        let campaign = campaign(study, data, teller)?;
        memory::check_bytes(campaign.memory(threads)).map_err(|found| {
            Failure::usage(format!("threads = {threads}: so many runs side by side take {found}; take fewer"))
        })?;
        let own = StudyDir::new(&dir, &campaign.study, &campaign.data.dataset.sha256, &campaign.runs);
        own.check(overwrite)?;
        let mut made = Made { campaign, dir: &dir, own: &own, manner: Manner::SideBySide { threads }, stop, teller };
        let Some(failures) = made.runs(overwrite)? else { return Ok(dir.clone()) };
        made.summarise(source.command(), &failures, [overwrite, pairs, write_report])?;
        match &failures[..] {
            [] => Ok(dir.clone()),
            [first, ..] => Err(Failure::Of("Error", failed(first, failures.len(), made.campaign.runs.len()))),
        }
    })
}

fn failed(first: &FailedRun, failures: usize, of: usize) -> String {
    format!("{failures} of {of} runs failed; the first, {}: {}", first.dir, first.error)
}

/// The study with its data, every arm of which can be built; tells what is remarkable in it.
fn campaign(study: Study, data: Option<PathBuf>, teller: &Teller) -> Result<Campaign, Failure> {
    let notice = |text: String| teller.tell(News::Notice(text));
    remarks(&study).into_iter().for_each(notice);
    let choice = Choice::parse(one_dataset(&study)?);
    let loaded = load(&Request { data_dir: data, ..Request::new(choice) })?;
    loaded.notice.into_iter().for_each(notice);
    let campaign = Campaign::new(study, loaded.dataset).map_err(|error| match error {
        CheckError::Config(error) => Failure::from(error),
        CheckError::Data(error) => error.into(),
        CheckError::Train(error) => error.into(),
    })?;
    notices(&campaign.study, &campaign.data).into_iter().for_each(notice);
    Ok(campaign)
}

/// A study in the making.
struct Made<'a> {
    campaign: Campaign,
    dir: &'a Path,
    own: &'a StudyDir,
    manner: Manner,
    stop: &'a AtomicBool,
    teller: &'a Teller,
}

impl Made<'_> {
    /// Makes what is missing; gives the runs that failed, or nothing if it was stopped or others are at the rest.
    fn runs(&mut self, replace: bool) -> Result<Option<Vec<FailedRun>>, Failure> {
        // The search for learning rates goes in rounds: what comes next depends on what came out.
        loop {
            let first = self.campaign.settle(self.dir)?;
            if first.is_empty() {
                break;
            }
            match self.make(&first, replace)? {
                None => return Ok(None),
                Some(failures) if failures.is_empty() => {}
                Some(failures) => {
                    return Err(Failure::Of("Error", failed(&failures[0], failures.len(), first.len())));
                }
            }
        }
        self.make(&self.campaign.runs, replace)
    }

    /// Makes what is missing of `runs`.
    fn make(&self, runs: &[PlannedRun], replace: bool) -> Result<Option<Vec<FailedRun>>, Failure> {
        let missing = Shard::WHOLE.missing(runs, self.dir)?;
        let mut failures = Vec::new();
        if !missing.is_empty() {
            self.own.claim(replace)?;
            failures = self.carry_out(&missing, runs.len());
        }
        let left = Shard::WHOLE.missing(runs, self.dir)?.len().saturating_sub(failures.len());
        if self.stop.load(Ordering::Relaxed) || left > 0 {
            let done = format!("{} of {} runs are done in {}", runs.len() - left, runs.len(), self.dir.display());
            self.teller.tell(News::Line(format!("{done}; the same call goes on")));
            return Ok(None);
        }
        Ok(Some(failures))
    }

    fn carry_out(&self, runs: &[&PlannedRun], all: usize) -> Vec<FailedRun> {
        let over = AtomicU64::new((all - runs.len()) as u64);
        self.teller.tell(News::Begin { total: all as u64, done: over.load(Ordering::Relaxed) });
        let label = |at: usize| runs[at].relative_dir(self.dir);
        let show = |at: usize, happening: Happening<'_>| match happening {
            Happening::Begins => {}
            Happening::Trains(Event::Step { row, .. }) => {
                let words = || format!("{} step {} loss {:.3}", label(at), row.step + 1, row.loss);
                self.teller.progress(over.load(Ordering::Relaxed), words);
            }
            Happening::Trains(Event::Begin { .. } | Event::Evaluated { .. }) => {}
            Happening::Over(attempt) => {
                let over = 1 + over.fetch_add(1, Ordering::Relaxed);
                let words = format!("{}: {}", label(at), outcome(attempt));
                self.teller.tell(News::Done(over, words));
            }
        };
        let attempts = self.campaign.execute(runs, (self.dir, Growth::Locked), &self.manner, self.stop, show);
        let failure = |(run, attempt): (&&PlannedRun, Attempt)| match attempt {
            Attempt::Failed(error) => Some(FailedRun { dir: run.relative_dir(self.dir), error }),
            Attempt::Ended(_) | Attempt::Elsewhere | Attempt::Stopped => None,
        };
        runs.iter().zip(attempts).filter_map(failure).collect()
    }

    /// Writes what the runs come to.
    fn summarise(
        &self,
        command: String,
        failures: &[FailedRun],
        [replace, pairs, write_report]: [bool; 3],
    ) -> Result<(), Failure> {
        let (mut record, _) = self.campaign.record(self.dir, command, failures.to_vec())?;
        if pairs {
            record.pairs = all_pairs(&record.runs, &record.targets);
        }
        self.own.claim(replace)?;
        let _lock = self.own.hold()?;
        export::write(&record, self.dir)?;
        if write_report {
            report::write(&report::page(&[self.dir.into()])?, &self.dir.join(report::FILE))?;
            report::write_index(self.dir)?;
        }
        Ok(())
    }
}

/// How an attempt at a run ended, in a few words.
fn outcome(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Ended(summary) if summary.outcome == Outcome::Diverged => summary.how_it_ended(),
        Attempt::Ended(summary) => match summary.test_accuracy {
            Some(accuracy) => format!("accuracy {:.2} %", 100.0 * accuracy),
            None => summary.how_it_ended(),
        },
        Attempt::Failed(error) => format!("failed: {error}"),
        Attempt::Elsewhere => "left to another process that is at it".into(),
        Attempt::Stopped => "stopped".into(),
    }
}
