//! Carrying out runs side by side, each on one core.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::record::RecordError;
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{Outcome, Summary};
use crate::study::check::StudyData;
use crate::study::plan::PlannedRun;
use crate::train::engine::Compute;
use crate::train::{Event, Plan, TrainError, train_in};

/// How an attempt at a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// It ended, by finishing or by diverging, and its records are on disk.
    Ended(Box<Summary>),
    /// It could not be carried out.
    Failed(String),
    /// Another process is at it.
    Elsewhere,
    /// It was stopped, or not begun before the stop.
    Stopped,
}

impl From<Result<Summary, TrainError>> for Attempt {
    fn from(result: Result<Summary, TrainError>) -> Self {
        match result {
            Ok(summary) if summary.outcome == Outcome::Interrupted => Self::Stopped,
            Ok(summary) => Self::Ended(Box::new(summary)),
            Err(error) => Self::Failed(error.in_study()),
        }
    }
}

/// What happens to a run, for whoever shows it.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// It begins.
    Begins,
    /// Something happened in it.
    Trains(Event<'a>),
    /// It is over.
    Over(&'a Attempt),
}

/// How runs are carried out.
#[derive(Clone, Debug)]
pub enum Manner {
    /// So many side by side, each on one core.
    SideBySide {
        /// Runs at a time.
        threads: usize,
    },
    /// On a device, those of equal shape together.
    Cohorts {
        /// The device.
        compute: Compute,
        /// The most runs that train together.
        size: usize,
    },
}

impl Manner {
    /// Runs that are worked at at a time: those of a cohort share their device.
    pub fn workers(&self) -> usize {
        match self {
            Self::SideBySide { threads } => *threads,
            Self::Cohorts { .. } => 1,
        }
    }
}

/// Carries out `runs`, which begin in this `order`, with `threads` at a time, and keeps their records below `dir`. `show` is called
/// from all threads with the index of a run. The results are in the order of `runs`.
pub fn execute(
    runs: &[&PlannedRun],
    order: &[usize],
    data: &StudyData,
    dir: &Path,
    threads: usize,
    stop: &AtomicBool,
    show: impl Fn(usize, Happening<'_>) + Sync,
) -> Vec<Attempt> {
    let next = AtomicUsize::new(0);
    let attempts = Mutex::new(vec![Attempt::Stopped; runs.len()]);
    let work = || {
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            show(index, Happening::Begins);
            let attempt = attempt(runs[index], data, dir, stop, |event| show(index, Happening::Trains(event)));
            show(index, Happening::Over(&attempt));
            attempts.lock().expect("no thread panics while it holds the list")[index] = attempt;
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(runs.len()) {
            // Where the system gives no more threads, those that are there do the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    attempts.into_inner().expect("no thread panics while it holds the list")
}

fn attempt(run: &PlannedRun, data: &StudyData, dir: &Path, stop: &AtomicBool, show: impl FnMut(Event<'_>)) -> Attempt {
    let own = match own(run, dir) {
        Ok(own) => own,
        Err(attempt) => return attempt,
    };
    let carry_out = || {
        let plan = Plan::new(run.experiment.clone(), data.of(run.experiment.data.split).clone())?;
        train_in(&plan, &Compute::Cpu { threads: 1 }, &own, stop, show)
    };
    Attempt::from(carry_out())
}

/// The directory of a run that is still to be made, held against other processes; or the attempt that comes of not getting it.
pub(super) fn own(run: &PlannedRun, dir: &Path) -> Result<RunDir, Attempt> {
    let own = match RunDir::open(&run.dir(dir), Existing::Resume) {
        Ok(own) => own,
        Err(RecordError::Busy { .. }) => return Err(Attempt::Elsewhere),
        Err(error) => return Err(Attempt::Failed(error.in_study().to_string())),
    };
    // Another process may have made the run since it was listed as missing.
    match run.result(dir) {
        Ok(None) => Ok(own),
        Ok(Some(summary)) => Err(Attempt::Ended(Box::new(summary))),
        Err(error) => Err(Attempt::Failed(error.to_string())),
    }
}
