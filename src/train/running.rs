//! One run in training: where it stands, and who listens to it.

use std::time::Instant;

use crate::cpu::loss::LossSums;
use crate::model::observe::Observed;
use crate::record::checkpoint::{Progress, Weights};
use crate::record::manifest::Manifest;
use crate::record::rows::{EpochRow, StepRow};
use crate::record::summary::{Divergence, Summary};
use crate::train::batches::Batches;
use crate::train::end::{End, summary};
use crate::train::engine::{Compute, Engine};
use crate::train::evaluation::epoch_row;
use crate::train::event::Event;
use crate::train::prepare::{Plan, TrainError};
use crate::train::sinks::{Ended, Kept, Seen, Sink};
use crate::train::step::{Batch, RunStep, Updated};

/// One run in training.
pub struct Running<'a> {
    /// The run's place among all.
    pub place: usize,
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Its training batches and the step at which it stands.
    pub batches: Batches<'a>,
    /// How the step in progress went wrong.
    pub diverged: Option<Divergence>,
    /// Training loss since the last evaluation.
    sums: LossSums,
    last: Option<EpochRow>,
    best: Option<f64>,
    /// Training images seen in training steps, and the seconds of these and in all, before this sitting.
    images: u64,
    seconds: [f64; 2],
    begun: Instant,
    sinks: Vec<Box<dyn Sink + 'a>>,
}

impl<'a> Running<'a> {
    /// A run that goes on from `progress`.
    pub fn new(place: usize, plan: &'a Plan, progress: &Progress, sinks: Vec<Box<dyn Sink + 'a>>) -> Self {
        let (last, best) = progress.evaluations();
        Self {
            place,
            plan,
            batches: Batches::new(plan, progress.step),
            diverged: None,
            sums: progress.sums(),
            last,
            best,
            images: progress.images,
            seconds: progress.seconds,
            begun: Instant::now(),
            sinks,
        }
    }

    /// How it takes the step in progress.
    pub fn next_step(&self) -> RunStep {
        RunStep { lr: self.plan.lr(self.batches.step()), moves: self.diverged.is_none() }
    }

    /// The step in progress is over, after so many seconds, and done unless it has `diverged`. The run stands at `place` in the engine,
    /// which made an update if the run `moved`.
    ///
    /// # Errors
    /// A sink fails.
    pub fn stepped(
        &mut self,
        (engine, place): (&dyn Engine, usize),
        moved: bool,
        seconds: f64,
        show: &mut impl FnMut(usize, Event<'_>),
    ) -> Result<(), TrainError> {
        let (observed, updated) = (&engine.observed()[place], moved.then(|| &engine.updated()[place]));
        let (row, images) = (&self.row(observed, updated), observed.loss.rows);
        let (plan, at) = (self.plan, row.step);
        let step = Seen { plan, at, row, phase: "train", observed, updated, engine: (engine, place) };
        self.sinks.iter_mut().try_for_each(|sink| sink.step(&step))?;
        if self.diverged.is_none() {
            self.sums.merge(&observed.loss);
            self.batches.advance();
        }
        self.images += images as u64;
        self.seconds[1] += seconds;
        show(self.place, Event::Step { row, images, observed });
        Ok(())
    }

    fn row(&self, observed: &Observed, updated: Option<&Updated>) -> StepRow {
        let (step, rows) = (self.batches.step(), observed.loss.rows);
        let (epoch, images) = self.batches.place();
        StepRow {
            step,
            epoch,
            images,
            lr: self.plan.lr(step),
            loss: observed.loss.loss / rows as f64,
            accuracy: observed.loss.correct as f64 / rows as f64,
            gradient_norm: updated.map(|updated| updated.gradient_norm),
        }
    }

    /// All test images were evaluated after the last step.
    ///
    /// # Errors
    /// A sink fails.
    pub fn evaluated(
        &mut self,
        engine: (&dyn Engine, usize),
        observed: &Observed,
        show: &mut impl FnMut(usize, Event<'_>),
    ) -> Result<(), TrainError> {
        let (plan, at) = (self.plan, self.batches.step());
        let row = &epoch_row(plan, at, &std::mem::take(&mut self.sums), &observed.loss);
        self.last = Some(*row);
        self.best = Some(self.best.map_or(row.test_accuracy, |best| best.max(row.test_accuracy)));
        let evaluation = Seen { plan, at, row, phase: "test", observed, updated: None, engine };
        self.sinks.iter_mut().try_for_each(|sink| sink.evaluation(&evaluation))?;
        show(self.place, Event::Evaluated { row, layers: &plan.network.observed, observed });
        Ok(())
    }

    /// True if the last evaluation reached the run's target.
    pub fn reached_target(&self) -> bool {
        let target = self.plan.experiment.train.target_accuracy;
        self.last.zip(target).is_some_and(|(last, target)| last.test_accuracy >= target)
    }

    /// Where it stands now.
    fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        (progress.step, progress.images, progress.seconds) = (self.batches.step(), self.images, self.seconds);
        progress.seconds[0] += self.begun.elapsed().as_secs_f64();
        progress.set_sums(self.sums);
        progress.set_evaluations(self.last, self.best);
        progress
    }

    /// Keeps everything that the run needs to go on from here.
    ///
    /// # Errors
    /// A sink fails.
    pub fn checkpoint(&mut self, weights: Weights<'_>) -> Result<(), TrainError> {
        let (plan, progress, files) = (self.plan, self.progress(), Manifest::default());
        let mut kept = Kept { plan, weights, progress, files, histograms: None };
        self.sinks.iter_mut().try_for_each(|sink| sink.checkpoint(&mut kept))
    }

    /// Closes what listens to a run that has ended with these weights.
    ///
    /// # Errors
    /// A sink fails.
    pub fn finish(mut self, compute: &Compute, end: End, weights: Weights<'_>) -> Result<Summary, TrainError> {
        let mut ended = Ended { plan: self.plan, weights, files: Manifest::default() };
        self.sinks.iter_mut().try_for_each(|sink| sink.finish(&mut ended))?;
        let mut summary = summary(self.plan, compute, end, &self.progress(), ended.files);
        self.sinks.iter_mut().try_for_each(|sink| sink.end(&mut summary))?;
        Ok(summary)
    }
}

/// A run that has not ended.
pub fn any<'b, 'a>(runs: &'b [Option<Running<'a>>]) -> &'b Running<'a> {
    runs.iter().flatten().next().expect("some run is live")
}

/// A batch for every run; one that has ended gets that of another, which changes nothing.
pub fn batches<'b>(runs: &'b [Option<Running<'_>>]) -> impl Iterator<Item = Batch<'b>> {
    runs.iter().map(|run| run.as_ref().unwrap_or_else(|| any(runs)).batches.batch())
}
