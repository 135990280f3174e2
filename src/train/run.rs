//! The training loop: batch → forward, backward → update → tell the sinks; at times evaluate and keep a checkpoint; end when done,
//! diverged or stopped.
//!
//! On a device several runs of one shape take their steps together; a single run is a group of one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::record::summary::Summary;
use crate::train::diverge::{mark_after_pass, mark_after_update};
use crate::train::end::End;
use crate::train::engine::{Compute, Engine};
use crate::train::evaluation::evaluate;
use crate::train::event::Event;
use crate::train::observe;
use crate::train::prepare::TrainError;
use crate::train::running::{Running, any, batches};
use crate::train::step::RunStep;

/// Runs that take their steps together.
pub struct Group<'a> {
    compute: &'a Compute,
    engine: Box<dyn Engine>,
    /// Runs by their places in the engine; absent once they have ended.
    runs: Vec<Option<Running<'a>>>,
    /// How each run takes the step in progress.
    steps: Vec<RunStep>,
}

/// A place for the result of each run.
pub type Results = [Option<Result<Summary, TrainError>>];

impl<'a> Group<'a> {
    /// Runs at the same step, in an engine on `compute` that has their weights.
    pub fn new(compute: &'a Compute, engine: Box<dyn Engine>, runs: Vec<Running<'a>>) -> Self {
        let steps = vec![RunStep::default(); runs.len()];
        Self { compute, engine, runs: runs.into_iter().map(Some).collect(), steps }
    }

    /// Trains until every run has ended and puts each summary into its place.
    ///
    /// # Errors
    /// A run's records cannot be written, or the device fails; this ends all runs.
    pub fn train(
        mut self,
        stop: &AtomicBool,
        show: &mut impl FnMut(usize, Event<'_>),
        results: &mut Results,
    ) -> Result<(), TrainError> {
        let plan = any(&self.runs).plan;
        let (total, per_epoch, evaluate_every) = (plan.total_steps(), plan.steps_per_epoch(), plan.evaluate_every());
        let checkpoint_every = plan.experiment.record.checkpoint_every.map(|steps| steps as u64);
        for run in self.runs.iter().flatten() {
            show(run.place, Event::Begin { step: run.batches.step(), total, per_epoch });
        }
        while let Some(done) = self.runs.iter().flatten().next().map(|run| run.batches.step()) {
            if done >= total {
                return self.end(results, |_| Some(End::Finished));
            }
            if stop.load(Ordering::Relaxed) {
                self.checkpoint()?;
                return self.end(results, |_| Some(End::Stopped));
            }
            self.step(show)?;
            self.end(results, |run| run.diverged.take().map(End::Diverged))?;
            let done = done + 1;
            let evaluated = done.is_multiple_of(evaluate_every) || done == total;
            if evaluated {
                self.evaluate(show)?;
                self.end(results, |run| run.reached_target().then_some(End::Target))?;
            }
            if done < total && checkpoint_every.map_or(evaluated, |every| done.is_multiple_of(every)) {
                self.checkpoint()?;
            }
        }
        Ok(())
    }

    /// One training step of all live runs. A step whose numbers are not finite changes no parameter of its run, which has then
    /// `diverged`.
    fn step(&mut self, show: &mut impl FnMut(usize, Event<'_>)) -> Result<(), TrainError> {
        let begun = Instant::now();
        let Self { engine, runs, steps, .. } = self;
        runs.iter_mut().flatten().for_each(|run| run.batches.prepare());
        let (plan, step) = (any(runs).plan, any(runs).batches.step());
        let observe = observe::of_step(plan, step);
        engine.forward_backward(&mut batches(runs), &observe)?;
        mark_after_pass(&mut **engine, runs, &observe)?;
        steps.clear();
        steps.extend(runs.iter().map(|run| run.as_ref().map_or_else(RunStep::default, Running::next_step)));
        engine.update(steps, plan.experiment.train.clip_norm, observe.statistics)?;
        mark_after_update(&**engine, runs, steps)?;
        // Runs that share their steps share the time.
        let seconds = begun.elapsed().as_secs_f64() / runs.iter().flatten().count() as f64;
        for (i, run) in runs.iter_mut().enumerate().filter_map(|(i, run)| Some((i, run.as_mut()?))) {
            run.stepped((&**engine, i), steps[i].moves, seconds, show)?;
        }
        Ok(())
    }

    /// Evaluates all live runs on the test images.
    fn evaluate(&mut self, show: &mut impl FnMut(usize, Event<'_>)) -> Result<(), TrainError> {
        let Self { engine, runs, .. } = self;
        let Some(plan) = runs.iter().flatten().next().map(|run| run.plan) else { return Ok(()) };
        let observed = evaluate(&mut **engine, runs.len(), plan, &observe::of_evaluation(plan))?;
        for (i, run) in runs.iter_mut().enumerate().filter_map(|(i, run)| Some((i, run.as_mut()?))) {
            run.evaluated((&**engine, i), &observed[i], show)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        for (i, run) in self.runs.iter_mut().enumerate().filter_map(|(i, run)| Some((i, run.as_mut()?))) {
            run.checkpoint(self.engine.weights(i)?)?;
        }
        Ok(())
    }

    /// Ends the live runs for which `how` says so.
    fn end(
        &mut self,
        results: &mut Results,
        mut how: impl FnMut(&mut Running<'a>) -> Option<End>,
    ) -> Result<(), TrainError> {
        for (i, run) in self.runs.iter_mut().enumerate() {
            let Some(end) = run.as_mut().and_then(&mut how) else { continue };
            let run = run.take().expect("it was live");
            let place = run.place;
            results[place] = Some(run.finish(self.compute, end, self.engine.weights(i)?));
        }
        Ok(())
    }
}
