//! `layers.csv`: a line for each observed layer of a step or an evaluation.

use crate::record::layers::{self, LayerFile};
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Evaluation, Kept, Sink, Step};
use crate::train::sinks::table;
use crate::train::start::{Start, layer_names};

const NAME: &str = "layers.csv";

struct Layers {
    file: LayerFile,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    let found = table::look(dir, NAME, start)?;
    Ok(Some(Box::new(move |start| {
        let file = table::begin(dir, NAME, &layers::header(), found)?;
        Ok(Box::new(Layers { file: LayerFile::new(file, layer_names(start.plan)) }))
    })))
}

impl Sink for Layers {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        Ok(step.layers().try_for_each(|row| self.file.push(&row))?)
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        Ok(evaluation.layers().try_for_each(|row| self.file.push(&row))?)
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.progress.keep(NAME, self.file.sync()?);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.add(NAME, self.file.sync()?);
        Ok(())
    }
}
