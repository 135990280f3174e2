//! `steps.csv`: a line for each step.

use crate::record::rows::STEPS;
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink, Step};
use crate::train::sinks::table::Table;
use crate::train::start::Start;

const NAME: &str = "steps.csv";

struct Steps(Table);

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Table::open(dir, start, (NAME, STEPS), Steps)
}

impl Sink for Steps {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        self.0.row(|line| step.row.write(line))
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.progress.keep(NAME, self.0.sync()?);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.add(NAME, self.0.sync()?);
        Ok(())
    }
}
