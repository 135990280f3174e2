//! The training loop: step, record, evaluate, keep a checkpoint; end when done, diverged or stopped.
//!
//! On a device several runs of one shape take their steps together; a single run is a group of one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::model::ObservedLayer;
use crate::model::observe::{Observe, Observed};
use crate::record::checkpoint::Weights;
use crate::record::rows::{EpochRow, StepRow};
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{Divergence, Summary};
use crate::train::engine::{Compute, Engine};
use crate::train::observe::{bad_layer, layer_of, observe};
use crate::train::prepare::{Plan, TrainError};
use crate::train::recorder::{End, Recorder};
use crate::train::step::{Batch, RunStep};
use crate::train::steps::evaluate;

pub use crate::train::recorder::check_config;

/// What happens during a run, for whoever shows it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The run begins, or goes on, at this step of so many.
    Begin {
        /// Steps done before.
        step: u64,
        /// Steps of the whole run.
        total: u64,
        /// Steps of an epoch.
        per_epoch: u64,
    },
    /// A step was taken.
    Step {
        /// What was recorded.
        row: &'a StepRow,
        /// Images of the batch.
        images: usize,
        /// The layers' statistics, if they were due.
        observed: &'a Observed,
    },
    /// The test images were evaluated; the layers' statistics on them stand beside their names.
    Evaluated {
        /// What was recorded.
        row: &'a EpochRow,
        /// The observed layers.
        layers: &'a [ObservedLayer],
        /// What was seen in them.
        observed: &'a Observed,
    },
}

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

/// A run that trains with others.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// What is trained.
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
    for (place, member) in members.iter().enumerate() {
        match Recorder::open(member.plan, compute, member.dir) {
            Ok((recorder, weights)) => opened.push(Opened { place, recorder, weights }),
            Err(error) => results[place] = Some(Err(error)),
        }
    }
    for group in groups(opened, compute) {
        let places: Vec<usize> = group.iter().map(|run| run.place).collect();
        let ended = Group::new(group, compute).and_then(|group| group.train(stop, &mut show, &mut results));
        if let Err(error) = ended {
            let mut error = Some(error);
            for place in places {
                results[place].get_or_insert_with(|| Err(error.take().unwrap_or(TrainError::Together)));
            }
        }
    }
    results.into_iter().map(|result| result.expect("each run was in a group")).collect()
}

struct Opened<'a> {
    place: usize,
    recorder: Recorder<'a>,
    weights: Weights<'a>,
}

/// Runs that can go on together: on a device those that stand at the same step.
fn groups<'a>(opened: Vec<Opened<'a>>, compute: &Compute) -> Vec<Vec<Opened<'a>>> {
    let mut groups: Vec<Vec<Opened<'a>>> = Vec::new();
    for run in opened {
        let fits = |group: &&mut Vec<Opened<'a>>| {
            matches!(compute, Compute::Device(_)) && group[0].recorder.step() == run.recorder.step()
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups
}

/// Runs that take their steps together.
struct Group<'a> {
    engine: Box<dyn Engine>,
    runs: Vec<Running<'a>>,
    /// How each run takes the step in progress.
    steps: Vec<RunStep>,
}

struct Running<'a> {
    /// The run's place among all.
    place: usize,
    /// Absent once the run has ended.
    recorder: Option<Recorder<'a>>,
    /// How the step in progress went wrong.
    diverged: Option<Divergence>,
}

impl<'a> Group<'a> {
    fn new(opened: Vec<Opened<'a>>, compute: &Compute) -> Result<Self, TrainError> {
        let networks = opened.iter().map(|run| run.recorder.plan.network.clone()).collect();
        let first = opened[0].recorder.plan;
        let mut engine = compute.engine(networks, first.experiment.optimizer.rule, first.loss)?;
        let mut runs = Vec::new();
        for (i, Opened { place, recorder, weights }) in opened.into_iter().enumerate() {
            engine.set_weights(i, &weights)?;
            runs.push(Running { place, recorder: Some(recorder), diverged: None });
        }
        let steps = vec![RunStep::default(); runs.len()];
        Ok(Self { engine, runs, steps })
    }

    /// The runs that have not ended, with their places in the group.
    fn live(&mut self) -> impl Iterator<Item = (usize, usize, &mut Recorder<'a>)> {
        self.runs.iter_mut().enumerate().filter_map(|(i, run)| Some((i, run.place, run.recorder.as_mut()?)))
    }

