//! `checkpoint.safetensors`: everything that the run needs to go on, until it has ended.

use crate::record::checkpoint::{Checkpoint, FILE};
use crate::record::histograms::Histograms;
use crate::record::run_dir::RunDir;
use crate::record::summary::{Outcome, Summary};
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Kept, Sink};
use crate::train::start::{Start, activations};

struct Checkpoints<'a> {
    dir: &'a RunDir,
    config: String,
    /// Histograms of a run that takes none.
    none: Histograms,
}

pub fn open<'a>(dir: &'a RunDir, _: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Ok(Some(Box::new(|start| {
        Ok(Box::new(Checkpoints { dir, config: start.config.clone(), none: Start::anew(start.plan).histograms }))
    })))
}

impl Sink for Checkpoints<'_> {
    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            data_sha256: kept.plan.data.dataset().sha256.clone(),
            progress: kept.progress.clone(),
            activations: activations(kept.plan),
            weights: std::mem::take(&mut kept.weights),
            files: kept.files.clone(),
        };
        // The tables that it continues are on the disk before it, names included.
        self.dir.sync()?;
        Ok(checkpoint.write(&self.dir.file(FILE), kept.histograms.unwrap_or(&self.none))?)
    }

    fn end(&mut self, summary: &mut Summary) -> Result<(), TrainError> {
        match summary.outcome {
            Outcome::Finished | Outcome::Diverged => Ok(self.dir.remove(FILE)?),
            Outcome::Interrupted => Ok(()),
        }
    }
}
