//! A directory belongs to one process at a time: a locked file in it, whose lock dies with the process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::whole::remove_unfinished;

/// Name of the locked file. It goes away with its lock; one that a killed process left behind is taken over.
pub const LOCK: &str = ".lock";

/// Holds a directory against other processes, and against other threads of this one.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// The lock of `dir`, or nothing if someone has it.
    ///
    /// # Errors
    /// The directory cannot be written, or its file system has no locks.
    pub fn try_take(dir: &Path) -> Result<Option<Self>, RecordError> {
        Self::taken(dir, |file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        })
    }

    /// The lock of `dir`; waits for whoever has it. For work of moments, which writes whole files: where the file system has no locks
    /// it goes without.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn take(dir: &Path) -> Result<Self, RecordError> {
        let lock = Self::taken(dir, |file| match file.lock() {
            Err(error) if !has_none(&error) => Err(error),
            _ => Ok(true),
        })?;
        Ok(lock.expect("waiting ends with the lock"))
    }

    /// For a command that adds a file to `dir`, which may be another's: has the lock if it can be had, and then removes what a
    /// killed process left unfinished. What hinders this will hinder the writing, too, which says so of the file.
    pub fn to_add(dir: &Path) -> Option<Self> {
        let lock = Self::try_take(dir).ok()??;
        remove_unfinished(dir).ok()?;
        Some(lock)
    }

    fn taken(dir: &Path, lock: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Self>, RecordError> {
        let path = dir.join(LOCK);
        loop {
            let open = File::options().create(true).truncate(false).write(true).open(&path);
            let file = open.map_err(RecordError::io(dir, "writing into the directory"))?;
            if !lock(&file).map_err(RecordError::io(dir, "locking the directory"))? {
                return Ok(None);
            }
            // Whoever had the lock before has removed the file by now, and others may have made a new one.
            if is_named(&file, &path) {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

/// True if the file system says that it has no locks, as some network file systems do.
fn has_none(error: &io::Error) -> bool {
    const ENOLCK: i32 = 37;
    error.kind() == io::ErrorKind::Unsupported || (cfg!(target_os = "linux") && error.raw_os_error() == Some(ENOLCK))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked. One that stays behind is in nobody's way.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// True if `path` is the name of this open file.
#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    file.metadata().ok().zip(path.metadata().ok()).is_some_and(|(a, b)| same(a, b))
}

/// Where files are known by name alone, the file stays, and with it its name.
#[cfg(not(unix))]
fn is_named(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_lock_is_had_once_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::try_take(dir.path()).unwrap().unwrap();
        assert!(Lock::try_take(dir.path()).unwrap().is_none());
        drop(lock);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(Lock::try_take(dir.path()).unwrap().is_some());
    }

    #[test]
    fn what_a_killed_process_left_behind_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK), "").unwrap();
        drop(Lock::try_take(dir.path()).unwrap().unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_that_wait_have_it_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = Lock::take(dir.path()).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        entered.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(entered.into_inner(), 400);
    }
}
