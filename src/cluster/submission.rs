//! `slurm/N.json`: what was submitted, beside its script `slurm/N.sbatch`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::replies::Job;
use crate::record::RecordError;
use crate::record::whole::{names, sync_directory, write_whole};

/// The directory of these files, in a study's.
pub const DIRECTORY: &str = "slurm";

/// An array of shards that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// First digits of the plan's sum.
    pub plan: String,
    /// The shards, ascending.
    pub shards: Vec<usize>,
    /// The array.
    pub array: Job,
    /// The job of the report that waits for it, if there is one.
    pub report: Option<Job>,
}

/// A file of a submission that is numbered so.
pub fn file(dir: &Path, number: usize, end: &str) -> PathBuf {
    dir.join(DIRECTORY).join(format!("{number}{end}"))
}

/// The number that no submission has yet, counted from 1.
///
/// # Errors
/// The directory cannot be listed.
pub fn next(dir: &Path) -> Result<usize, RecordError> {
    let slurm = dir.join(DIRECTORY);
    if !slurm.is_dir() {
        return Ok(1);
    }
    let number = |name: &String| name.split(['.', '-']).next().and_then(|number| number.parse::<usize>().ok());
    Ok(names(&slurm)?.iter().filter_map(number).max().unwrap_or(0) + 1)
}

impl Submission {
    /// Writes it under this number.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &Path, number: usize) -> Result<(), RecordError> {
        let json = serde_json::to_string(self).expect("a submission is made of strings and numbers");
        write_whole(&file(dir, number, ".json"), format!("{json}\n").as_bytes())?;
        sync_directory(&dir.join(DIRECTORY))
    }
}

/// The submissions of a plan in `dir`, in order. One that cannot be read was not finished.
///
/// # Errors
/// The directory cannot be listed.
pub fn read_all(dir: &Path, plan: &str) -> Result<Vec<Submission>, RecordError> {
    let read = |number| {
        let text = std::fs::read_to_string(file(dir, number, ".json")).ok()?;
        let submission: Submission = serde_json::from_str(&text).ok()?;
        (submission.plan == plan).then_some(submission)
    };
    Ok((1..next(dir)?).filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_are_counted_up_and_read_by_plan() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!((next(dir.path()).unwrap(), read_all(dir.path(), "p").unwrap()), (1, vec![]));
        std::fs::create_dir(dir.path().join(DIRECTORY)).unwrap();
        let of = |plan: &str, id| Submission {
            plan: plan.into(),
            shards: vec![0, 3],
            array: Job { id, cluster: None },
            report: None,
        };
        of("p", 9).write(dir.path(), 1).unwrap();
        of("q", 10).write(dir.path(), 2).unwrap();
        std::fs::write(file(dir.path(), 3, "-report.sbatch"), "").unwrap();
        of("p", 11).write(dir.path(), 4).unwrap();
        assert_eq!(next(dir.path()).unwrap(), 5);
        assert_eq!(read_all(dir.path(), "p").unwrap(), [of("p", 9), of("p", 11)]);
    }
}
