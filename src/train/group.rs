//! Runs that are asked for, alone or several at once, and which of them train together.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::record::checkpoint::Weights;
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::Summary;
use crate::train::engine::Compute;
use crate::train::event::Event;
use crate::train::prepare::{Plan, TrainError};
use crate::train::run::{Group, Results};
use crate::train::running::Running;
use crate::train::sinks::{Sink, in_directory};
use crate::train::start::Start;

/// Trains as planned and keeps the records in `dir`. `stop` ends the run after the step in progress, with a checkpoint.
///
/// # Errors
/// The records cannot be written, or the device fails. Divergence is no error but a result.
pub fn train(
    plan: &Plan,
    compute: &Compute,
    dir: &Path,
    existing: Existing,
    stop: &AtomicBool,
    show: impl FnMut(Event<'_>),
) -> Result<Summary, TrainError> {
    train_in(plan, compute, &RunDir::open(dir, existing)?, stop, show)
}

/// Trains as planned in a directory that is open, and stays this process's own when the run has ended.
///
/// # Errors
/// As [`train`].
pub fn train_in(
    plan: &Plan,
    compute: &Compute,
    dir: &RunDir,
    stop: &AtomicBool,
    mut show: impl FnMut(Event<'_>),
) -> Result<Summary, TrainError> {
    let member = Member { plan, dir };
    let mut results = train_together(std::slice::from_ref(&member), compute, stop, |_, event| show(event));
    results.pop().expect("each run has a result")
}

/// Trains as planned, from the start on, and tells these sinks. No directory is needed.
///
/// # Errors
/// A sink or the device fails.
pub fn train_into<'a>(
    plan: &'a Plan,
    compute: &Compute,
    sinks: Vec<Box<dyn Sink + 'a>>,
    stop: &AtomicBool,
    mut show: impl FnMut(Event<'_>),
) -> Result<Summary, TrainError> {
    let mut results = [None];
    train_opened(
        vec![Opened::new(0, Start::anew(plan), sinks)],
        compute,
        stop,
        &mut |_, event| show(event),
        &mut results,
    );
    let [result] = results;
    result.expect("the run was in a group")
}

/// A run that trains with others.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Where its records go.
    pub dir: &'a RunDir,
}

/// Trains several runs, whose plans must be [`Plan::like`] each other: all at once on a device, one after the other on the CPU's
/// kernels. Each is recorded as if it had trained alone; one that diverges or reaches its target ends, and the others
/// go on. `show` gets a run's place in `members`; the results are in this order.
pub fn train_together(
    members: &[Member<'_>],
    compute: &Compute,
    stop: &AtomicBool,
    mut show: impl FnMut(usize, Event<'_>),
) -> Vec<Result<Summary, TrainError>> {
    let mut results: Vec<Option<Result<Summary, TrainError>>> = members.iter().map(|_| None).collect();
    let mut opened = Vec::new();
    for (place, Member { plan, dir }) in members.iter().enumerate() {
        let open = || {
            let start = Start::in_directory(plan, dir)?;
            let sinks = in_directory(dir, &start)?;
            Ok(Opened::new(place, start, sinks))
        };
        match open() {
            Ok(run) => opened.push(run),
            Err(error) => results[place] = Some(Err(error)),
        }
    }
    train_opened(opened, compute, stop, &mut show, &mut results);
    results.into_iter().map(|result| result.expect("each run was in a group")).collect()
}

/// A run that is ready to train.
struct Opened<'a> {
    run: Running<'a>,
    weights: Weights<'a>,
}

impl<'a> Opened<'a> {
    fn new(place: usize, start: Start<'a>, sinks: Vec<Box<dyn Sink + 'a>>) -> Self {
        Self { run: Running::new(place, start.plan, &start.progress(), sinks), weights: start.weights() }
    }
}

/// Trains the runs, group by group, and puts each result into its place.
fn train_opened(
    opened: Vec<Opened<'_>>,
    compute: &Compute,
    stop: &AtomicBool,
    show: &mut impl FnMut(usize, Event<'_>),
    results: &mut Results,
) {
    for group in groups(opened, compute) {
        let places: Vec<usize> = group.iter().map(|opened| opened.run.place).collect();
        let ended = together(group, compute).and_then(|group| group.train(stop, show, results));
        if let Err(error) = ended {
            let mut error = Some(error);
            for place in places {
                results[place].get_or_insert_with(|| Err(error.take().unwrap_or(TrainError::Together)));
            }
        }
    }
}

/// Runs that can go on together: on a device those that stand at the same step.
fn groups<'a>(opened: Vec<Opened<'a>>, compute: &Compute) -> Vec<Vec<Opened<'a>>> {
    let mut groups: Vec<Vec<Opened<'a>>> = Vec::new();
    for run in opened {
        let step = |opened: &Opened<'_>| opened.run.batches.step();
        let fits =
            |group: &&mut Vec<Opened<'a>>| matches!(compute, Compute::Device(_)) && step(&group[0]) == step(&run);
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups
}

/// Runs in one engine, with their weights.
fn together<'a>(opened: Vec<Opened<'a>>, compute: &'a Compute) -> Result<Group<'a>, TrainError> {
    let networks = opened.iter().map(|opened| opened.run.plan.network.clone()).collect();
    let first = opened[0].run.plan;
    let mut engine = compute.engine(networks, first.experiment.optimizer.rule, first.loss)?;
    for (i, opened) in opened.iter().enumerate() {
        engine.set_weights(i, &opened.weights)?;
    }
    Ok(Group::new(compute, engine, opened.into_iter().map(|opened| opened.run).collect()))
}
