//! Carrying out runs side by side, each on one core.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::study::attempt::Attempt;
use crate::study::check::StudyData;
use crate::study::place::{Growth, Place};
use crate::study::plan::PlannedRun;
use crate::train::engine::Compute;
use crate::train::{Event, Plan, train_in};

/// An event of a run, for whoever shows it.
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
    /// Runs side by side, each on one core.
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

/// Carries out `runs`, which begin in this `order`, with `threads` at a time, and keeps their records below `dir`, where they grow in
/// this way. `show` is called from all threads with the index of a run. The results are in the order of `runs`.
pub fn execute(
    runs: &[&PlannedRun],
    order: &[usize],
    data: &StudyData,
    (dir, growth): (&Path, Growth),
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
            let attempt =
                attempt(runs[index], data, (dir, growth), stop, |event| show(index, Happening::Trains(event)));
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

fn attempt(
    run: &PlannedRun,
    data: &StudyData,
    (dir, growth): (&Path, Growth),
    stop: &AtomicBool,
    show: impl FnMut(Event<'_>),
) -> Attempt {
    let place = match Place::open(run, dir, growth) {
        Ok(place) => place,
        Err(attempt) => return attempt,
    };
    let carry_out = || {
        let plan = Plan::new(run.experiment.clone(), data.of(&run.experiment.data).clone())?;
        train_in(&plan, &Compute::Cpu { threads: 1 }, place.dir(), stop, show)
    };
    let result = carry_out();
    place.close(run, result)
}
