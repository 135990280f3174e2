//! The lengths and sums of a directory's files, as its summary keeps them: a short or changed file does not pass for a whole one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::record::RecordError;
use crate::record::seal::hex;

/// Length and sum of a file when it was finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Its length.
    pub bytes: u64,
    /// Rows below the header, of a CSV file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// Files by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, FileSum>);

impl FileSum {
    /// Length and sum of a file that is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(path: &Path) -> Result<Self, RecordError> {
        Self::of_first(path, u64::MAX)
    }

    /// Length and sum of the first bytes of a file, at most `most` of them.
    fn of_first(path: &Path, most: u64) -> Result<Self, RecordError> {
        let sum = || -> std::io::Result<Self> {
            let (mut file, mut hash, mut bytes) = (File::open(path)?.take(most), Sha256::new(), 0);
            let mut part = vec![0; 1 << 16];
            loop {
                match file.read(&mut part)? {
                    0 => return Ok(Self { bytes, rows: None, sha256: hex(hash) }),
                    n => {
                        hash.update(&part[..n]);
                        bytes += n as u64;
                    }
                }
            }
        };
        sum().map_err(RecordError::io(path, "reading the file"))
    }

    /// Length and sum of a text.
    pub fn of_text(text: &str) -> Self {
        let rows = None;
        Self { bytes: text.len() as u64, rows, sha256: hex(Sha256::new_with_prefix(text)) }
    }

    /// Length and rows in words.
    fn length(&self) -> String {
        let rows = self.rows.map_or_else(String::new, |rows| format!(" ({rows} rows)"));
        format!("{} bytes{rows}", self.bytes)
    }
}

impl Manifest {
    /// True if no file is named, as in records of an earlier version.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, sum: FileSum) {
        self.0.insert(name.into(), sum);
    }

    /// Adds the files of another list.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(name, sum)| (name.clone(), sum.clone())));
    }

    /// Length and sum of a file, if it is listed.
    pub fn get(&self, name: &str) -> Option<&FileSum> {
        self.0.get(name)
    }

    /// Checks every file against its sum; `by` is the file that names them.
    ///
    /// # Errors
    /// A file is missing, shorter, longer or changed: names it and says what is lost.
    pub fn verify(&self, dir: &Path, by: &str) -> Result<(), RecordError> {
        self.0.iter().try_for_each(|(name, sum)| check(dir, name, sum, by))
    }
}

impl Manifest {
    /// Checks the beginning of every file, which may have grown; `by` is the file that names them.
    ///
    /// # Errors
    /// A file is missing, shorter, or its beginning has changed.
    pub fn verify_beginnings(&self, dir: &Path, by: &str) -> Result<(), RecordError> {
        self.0.iter().try_for_each(|(name, sum)| check_beginning(dir, name, sum, by))
    }
}

/// Checks the beginning of a file that has grown since `expected` was taken.
///
/// # Errors
/// The file is missing, shorter, or its beginning has changed.
pub fn check_beginning(dir: &Path, name: &str, expected: &FileSum, by: &str) -> Result<(), RecordError> {
    let length = std::fs::metadata(dir.join(name)).map_or(0, |file| file.len());
    check_first(dir, name, expected, by, length.max(expected.bytes))
}

fn check(dir: &Path, name: &str, expected: &FileSum, by: &str) -> Result<(), RecordError> {
    check_first(dir, name, expected, by, expected.bytes)
}

/// Checks the part of a file that was there at `expected`; of `length` bytes it may be now.
fn check_first(dir: &Path, name: &str, expected: &FileSum, by: &str, length: u64) -> Result<(), RecordError> {
    let path = dir.join(name);
    let broken = |what: &str, expected: String| RecordError::Broken {
        path: path.clone(),
        what: format!("{what}; lost is {}", holds(name)),
        expected: format!("{expected}, as {by} has it"),
        advice: "the file is damaged: restore it, or train again with --overwrite",
    };
    let found = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(broken("is missing", expected.length()));
        }
        Err(error) => return Err(RecordError::io(&path, "reading the file")(error)),
        Ok(found) => found,
    };
    if found.len() != length {
        return Err(broken(&format!("has {} bytes", found.len()), expected.length()));
    }
    let found = FileSum::of_first(&path, expected.bytes)?;
    if found.sha256 != expected.sha256 {
        let short = |sum: &str| format!("the sum {}…", &sum.get(..12).unwrap_or(sum));
        return Err(broken(&format!("has {}", short(&found.sha256)), short(&expected.sha256)));
    }
    Ok(())
}

/// Names the content of a file of ours.
fn holds(name: &str) -> &'static str {
    match name {
        "config.toml" => "the config",
        "steps.csv" => "the loss of each step",
        "layers.csv" => "the layers' statistics",
        "epochs.csv" => "the evaluations on the test images",
        "histograms.safetensors" => "the histograms",
        "init.safetensors" => "the starting weights, which `initlab init` makes again",
        "model.safetensors" => "the trained weights",
        "runs.csv" | "comparison.csv" => "nothing: `initlab compare` writes it again from the runs",
        _ => "what it held",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &str)]) -> (tempfile::TempDir, Manifest) {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::default();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
            manifest.add(name, FileSum::of(&dir.path().join(name)).unwrap());
        }
        (dir, manifest)
    }

    #[test]
    fn the_sum_of_a_file_is_that_of_its_text() {
        let (dir, _) = written(&[("a", "some text")]);
        assert_eq!(FileSum::of(&dir.path().join("a")).unwrap(), FileSum::of_text("some text"));
    }

    #[test]
    fn each_harm_is_an_error_that_names_the_file_and_what_is_lost() {
        for (harmed, part) in
            [(Some("head\n"), "has 5 bytes"), (Some("head\n1,3\n"), "has the sum"), (None, "is missing")]
        {
            let (dir, manifest) = written(&[("config.toml", "a = 1\n"), ("steps.csv", "head\n1,2\n")]);
            manifest.verify(dir.path(), "run.json").unwrap();
            let path = dir.path().join("steps.csv");
            match harmed {
                Some(text) => std::fs::write(path, text).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
            let error = manifest.verify(dir.path(), "run.json").unwrap_err().to_string();
            for part in [part, "steps.csv: ", "the loss of each step", "as run.json has it"] {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
    }
}
