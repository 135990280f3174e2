//! A run's directory: its names, who may write into it, and what makes it complete.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::checkpoint::FILE as CHECKPOINT;
use crate::record::lock::{LOCK, Lock};
use crate::record::summary;
use crate::record::tensorboard;
use crate::record::whole::{
    TEMPORARY, is_there, make_directory, names, remove_if_there, remove_unfinished, sync_directory, write_whole,
};

/// How to treat a directory that already holds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Keep,
    /// Remove the old records first.
    Overwrite,
    /// Go on with the run.
    Resume,
}

/// The directory of a run, which belongs to this process as long as this lives. `run.json` is written last: where it stands, the
/// run's other files are complete.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    existing: Existing,
    /// True if the directory was made for this run, and goes again if nothing comes of it.
    is_new: bool,
    /// Absent while it is given back, and where the directory's name is known to its process alone.
    lock: Option<Lock>,
}

/// Whose directory holds a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A run's, and maybe another's, too.
    Run,
    /// A study's or a probe's, but no run's.
    Others,
}

/// A file of records: its name, what it holds (nothing of those of which `index.md` does not tell), and whose it is.
type Row = (&'static str, &'static str, Of);

/// Every file that a directory of records may hold, in the order in which `index.md` tells of them.
const FILES: &[Row] = &[
    ("report.html", "charts of everything below, in one page that needs no network", Of::Run),
    (summary::FILE, "the result: outcome, accuracies, findings, lengths and sums of the other files", Of::Run),
    ("study.json", "the study: runs, summaries, comparisons, verdicts, findings", Of::Others),
    ("probe.json", "the numbers of every layer, seed by seed, beside their predictions", Of::Others),
    ("config.toml", "the complete config: `initlab train config.toml` makes the run again, number for number", Of::Run),
    ("plan.json", "which runs the study consists of", Of::Others),
    ("steps.csv", "a row for each step: learning rate, loss, accuracy, norm of the gradient", Of::Run),
    ("epochs.csv", "a row for each evaluation on the test images", Of::Run),
    (
        "layers.csv",
        "a row for each layer and recorded step: means, deviations, dead units, gradients, updates",
        Of::Run,
    ),
    (
        "noise.csv",
        "a row for each layer and recorded step: variance of an image's gradient, squared gradient, noise scale",
        Of::Run,
    ),
    (
        "sharpness.csv",
        "a row for each measured step: largest eigenvalue of the loss's Hessian, and the limit of stable steps",
        Of::Run,
    ),
    ("events.jsonl", "the same as lines of JSON", Of::Run),
    ("histograms.safetensors", "counts of each layer's activations over time", Of::Run),
    ("init.safetensors", "the weights before the first step", Of::Run),
    ("model.safetensors", "the weights after the last step", Of::Run),
    ("runs.csv", "a row for each run of the study", Of::Others),
    ("comparison.csv", "a row for each arm and target, against the baseline", Of::Others),
    ("runs", "a directory for each run, with its config, tables and weights", Of::Others),
    (CHECKPOINT, "", Of::Run),
    ("index.md", "", Of::Run),
];

/// Names of the files of a run; its result is the first.
fn files_of_run() -> impl Iterator<Item = &'static str> {
    let others = FILES.iter().filter(|(name, _, of)| *of == Of::Run && *name != summary::FILE);
    std::iter::once(summary::FILE).chain(others.map(|(name, ..)| *name))
}

/// Names of the files that a directory of records may hold, with what each holds, in the order in which they are told.
pub fn told_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|&(name, about, _)| (name, about)).filter(|(_, about)| !about.is_empty())
}

/// Files that say that a directory is not a run's, and whose it is.
const OTHERS: [(&str, &str); 3] = [("plan.json", "a study"), ("study.json", "a study"), ("probe.json", "a probe")];

impl RunDir {
    /// Opens `path` for a run, creates it if it is absent, and holds it against other processes.
    ///
    /// # Errors
    /// The directory holds a run already and `existing` is [`Existing::Keep`], another process is at it, or it cannot be
    /// written.
    pub fn open(path: &Path, existing: Existing) -> Result<Self, RecordError> {
        let is_new = make_directory(path)?;
        Self::own(path, existing, is_new)
    }

    /// A directory that is this process's own by its name, for a run that begins, or goes on if there is something of it.
    pub(super) fn unlocked(path: &Path) -> Self {
        Self { path: path.into(), existing: Existing::Resume, is_new: false, lock: None }
    }

    /// Makes the first of `base`, `base-2`, `base-3`, … that does not exist yet, and opens it. Of several processes that do
    /// this at once each gets its own.
    ///
    /// # Errors
    /// No directory can be made.
    pub fn open_unused(base: &Path) -> Result<Self, RecordError> {
        for path in numbered(base) {
            if make_directory(&path)? {
                return Self::own(&path, Existing::Keep, true);
            }
        }
        unreachable!("there is no end of numbers")
    }

