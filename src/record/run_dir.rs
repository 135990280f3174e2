//! A run's directory: its names, who may write into it, and what makes it complete.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::tensorboard;
use crate::record::tensors::{TEMPORARY, write_atomically};

/// What to do with a directory that already holds a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Keep,
    /// Remove the old records first.
    Overwrite,
    /// Go on with the run.
    Resume,
}

/// The directory of a run. `run.json` is written last: where it stands, the run's other files are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

const FILES: [&str; 10] = [
    "run.json",
    "config.toml",
    "checkpoint.safetensors",
    "steps.csv",
    "layers.csv",
    "epochs.csv",
    "histograms.safetensors",
    "init.safetensors",
    "model.safetensors",
    "report.html",
];

impl RunDir {
    /// Opens `path` for a run and creates it if it is absent.
    ///
    /// # Errors
    /// The directory holds a run already and `existing` is [`Existing::Keep`], or it cannot be written.
    pub fn open(path: &Path, existing: Existing) -> Result<Self, RecordError> {
        std::fs::create_dir_all(path).map_err(RecordError::io(path, "creating the directory"))?;
        let dir = Self { path: path.into() };
        let holds_run = FILES.iter().any(|name| dir.file(name).exists());
        match existing {
            Existing::Keep if holds_run => {
                let found = if dir.file("run.json").exists() { "a run" } else { "an unfinished run" };
                return Err(RecordError::Taken { path: path.into(), found });
            }
            Existing::Overwrite => {
                for name in FILES {
                    dir.remove(name)?;
                }
                tensorboard::remove(path)?;
            }
            Existing::Keep | Existing::Resume => {}
        }
        if existing != Existing::Keep {
            dir.remove_leftovers()?;
        }
        // A probe now is better than a failure after the first epoch.
        let probe = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(path);
        probe.map_err(RecordError::io(path, "creating a file in the directory"))?;
        Ok(dir)
    }

    /// Removes temporary files and directories of a run that was killed while it wrote them.
    fn remove_leftovers(&self) -> Result<(), RecordError> {
        let listing = std::fs::read_dir(&self.path).map_err(RecordError::io(&self.path, "listing the directory"))?;
        for name in listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
            if name.starts_with(TEMPORARY) {
                let path = self.file(&name);
                if path.is_dir() {
                    std::fs::remove_dir_all(&path).map_err(RecordError::io(&path, "removing the directory"))?;
                } else {
                    self.remove(&name)?;
                }
            }
        }
        Ok(())
    }

    /// The first of `base`, `base-2`, `base-3`, … that does not exist yet.
    pub fn unused(base: &Path) -> PathBuf {
        numbered(base).find(|path| !path.exists()).expect("there is no end of numbers")
    }

    /// The last of `base`, `base-2`, `base-3`, … that exists.
    pub fn last(base: &Path) -> Option<PathBuf> {
        numbered(base).take_while(|path| path.exists()).last()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
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
        write_atomically(&self.file(name), text.as_bytes())
    }

    /// Removes a file if it is there.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), RecordError> {
        let path = self.file(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(RecordError::io(&path, "removing the file")(error))
            }
            _ => Ok(()),
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
