//! `sharpness.csv`, where it is wanted: the largest eigenvalue of the loss's Hessian over time.

use crate::model::sharpness::Sharpness;
use crate::record::run_dir::RunDir;
use crate::record::sharpness::{FILE, HEADER, SharpnessRow};
use crate::train::prepare::{Plan, TrainError};
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink, Step};
use crate::train::sinks::table::Table;
use crate::train::start::Start;

struct Curve {
    table: Table,
    /// Made when it is first needed.
    measure: Option<Sharpness>,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if start.plan.experiment.stats.sharpness_every == 0 {
        return Ok(None);
    }
    Table::open(dir, start, (FILE, HEADER), |table| Curve { table, measure: None })
}

impl Curve {
    /// Measures the network as it stands after `step` steps.
    fn row(&mut self, plan: &Plan, step: u64) -> Result<(), TrainError> {
        let Some(measure) = &mut self.measure else { return Ok(()) };
        let found = measure.measure();
        let lr = plan.lr(step);
        let limit = plan.experiment.optimizer.rule.rule().sharpness_limit(lr);
        let row = SharpnessRow {
            step,
            lr,
            sharpness: found.value,
            limit,
            residual: found.residual,
            products: found.products,
        };
        self.table.row(|line| row.write(line))
    }
}

impl Sink for Curve {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        let (plan, done) = (step.plan, step.at + 1);
        let stats = &plan.experiment.stats;
        let due = done.is_multiple_of(stats.sharpness_every as u64) && step.updated.is_some();
        if self.measure.is_none() && (due || step.at == 0) {
            self.measure = Some(plan.sharpness(stats.sharpness_images, step.threads()));
        }
        if step.at == 0 {
            // The measure has the parameters of the start.
            self.row(plan, 0)?;
        }
        if !due {
            return Ok(());
        }
        let weights = step.weights()?;
        if let Some(measure) = &mut self.measure {
            weights.params.iter().enumerate().for_each(|(i, values)| measure.model_mut().set_param(i, values));
        }
        self.row(plan, done)
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.progress.keep(FILE, self.table.sync()?);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.add(FILE, self.table.sync()?);
        Ok(())
    }
}