    fn own(path: &Path, existing: Existing, is_new: bool) -> Result<Self, RecordError> {
        let lock = Lock::try_take(path)?.ok_or_else(|| RecordError::Busy { path: path.into() })?;
        let dir = Self { path: path.into(), existing, is_new, lock: Some(lock) };
        Self::check(path, existing)?;
        if existing == Existing::Overwrite {
            dir.reopen()?;
            files_of_run().try_for_each(|name| dir.remove(name))?;
            tensorboard::remove(path)?;
        }
        remove_unfinished(path)?;
        Ok(dir)
    }

    /// Checks that a run may be written into `path`; changes nothing, so that a wrong call leaves no trace.
    ///
    /// # Errors
    /// The directory holds a run already and `existing` is [`Existing::Keep`], or something that is no run.
    pub fn check(path: &Path, existing: Existing) -> Result<(), RecordError> {
        for (name, found) in OTHERS {
            if is_there(&path.join(name))? {
                return Err(RecordError::Foreign { path: path.into(), found });
            }
        }
        for name in files_of_run().filter(|_| existing == Existing::Keep) {
            if is_there(&path.join(name))? {
                let found = if name == summary::FILE { "a run" } else { "an unfinished run" };
                return Err(RecordError::Taken { path: path.into(), found });
            }
        }
        Ok(())
    }

    /// Removes what a process that was killed after its run's last record left behind. Looks only, if there is nothing.
    ///
    /// # Errors
    /// Something is there and cannot be removed.
    pub fn tidy(path: &Path) -> Result<(), RecordError> {
        let left = |name: &String| name == CHECKPOINT || name == LOCK || name.starts_with(TEMPORARY);
        if !names(path)?.iter().any(left) {
            return Ok(());
        }
        match Self::open(path, Existing::Resume) {
            Ok(dir) => dir.remove(CHECKPOINT),
            // Whoever is at it tidies up.
            Err(RecordError::Busy { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The last of `base`, `base-2`, `base-3`, … that exists.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn last(base: &Path) -> Result<Option<PathBuf>, RecordError> {
        let mut last = None;
        for path in numbered(base) {
            if !is_there(&path)? {
                break;
            }
            last = Some(path);
        }
        Ok(last)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if a run that is there goes on.
    pub fn goes_on(&self) -> bool {
        self.existing == Existing::Resume
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a text file, complete or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), RecordError> {
        write_whole(&self.file(name), text.as_bytes())
    }

    /// Removes a file if it is there.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), RecordError> {
        remove_if_there(&self.file(name))
    }

    /// Takes the run's result away before its records change: also after a loss of power no old result stands beside new records.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn reopen(&self) -> Result<(), RecordError> {
        if !is_there(&self.file(summary::FILE))? {
            return Ok(());
        }
        self.remove(summary::FILE)?;
        self.sync()
    }

    /// Puts the names of the files so far on the disk.
    ///
    /// # Errors
    /// The disk failed.
    pub fn sync(&self) -> Result<(), RecordError> {
        sync_directory(&self.path)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        self.lock = None;
        if self.is_new {
            // Succeeds only if nothing was written.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

fn numbered(base: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = |i: usize| {
        let mut name = base.as_os_str().to_owned();
        name.push(format!("-{i}"));
        PathBuf::from(name)
    };
    std::iter::once(base.to_path_buf()).chain((2..).map(numbered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_that_ask_at_once_gets_a_directory_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("runs/net-seed0");
        let dirs: Vec<RunDir> = std::thread::scope(|scope| {
            let ask = || RunDir::open_unused(&base).unwrap();
            let all: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut paths: Vec<_> = dirs.iter().map(|dir| dir.path().to_owned()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 16);
    }

    #[test]
    fn a_directory_belongs_to_one_at_a_time_and_goes_if_nothing_comes_of_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        let dir = RunDir::open(&path, Existing::Keep).unwrap();
        for existing in [Existing::Keep, Existing::Overwrite, Existing::Resume] {
            let error = RunDir::open(&path, existing).unwrap_err();
            assert!(matches!(error, RecordError::Busy { .. }), "{error}");
        }
        drop(dir);
        assert!(!path.exists());
        let dir = RunDir::open(&path, Existing::Keep).unwrap();
        dir.write("config.toml", "").unwrap();
        drop(dir);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn what_holds_something_else_is_no_place_for_a_run_even_to_overwrite() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("study.json"), "{}").unwrap();
        let error = RunDir::open(root.path(), Existing::Overwrite).unwrap_err().to_string();
        assert!(error.contains("holds a study") && root.path().join("study.json").exists(), "{error}");
    }

    #[test]
    fn what_is_left_after_the_last_record_goes() {
        let root = tempfile::tempdir().unwrap();
        for name in [CHECKPOINT, LOCK, ".initlab-1-1", "run.json"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        RunDir::tidy(root.path()).unwrap();
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["run.json"]);
    }
}
