//! `shards/N.json`: what the task of a shard tells of itself while it is at work, and at its end. Nothing is decided by it: a run is done
//! when its own records say so.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::record::RecordError;
use crate::record::process::{host, process};
use crate::record::whole::{make_directory, names, write_whole};
use crate::study::record::Failure;

/// The directory of these files, in a study's.
pub const DIRECTORY: &str = "shards";

/// How often a task that is at work says so.
pub const BEAT: Duration = Duration::from_secs(30);

/// A task that has not said so for this long is at work no more. Long against a beat: machines' clocks differ, and a disk may be slow.
const SILENCE: Duration = Duration::from_secs(300);

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It makes runs.
    AtWork,
    /// All runs of the shard are there.
    Done,
    /// A signal ended it.
    Stopped,
    /// Some runs could not be made.
    Failed,
}

/// The task of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// First digits of the plan's sum.
    pub plan: String,
    /// The shard.
    pub shard: usize,
    /// Job, machine and number of the process.
    pub process: String,
    /// The machine.
    pub host: String,
    /// Job and index of the task in Slurm, if it is one.
    pub task: Option<SlurmTask>,
    /// How far it is.
    pub stage: Stage,
    /// Names of the runs that it is at.
    pub at: Vec<String>,
    /// Runs that could not be made.
    pub failures: Vec<Failure>,
}

/// A task of a job array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlurmTask {
    /// The array's job.
    pub array: u64,
    /// The index in it.
    pub index: usize,
}

impl SlurmTask {
    /// The task that this process is, if Slurm started it as one.
    fn of_this_process() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        Some(Self { array: number("SLURM_ARRAY_JOB_ID")?, index: number("SLURM_ARRAY_TASK_ID")? as usize })
    }
}

impl ShardRecord {
    /// This process, which begins with a shard of the plan.
    pub fn begin(plan: &str, shard: usize) -> Self {
        Self {
            plan: plan.into(),
            shard,
            process: process().into(),
            host: host(),
            task: SlurmTask::of_this_process(),
            stage: Stage::AtWork,
            at: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Writes it for the study in `dir`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), RecordError> {
        make_directory(&dir.join(DIRECTORY))?;
        let json = serde_json::to_string_pretty(self).expect("a task is told in strings and numbers");
        write_whole(&path(dir, self.shard), format!("{json}\n").as_bytes())
    }
}

/// The last record of a plan's task about itself, and how old it is.
pub struct Told {
    /// The record.
    pub record: ShardRecord,
    /// How long ago it was written.
    pub age: Duration,
}

impl Told {
    /// True if the task is at work as far as its file tells.
    pub fn is_at_work(&self) -> bool {
        self.record.stage == Stage::AtWork && self.age < SILENCE
    }
}

/// The records of the tasks of a plan in `dir`. One that cannot be read tells nothing.
///
/// # Errors
/// The directory cannot be listed.
pub fn read_all(dir: &Path, plan: &str) -> Result<Vec<Told>, RecordError> {
    let shards = dir.join(DIRECTORY);
    if !shards.is_dir() {
        return Ok(Vec::new());
    }
    let read = |name: String| {
        let path = shards.join(name.strip_suffix(".json").map(|_| &name)?);
        let record: ShardRecord = serde_json::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
        let written = path.metadata().and_then(|file| file.modified()).ok()?;
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        (record.plan == plan).then_some(Told { record, age })
    };
    Ok(names(&shards)?.into_iter().filter_map(read).collect())
}

fn path(dir: &Path, shard: usize) -> PathBuf {
    dir.join(DIRECTORY).join(format!("{shard}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_this_plan_are_heard_and_others_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_all(dir.path(), "p").unwrap().is_empty());
        let mut own = ShardRecord::begin("p", 3);
        own.write(dir.path()).unwrap();
        ShardRecord::begin("other", 4).write(dir.path()).unwrap();
        std::fs::write(path(dir.path(), 5), "{").unwrap();
        let told = read_all(dir.path(), "p").unwrap();
        assert!(told.len() == 1 && told[0].record == own && told[0].is_at_work());
        own.stage = Stage::Stopped;
        own.write(dir.path()).unwrap();
        assert!(!read_all(dir.path(), "p").unwrap()[0].is_at_work());
    }

    #[test]
    fn a_task_that_is_silent_for_minutes_is_at_work_no_more() {
        let at = |age| Told { record: ShardRecord::begin("p", 0), age }.is_at_work();
        assert!(at(BEAT * 2) && !at(SILENCE));
    }
}
