//! `config.toml` and, where weights are wanted, `init.safetensors`: written when the run begins, and not changed from then on.

use crate::record::manifest::{FileSum, Manifest};
use crate::record::run_dir::RunDir;
use crate::record::tensors;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink};
use crate::train::start::Start;

const CONFIG: &str = "config.toml";
const WEIGHTS: &str = "init.safetensors";

struct Beginning {
    files: Manifest,
}

pub fn open<'a>(dir: &'a RunDir, _: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Ok(Some(Box::new(|start| {
        let mut files = match &start.checkpoint {
            Some(checkpoint) => checkpoint.files.clone(),
            None => write(dir, start).map(|()| Manifest::default())?,
        };
        // So they are also in what an earlier version wrote.
        if files.is_empty() {
            let weights = start.plan.experiment.record.weights.then_some(WEIGHTS);
            [CONFIG]
                .iter()
                .chain(&weights)
                .try_for_each(|name| FileSum::of(&dir.file(name)).map(|sum| files.add(name, sum)))?;
        }
        Ok(Box::new(Beginning { files }))
    })))
}

fn write(dir: &RunDir, start: &Start<'_>) -> Result<(), TrainError> {
    let plan = start.plan;
    dir.write(CONFIG, &start.config)?;
    if !plan.experiment.record.weights {
        return Ok(());
    }
    let running = plan.network.initial_running();
    let weights = plan.state_dict(plan.initial_params(), &running, 0);
    Ok(tensors::write(&dir.file(WEIGHTS), &weights, &plan.about())?)
}

impl Sink for Beginning {
    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.files.extend(&self.files);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.extend(&self.files);
        Ok(())
    }
}
