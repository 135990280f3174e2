//! `epochs.csv`: a line for each evaluation.

use crate::record::rows::EPOCHS;
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Evaluation, Kept, Sink};
use crate::train::sinks::table::Table;
use crate::train::start::Start;

const NAME: &str = "epochs.csv";

struct Epochs(Table);

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Table::open(dir, start, (NAME, EPOCHS), Epochs)
}

impl Sink for Epochs {
    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        self.0.row(|line| evaluation.row.write(line))
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
