//! `sharpness.csv`, where it is wanted: the largest eigenvalue of the loss's Hessian over time.

use crate::record::run_dir::RunDir;
use crate::record::sharpness::{FILE, HEADER};
use crate::train::prepare::TrainError;
use crate::train::sinks::curvature::Curvature;
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink, Step};
use crate::train::sinks::table::Table;
use crate::train::start::Start;

struct Curve {
    table: Table,
    curvature: Curvature,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if start.plan.experiment.stats.sharpness_every == 0 {
        return Ok(None);
    }
    Table::open(dir, start, (FILE, HEADER), |table| Curve { table, curvature: Curvature::default() })
}

impl Sink for Curve {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        let Self { table, curvature } = self;
        curvature.after(step, |row| table.row(|line| row.write(line)))
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
