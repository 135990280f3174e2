//! `histograms.safetensors`: the activations' histograms, which wait in memory until the run ends.

use crate::record::histograms::Histograms;
use crate::record::manifest::FileSum;
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink, Step};
use crate::train::start::Start;

const NAME: &str = "histograms.safetensors";

struct HistogramSink<'a> {
    dir: &'a RunDir,
    rows: Histograms,
}

pub fn open<'a>(dir: &'a RunDir, _: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Ok(Some(Box::new(|start| Ok(Box::new(HistogramSink { dir, rows: start.histograms.clone() })))))
}

impl Sink for HistogramSink<'_> {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        let all = &step.observed.observations;
        if all.first().is_some_and(|observation| !observation.histogram.is_empty()) {
            self.rows.push(step.at, all.iter().map(|observation| observation.histogram.as_slice()));
        }
        Ok(())
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.histograms = Some(&self.rows);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        if !self.rows.is_empty() {
            let path = self.dir.file(NAME);
            self.rows.write(&path)?;
            ended.files.add(NAME, FileSum::of(&path)?);
        }
        Ok(())
    }
}
