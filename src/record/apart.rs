//! A run's directory that grows under a name of its process's own and gets the run's name when it is whole.
//!
//! Two processes may then be at one run without knowing of each other, as on machines whose file system has no locks, or where a node
//! was only believed dead: neither touches what the other writes, both make the same bytes, and the first to end gives the run
//! its directory. What is stopped half-way is laid aside whole, for whoever takes the run up next.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::lock::Lock;
use crate::record::run_dir::RunDir;
use crate::record::summary::{Outcome, Summary};
use crate::record::whole::{Scratch, directory_of, make_directory, names, remove_unfinished, sync_directory};

/// How the names of runs that were stopped begin.
const STOPPED: &str = ".stopped-";

/// A run in a directory of this process's own.
#[derive(Debug)]
pub struct Apart {
    dir: RunDir,
    scratch: Scratch,
    /// Where the run will be.
    whole: PathBuf,
}

impl Apart {
    /// A directory for the run that will be at `whole`: what was laid aside of it, if there is something, or a new one.
    ///
    /// # Errors
    /// The directory above cannot be written.
    pub fn open(whole: &Path) -> Result<Self, RecordError> {
        make_directory(directory_of(whole))?;
        let make = RecordError::io(whole, "creating the directory");
        let (scratch, path) = Self::take_up(whole).map_err(make)?;
        remove_unfinished(&path)?;
        Ok(Self { dir: RunDir::unlocked(&path), scratch, whole: whole.into() })
    }

    fn take_up(whole: &Path) -> io::Result<(Scratch, PathBuf)> {
        let scratch = Scratch::beside(whole);
        let path = scratch.directory()?.to_path_buf();
        // Only one of several can have it; it takes the place of the empty directory.
        match fs::rename(stopped(whole), &path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok((scratch, path)),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Gives the run, which has ended, its name. If another process was sooner its directory stays, which holds the same. An unfinished
    /// run that someone left under the name is replaced.
    ///
    /// # Errors
    /// [`RecordError::Busy`] if a process that holds the name by its lock is at the run; or the directory cannot be written.
    pub fn publish(self) -> Result<(), RecordError> {
        let Self { dir, scratch, whole } = self;
        let error = RecordError::io(&whole, "giving the run its name");
        match fs::rename(dir.path(), &whole) {
            Ok(()) => {}
            Err(found) if is_occupied(&found) => {
                if !is_whole(&whole) {
                    replace(dir.path(), &whole)?;
                }
            }
            Err(found) => return Err(error(found)),
        }
        drop(scratch);
        sync_directory(directory_of(&whole))
    }

    /// Lays the run aside, which was stopped, for whoever takes it up next. Not if another process has done so before: one is enough.
    ///
    /// # Errors
    /// The directory above cannot be written.
    pub fn lay_aside(self) -> Result<(), RecordError> {
        match fs::rename(self.dir.path(), stopped(&self.whole)) {
            Err(found) if !is_occupied(&found) => Err(RecordError::io(&self.whole, "laying the run aside")(found)),
            _ => sync_directory(directory_of(&self.whole)),
        }
    }
}

/// Removes what processes that were killed, or lost a race, left in the directory above the runs, all of which are whole.
///
/// # Errors
/// The directory cannot be read, or something cannot be removed.
pub fn remove_leftovers(runs: &Path) -> Result<(), RecordError> {
    remove_unfinished(runs)?;
    for name in names(runs)?.into_iter().filter(|name| name.starts_with(STOPPED)) {
        let path = runs.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(RecordError::io(&path, "removing what was left unfinished")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// True if the run that will be at `whole` was stopped half-way and laid aside.
pub fn is_laid_aside(whole: &Path) -> bool {
    stopped(whole).is_dir()
}

fn stopped(whole: &Path) -> PathBuf {
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    whole.with_file_name(format!("{STOPPED}{name}"))
}

/// True if a directory could not get a name because something is there.
fn is_occupied(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists)
}

fn is_whole(dir: &Path) -> bool {
    matches!(Summary::read(dir), Ok(Some(summary)) if summary.outcome != Outcome::Interrupted)
}

/// Puts a directory in the place of another, which no process holds by its lock.
fn replace(ours: &Path, theirs: &Path) -> Result<(), RecordError> {
    let lock = match Lock::try_take(theirs) {
        Ok(None) => return Err(RecordError::Busy { path: theirs.into() }),
        // Without locks nobody is at it: who needs one refuses to begin.
        lock => lock.ok().flatten(),
    };
    let old = Scratch::beside(theirs);
    let swap = || {
        old.take(theirs)?;
        fs::rename(ours, theirs)
    };
    let swapped = swap();
    drop(lock);
    match swapped {
        // Another was sooner.
        Err(_) if is_whole(theirs) => Ok(()),
        swapped => swapped.map_err(RecordError::io(theirs, "giving the run its name")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, read_dir, read_to_string, write};

    use super::*;

    fn names_in(dir: &Path) -> Vec<String> {
        let mut names = names(dir).unwrap();
        names.sort();
        names
    }

    fn opened(whole: &Path, text: &str) -> Apart {
        let apart = Apart::open(whole).unwrap();
        apart.dir().write("steps.csv", text).unwrap();
        apart
    }

    #[test]
    fn a_run_has_its_name_when_it_is_whole_and_what_is_given_up_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let whole = root.path().join("runs/a");
        drop(opened(&whole, "half"));
        assert_eq!(read_dir(root.path().join("runs")).unwrap().count(), 0);
        let [one, two] = ["same", "same"].map(|text| opened(&whole, text));
        assert!(!whole.exists());
        one.publish().unwrap();
        two.publish().unwrap();
        assert_eq!(names_in(&root.path().join("runs")), ["a"]);
        assert_eq!(read_to_string(whole.join("steps.csv")).unwrap(), "same");
    }

    #[test]
    fn what_was_laid_aside_is_taken_up_by_one() {
        let root = tempfile::tempdir().unwrap();
        let whole = root.path().join("runs/a");
        let both = [opened(&whole, "half"), opened(&whole, "half")];
        both.into_iter().for_each(|apart| apart.lay_aside().unwrap());
        assert!(is_laid_aside(&whole) && names_in(&root.path().join("runs")).len() == 1);
        let [first, second] = [(); 2].map(|()| Apart::open(&whole).unwrap());
        assert!(first.dir().file("steps.csv").exists() && !second.dir().file("steps.csv").exists());
        second.lay_aside().unwrap();
        drop(first);
        remove_leftovers(&root.path().join("runs")).unwrap();
        assert_eq!(read_dir(root.path().join("runs")).unwrap().count(), 0);
    }

    #[test]
    fn an_unfinished_run_under_the_name_is_replaced_unless_someone_is_at_it() {
        let root = tempfile::tempdir().unwrap();
        let whole = root.path().join("runs/a");
        create_dir_all(&whole).unwrap();
        write(whole.join("steps.csv"), "old").unwrap();
        let lock = Lock::try_take(&whole).unwrap().unwrap();
        let error = opened(&whole, "new").publish().unwrap_err();
        assert!(matches!(error, RecordError::Busy { .. }), "{error}");
        drop(lock);
        opened(&whole, "new").publish().unwrap();
        assert_eq!(read_to_string(whole.join("steps.csv")).unwrap(), "new");
        assert_eq!(names_in(&root.path().join("runs")), ["a"]);
    }
}
