//! `run.json`: what came out of the run, and what its records show.

use crate::findings::{NEEDED, of_run};
use crate::record::read::RunRecords;
use crate::record::run_dir::RunDir;
use crate::record::summary::{FILE, Summary};
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Sink};
use crate::train::start::Start;

struct RunJson<'a> {
    dir: &'a RunDir,
}

pub fn open<'a>(dir: &'a RunDir, _: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    Ok(Some(Box::new(|_| Ok(Box::new(RunJson { dir })))))
}

impl Sink for RunJson<'_> {
    fn end(&mut self, summary: &mut Summary) -> Result<(), TrainError> {
        // What run.json calls complete is on the disk before it, names included, and itself before its checkpoint goes. In this order
        // a crash in between leaves a run that has ended, not one that must begin again.
        self.dir.sync()?;
        summary.findings = of_run(&RunRecords::of_ended(self.dir.path(), summary.clone(), &NEEDED)?);
        self.dir.write(FILE, &summary.to_json())?;
        Ok(self.dir.sync()?)
    }
}
