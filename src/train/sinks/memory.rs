//! The rows of a run in memory, for those who want no directory.
//!
//! ```
//! use initlab::config::Experiment;
//! use initlab::data::{Choice, Prepared, Request, Split, load};
//! use initlab::train::engine::Compute;
//! use initlab::train::sinks::memory::{Memory, Rows};
//! use initlab::train::{Plan, train_into};
//!
//! let config = "model = { kind = 'mlp', widths = [20] }\noptimizer.lr = 0.1\ntrain = { steps = 5 }\nseed = 0";
//! let data = Prepared::new(load(&Request::new(Choice::Digits))?.dataset, Split::Usual)?;
//! let plan = Plan::new(Experiment::parse("net", config, &[])?, data)?;
//! let mut rows = Rows::default();
//! let memory = Memory::new(&mut rows);
//! train_into(&plan, &Compute::Cpu { threads: 1 }, vec![Box::new(memory)], &false.into(), |_| {})?;
//! assert_eq!((rows.steps.len(), rows.epochs.len()), (5, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::record::layers::LayerSeen;
use crate::record::rows::{EpochRow, StepRow};
use crate::record::sharpness::SharpnessRow;
use crate::train::prepare::TrainError;
use crate::train::sinks::curvature::Curvature;
use crate::train::sinks::listen::{Evaluation, Seen, Sink, Step};

/// Rows that the tables of a run's directory would hold.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// `steps.csv`.
    pub steps: Vec<StepRow>,
    /// `epochs.csv`.
    pub epochs: Vec<EpochRow>,
    /// `layers.csv`.
    pub layers: Vec<LayerSeen>,
    /// `sharpness.csv`.
    pub sharpness: Vec<SharpnessRow>,
}

/// Keeps rows as they come.
pub struct Memory<'a> {
    rows: &'a mut Rows,
    curvature: Curvature,
}

impl<'a> Memory<'a> {
    /// Adds a run's rows to `rows`.
    pub fn new(rows: &'a mut Rows) -> Self {
        Self { rows, curvature: Curvature::default() }
    }

    fn layers<Row>(&mut self, seen: &Seen<'_, Row>) {
        self.rows.layers.extend(seen.layers().map(LayerSeen::of));
    }
}

impl Sink for Memory<'_> {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        self.rows.steps.push(*step.row);
        self.layers(step);
        let Self { rows, curvature } = self;
        curvature.after(step, |row| {
            rows.sharpness.push(row);
            Ok(())
        })
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        self.rows.epochs.push(*evaluation.row);
        self.layers(evaluation);
        Ok(())
    }
}
