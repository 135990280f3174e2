//! Carrying out runs side by side, each on one core: the longest first, so that none is left alone at the end.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::record::run_dir::Existing;
use crate::record::summary::{Outcome, Summary};
use crate::study::check::StudyData;
use crate::study::plan::PlannedRun;
use crate::train::engine::Compute;
use crate::train::{Event, Plan, TrainError, train};

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
            Err(error) => Self::Failed(error.to_string()),
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

/// Carries out `runs` with `threads` at a time and keeps their records below `dir`. `costs` holds a number for each run
/// that grows with its time. `show` is called from all threads with the index of a run. The results are in the order of
/// `runs`.
pub fn execute(
    runs: &[&PlannedRun],
    costs: &[f64],
    data: &StudyData,
    dir: &Path,
    threads: usize,
    stop: &AtomicBool,
    show: impl Fn(usize, Happening<'_>) + Sync,
) -> Vec<Attempt> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]));
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
        for _ in 0..threads.min(runs.len()) {
            scope.spawn(work);
        }
    });
    attempts.into_inner().expect("no thread panics while it holds the list")
}

fn attempt(run: &PlannedRun, data: &StudyData, dir: &Path, stop: &AtomicBool, show: impl FnMut(Event<'_>)) -> Attempt {
    let lock = match Lock::take(run, dir) {
        Ok(lock) => lock,
        Err(attempt) => return attempt,
    };
    let attempt = Attempt::from(carry_out(run, data, dir, stop, show));
    lock.release();
    attempt
}

fn carry_out(
    run: &PlannedRun,
    data: &StudyData,
    dir: &Path,
    stop: &AtomicBool,
    show: impl FnMut(Event<'_>),
) -> Result<Summary, TrainError> {
    let plan = Plan::new(run.experiment.clone(), data.of(run.experiment.data.split).clone())?;
    train(&plan, &Compute::Host { threads: 1 }, &run.dir(dir), Existing::Resume, stop, show)
}

/// Holds a run's directory against other processes that work on the same study. The lock goes with the process, so
/// that a killed one leaves none behind.
pub(super) struct Lock {
    path: std::path::PathBuf,
    _file: File,
}

impl Lock {
    /// The lock, or the attempt that comes of not getting it.
    pub fn take(run: &PlannedRun, dir: &Path) -> Result<Self, Attempt> {
        match Self::try_take(run, dir) {
            Ok(lock) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(Attempt::Elsewhere),
            Err(TryLockError::Error(error)) => {
                Err(Attempt::Failed(format!("{}: cannot be locked: {error}", run.dir(dir).display())))
            }
        }
    }

    fn try_take(run: &PlannedRun, dir: &Path) -> Result<Self, TryLockError> {
        std::fs::create_dir_all(dir.join("runs")).map_err(TryLockError::Error)?;
        let path = dir.join("runs").join(format!(".{}.lock", run.name));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(Self { path, _file: file })
    }

    /// Takes the file away while it is still locked.
    pub fn release(self) {
        // One that stays behind is in nobody's way.
        let _ = std::fs::remove_file(&self.path);
    }
}