    /// Trains until every run has ended and puts each summary into its place.
    fn train(
        mut self,
        stop: &AtomicBool,
        show: &mut impl FnMut(usize, Event<'_>),
        results: &mut [Option<Result<Summary, TrainError>>],
    ) -> Result<(), TrainError> {
        let plan = self.live().next().expect("a group has runs").2.plan;
        let (total, per_epoch) = (plan.total_steps(), plan.steps_per_epoch());
        let evaluate_every = plan.evaluate_every();
        let checkpoint_every = plan.experiment.record.checkpoint_every.map(|steps| steps as u64);
        for (_, place, recorder) in self.live() {
            show(place, Event::Begin { step: recorder.step(), total, per_epoch });
        }
        loop {
            let Some(done) = self.live().next().map(|(.., recorder)| recorder.step()) else { return Ok(()) };
            if done >= total || stop.load(Ordering::Relaxed) {
                let stopped = done < total;
                if stopped {
                    self.checkpoint()?;
                }
                return self.end(results, |_, _| Some(if stopped { End::Stopped } else { End::Finished }));
            }
            self.step(show)?;
            self.end(results, |_, run| run.diverged.take().map(End::Diverged))?;
            let done = done + 1;
            let evaluated = done.is_multiple_of(evaluate_every) || done == total;
            if evaluated {
                let reached = self.evaluate(show)?;
                self.end(results, |i, _| reached[i].then_some(End::Target))?;
            }
            if done < total && checkpoint_every.map_or(evaluated, |every| done.is_multiple_of(every)) {
                self.checkpoint()?;
            }
        }
    }

    /// Ends the live runs for which `how` says so.
    fn end(
        &mut self,
        results: &mut [Option<Result<Summary, TrainError>>],
        mut how: impl FnMut(usize, &mut Running<'a>) -> Option<End>,
    ) -> Result<(), TrainError> {
        for (i, run) in self.runs.iter_mut().enumerate().filter(|(_, run)| run.recorder.is_some()) {
            if let Some(end) = how(i, run) {
                let recorder = run.recorder.take().expect("the run is live");
                results[run.place] = Some(recorder.finish(end, self.engine.weights(i)?));
            }
        }
        Ok(())
    }

    /// One training step of all live runs. A step whose numbers are not finite changes no parameter of its run, which has then
    /// `diverged`.
    fn step(&mut self, show: &mut impl FnMut(usize, Event<'_>)) -> Result<(), TrainError> {
        let begun = Instant::now();
        self.live().for_each(|(.., recorder)| recorder.prepare_batch());
        let Self { engine, runs, steps } = self;
        let any = any(runs);
        let (step, plan) = (any.step(), any.plan);
        let observe = observe(plan, step);
        engine.forward_backward(&mut batches(runs), &observe)?;
        let mut again = None;
        for i in 0..runs.len() {
            steps[i] = RunStep::default();
            let Some(recorder) = &runs[i].recorder else { continue };
            let (seen, observed) = (&engine.observed()[i], &recorder.plan.network.observed);
            let mut diverged = bad_layer(observed, seen, step);
            if diverged.is_none() && !seen.loss.loss.is_finite() {
                // Without this step's statistics, the batch is run again to find the layer.
                if !observe.statistics && again.is_none() {
                    let all = Observe { statistics: true, histogram_bins: 0, ..observe };
                    again = Some(engine.repeat(&mut batches(runs), &all)?);
                }
                diverged = again.as_ref().and_then(|again| bad_layer(observed, &again[i], step));
                diverged.get_or_insert_with(|| Divergence { step, layer: None, what: "loss".into() });
            }
            steps[i] = RunStep { lr: recorder.lr(), moves: diverged.is_none() };
            runs[i].diverged = diverged;
        }
        engine.update(steps, plan.experiment.train.clip_norm, observe.statistics)?;
        let live = runs.iter().filter(|run| run.recorder.is_some()).count();
        // Runs that share their steps share the time.
        let seconds = begun.elapsed().as_secs_f64() / live as f64;
        for (i, Running { place, recorder, diverged }) in runs.iter_mut().enumerate() {
            let Some(recorder) = recorder else { continue };
            let moves = steps[i].moves;
            if moves && !engine.updated()[i].gradient_norm.is_finite() {
                let layer = engine
                    .first_non_finite_gradient(i)?
                    .map(|param| layer_of(&recorder.plan.network.params[param].name));
                *diverged = Some(Divergence { step, layer, what: "weight gradient".into() });
            }
            let (observed, updated) = (&engine.observed()[i], moves.then_some(&engine.updated()[i]));
            let row = recorder.record_step(observed, updated, diverged.is_some(), seconds)?;
            show(*place, Event::Step { row: &row, images: observed.loss.rows, observed });
        }
        Ok(())
    }

    /// Evaluates all live runs on the test images; says which have reached their target.
    fn evaluate(&mut self, show: &mut impl FnMut(usize, Event<'_>)) -> Result<Vec<bool>, TrainError> {
        let mut reached = vec![false; self.runs.len()];
        let Some(plan) = self.live().next().map(|(.., recorder)| recorder.plan) else { return Ok(reached) };
        let statistics = plan.experiment.stats.every > 0;
        let wanted = Observe { histogram_bins: 0, statistics, ..observe(plan, 0) };
        let totals = evaluate(&mut *self.engine, self.runs.len(), plan, &wanted)?;
        for (i, place, recorder) in self.live() {
            let row = recorder.record_evaluation(&totals[i])?;
            let target = recorder.plan.experiment.train.target_accuracy;
            reached[i] = target.is_some_and(|target| row.test_accuracy >= target);
            let layers = &recorder.plan.network.observed;
            show(place, Event::Evaluated { row: &row, layers, observed: &totals[i] });
        }
        Ok(reached)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        for (i, run) in self.runs.iter_mut().enumerate() {
            if let Some(recorder) = &mut run.recorder {
                recorder.checkpoint(self.engine.weights(i)?)?;
            }
        }
        Ok(())
    }
}

/// A run that has not ended.
fn any<'b, 'a>(runs: &'b [Running<'a>]) -> &'b Recorder<'a> {
    runs.iter().find_map(|run| run.recorder.as_ref()).expect("some run is live")
}

/// A batch for every run; one that has ended gets that of another, which changes nothing.
fn batches<'b>(runs: &'b [Running<'_>]) -> impl Iterator<Item = Batch<'b>> {
    runs.iter().map(|run| run.recorder.as_ref().unwrap_or_else(|| any(runs)).batch())
}
