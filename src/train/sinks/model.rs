//! `model.safetensors`: the weights at the end, where they are wanted.

use std::borrow::Cow;

use crate::record::manifest::FileSum;
use crate::record::run_dir::RunDir;
use crate::record::tensors;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Sink};
use crate::train::start::Start;

const NAME: &str = "model.safetensors";

struct Model<'a> {
    dir: &'a RunDir,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if !start.plan.experiment.record.weights {
        return Ok(None);
    }
    Ok(Some(Box::new(|_| Ok(Box::new(Model { dir })))))
}

impl Sink for Model<'_> {
    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        let Ended { plan, weights, files } = ended;
        let params = weights.params.iter().map(|values| Cow::Borrowed(&**values));
        let path = self.dir.file(NAME);
        tensors::write(&path, &plan.state_dict(params, &weights.running, weights.batches_seen), &plan.about())?;
        files.add(NAME, FileSum::of(&path)?);
        Ok(())
    }
}
