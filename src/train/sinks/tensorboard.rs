//! TensorBoard's event file, where one is wanted.

use crate::record::replay::replay;
use crate::record::run_dir::RunDir;
use crate::record::summary::Summary;
use crate::record::tensorboard::{EventFile, EventSummary, now};
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Evaluation, Sink, Step};
use crate::train::start::Start;

struct Events {
    file: EventFile,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if !start.plan.experiment.record.tensorboard {
        return Ok(None);
    }
    // A run that goes on writes its file anew from its records.
    Ok(Some(Box::new(|start| {
        let file = match start.progress().step {
            0 => EventFile::begin(dir.path(), now(), &start.config)?,
            _ => replay(dir.path(), Some(&start.histograms), &|_| now())?,
        };
        Ok(Box::new(Events { file }))
    })))
}

impl Sink for Events {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        let mut summary = EventSummary::default();
        summary.step(step.row);
        for row in step.layers() {
            let name = &step.plan.network.observed[row.layer].name;
            row.add_to(name, &mut summary, step.plan.experiment.stats.histogram_range);
        }
        Ok(self.file.event(now(), step.at, &summary)?)
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        let mut summary = EventSummary::default();
        summary.evaluation(evaluation.row);
        Ok(self.file.event(now(), evaluation.at, &summary)?)
    }

    fn end(&mut self, summary: &mut Summary) -> Result<(), TrainError> {
        Ok(self.file.end(now(), summary)?)
    }
}
