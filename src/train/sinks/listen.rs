//! Sinks: the trait that they share, and what they see.

use crate::model::observe::Observed;
use crate::record::checkpoint::{Progress, Weights};
use crate::record::histograms::Histograms;
use crate::record::layers::LayerRow;
use crate::record::manifest::Manifest;
use crate::record::rows::{EpochRow, StepRow};
use crate::record::run_dir::RunDir;
use crate::record::summary::Summary;
use crate::train::engine::Engine;
use crate::train::prepare::{Plan, TrainError};
use crate::train::start::Start;
use crate::train::step::Updated;

/// Whoever listens to a run. What it does not care about it leaves out.
pub trait Sink {
    /// A step was taken, or ended the run because its numbers are not finite.
    ///
    /// # Errors
    /// The sink cannot take it, which ends the run; so for all functions here.
    fn step(&mut self, _step: &Step<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// The test images were evaluated.
    ///
    /// # Errors
    /// As [`Sink::step`].
    fn evaluation(&mut self, _evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// The run's state is about to be kept: puts everything so far on the disk, and adds what it needs to go on from here.
    ///
    /// # Errors
    /// As [`Sink::step`].
    fn checkpoint<'s>(&'s mut self, _kept: &mut Kept<'s>) -> Result<(), TrainError> {
        Ok(())
    }

    /// The run has ended: puts everything on the disk, and names its files.
    ///
    /// # Errors
    /// As [`Sink::step`].
    fn finish(&mut self, _ended: &mut Ended<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// All have finished, and this came out; a sink that knows more of it adds that.
    ///
    /// # Errors
    /// As [`Sink::step`].
    fn end(&mut self, _summary: &mut Summary) -> Result<(), TrainError> {
        Ok(())
    }
}

/// A row of a run's records with what is behind it.
pub struct Seen<'a, Row> {
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Steps done before.
    pub at: u64,
    /// The row.
    pub row: &'a Row,
    /// `train` or `test`.
    pub phase: &'static str,
    /// Loss and right answers, and the layers' observations, if they were due.
    pub observed: &'a Observed,
    /// Norms of the update; absent in an evaluation, and where no update was made.
    pub updated: Option<&'a Updated>,
    /// The engine and the run's place in it.
    pub(in crate::train) engine: (&'a dyn Engine, usize),
}

/// A training step.
pub type Step<'a> = Seen<'a, StepRow>;

/// An evaluation on all test images.
pub type Evaluation<'a> = Seen<'a, EpochRow>;

impl<'a, Row> Seen<'a, Row> {
    /// The observed layers with the norms of their weights, in the network's order; none where no statistics were due.
    pub fn layers(&self) -> impl Iterator<Item = LayerRow<'a>> {
        let Self { plan, at: step, phase, observed, updated, .. } = *self;
        plan.network.observed.iter().zip(&observed.observations).enumerate().map(move |(layer, (of, observation))| {
            let norms = updated.zip(of.weight).and_then(|(updated, i)| updated.norms.get(i));
            let norms = norms.map(|n| [n.weight, n.gradient, n.update]);
            LayerRow { step, phase, layer, observation, norms }
        })
    }

    /// Threads that may work on more than the step.
    pub fn threads(&self) -> usize {
        self.engine.0.threads()
    }

    /// Everything that training changes, as it is after the step.
    ///
    /// # Errors
    /// The device fails.
    pub fn weights(&self) -> candle_core::Result<Weights<'a>> {
        let (engine, place) = self.engine;
        engine.weights(place)
    }
}

/// Content of a checkpoint that is about to be written.
pub struct Kept<'s> {
    /// Plan of the run.
    pub plan: &'s Plan,
    /// Parameters and the optimiser's state.
    pub weights: Weights<'s>,
    /// Where the run stands, with lengths and sums of the files that grow.
    pub progress: Progress,
    /// The files that were whole when the run began.
    pub files: Manifest,
    /// The histograms so far.
    pub histograms: Option<&'s Histograms>,
}

/// State that a run leaves at its end.
pub struct Ended<'e> {
    /// Plan of the run.
    pub plan: &'e Plan,
    /// Parameters and the optimiser's state.
    pub weights: Weights<'e>,
    /// The files that its summary vouches for.
    pub files: Manifest,
}

/// The first half of making a sink looks at what the directory holds and changes nothing; a sink that is not wanted is `None`.
pub type Open = for<'a> fn(&'a RunDir, &Start<'_>) -> Result<Option<Begin<'a>>, TrainError>;

/// The second half: from here on the sink's file changes. The files of the sinks before it stand where the run does.
pub type Begin<'a> = Box<dyn FnOnce(&Start<'_>) -> Result<Box<dyn Sink + 'a>, TrainError> + 'a>;
