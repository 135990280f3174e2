//! The course of a learning rate range test: a quick pass over a wide range, then sweeps of the decades below the rate that it lost.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::Part;
use crate::study::range_test::{Outcome, RangeTest, SWEEPS, experiment, narrowed, quick_steps};
use crate::train::engine::Compute;
use crate::train::{Event, Plan, TrainError, train_into};

/// A range test that was made.
#[derive(Clone, Debug)]
pub struct RangeSearch {
    /// The rate at which a quick pass lost the loss, if one was worth while and did.
    pub lost_at: Option<f64>,
    /// The sweeps together.
    pub test: RangeTest,
    /// The outcome that they have together.
    pub outcome: Outcome,
}

impl RangeSearch {
    /// Makes the test over rates from `low` to `high` with `steps` in each sweep, those of the quick pass among them. `sweep` trains
    /// once over a range of rates in so many steps; sweeps of another number have other batches.
    ///
    /// # Errors
    /// Those of `sweep`.
    pub fn run<E>(
        [low, high]: [f64; 2],
        mut steps: usize,
        mut sweep: impl FnMut(u64, [f64; 2], usize) -> Result<RangeTest, E>,
    ) -> Result<Self, E> {
        let (mut range, mut lost_at) = ([low, high], None);
        if let Some(few) = quick_steps(low, high, steps) {
            let quick = sweep(0, range, few)?;
            steps -= quick.rates.len();
            lost_at = quick.rates.last().copied().filter(|_| quick.lost);
            range = narrowed(low, high, lost_at);
        }
        let sweeps = (0..SWEEPS).map(|number| sweep(number, range, steps)).collect::<Result<Vec<_>, E>>()?;
        let test = RangeTest::joined(&sweeps);
        let outcome = test.outcome(range[1] == high);
        Ok(Self { lost_at, test, outcome })
    }
}

/// Trains from the plan's start over a range of rates, in memory, until the loss is lost or `stop` is set. Each `number` has batches of
/// its own, the first those of the plan.
///
/// # Errors
/// Training failed.
pub fn sweep(
    plan: &Plan,
    compute: &Compute,
    number: u64,
    [low, high]: [f64; 2],
    steps: usize,
    stop: &AtomicBool,
) -> Result<RangeTest, TrainError> {
    let mut plan = Plan { experiment: experiment(&plan.experiment, low, high, steps), ..plan.clone() };
    // The start is drawn already.
    plan.experiment.seed = plan.experiment.seed.wrapping_add(number);
    let mut test = RangeTest::new(plan.loss.blind(plan.data.labels(Part::Train), plan.data.classes()));
    let enough = AtomicBool::new(stop.load(Ordering::Relaxed));
    train_into(&plan, compute, Vec::new(), &enough, |event| {
        if let Event::Step { row, .. } = event
            && (test.push(row.lr, row.loss) || stop.load(Ordering::Relaxed))
        {
            enough.store(true, Ordering::Relaxed);
        }
    })?;
    Ok(test)
}
