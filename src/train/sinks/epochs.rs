//! `epochs.csv`: a line for each evaluation.

use crate::record::csv::CsvFile;
use crate::record::rows::EPOCHS;
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Evaluation, Kept, Sink};
use crate::train::sinks::table;
use crate::train::start::Start;

const NAME: &str = "epochs.csv";

struct Epochs {
    file: CsvFile,
    line: String,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    let found = table::look(dir, NAME, start)?;
    Ok(Some(Box::new(move |_| {
        Ok(Box::new(Epochs { file: table::begin(dir, NAME, EPOCHS, found)?, line: String::new() }))
    })))
}

impl Sink for Epochs {
    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        self.line.clear();
        evaluation.row.write(&mut self.line);
        Ok(self.file.row(&self.line)?)
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        self.file.sync()?;
        kept.progress.keep(NAME, self.file.sum());
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        self.file.sync()?;
        ended.files.add(NAME, self.file.sum());
        Ok(())
    }
}
