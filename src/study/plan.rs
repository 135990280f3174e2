//! The ordered list of a study's runs. A run is known by what its result depends on: its config, the data, the version.
//!
//! Not by the device: there the same run differs in the last bits only, as it does between processors, so that a study may go on,
//! or be shared, wherever there is room. Each run's record names its device.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::Experiment;
use crate::record::RecordError;
use crate::record::summary::{Outcome, Summary};
use crate::study::file::Study;

/// One run of a study.
#[derive(Clone, Debug)]
pub struct PlannedRun {
    /// Index of its cell in [`Study::cells`].
    pub cell: usize,
    /// Its complete config.
    pub experiment: Experiment,
    /// Name of its directory: arm, point, seed, and the first digits of its identity.
    pub name: String,
    /// Directory's name as the earliest version wrote it.
    earlier: String,
    data_sha256: String,
}

/// The runs of a study: cell by cell, seed by seed.
pub fn runs(study: &Study, data_sha256: &str) -> Vec<PlannedRun> {
    let cells = study.cells.iter().enumerate();
    cells
        .flat_map(|(at, cell)| {
            study.seeds.iter().map(move |&seed| {
                let experiment = Experiment { seed, ..cell.experiment.clone() };
                PlannedRun::new(study, at, experiment, data_sha256)
            })
        })
        .collect()
}

/// A part of a study's runs, so that several machines can share it: those whose place is `index` modulo `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: usize,
    /// Number of shards.
    pub of: usize,
}

impl Shard {
    /// All runs.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The runs of this shard among `runs`, in order.
    pub fn of_all(self, runs: &[PlannedRun]) -> impl Iterator<Item = &PlannedRun> {
        runs.iter().skip(self.index).step_by(self.of)
    }

    /// Runs whose results `dir` does not hold.
    ///
    /// # Errors
    /// A result is there and cannot be read: what it says is not known, so it is not made again unasked.
    pub fn missing<'a>(self, runs: &'a [PlannedRun], dir: &Path) -> Result<Vec<&'a PlannedRun>, RecordError> {
        let mut missing = Vec::new();
        for run in self.of_all(runs) {
            if run.result(dir)?.is_none() {
                missing.push(run);
            }
        }
        Ok(missing)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    /// Reads `0/3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            _ => Err("expected i/K with i from 0 to K − 1, such as 0/3".into()),
        }
    }
}

impl PlannedRun {
    /// The run of `cell` with this config.
    pub fn new(study: &Study, cell: usize, experiment: Experiment, data_sha256: &str) -> Self {
        let mut parts = vec![study.arms[study.cells[cell].arm].clone()];
        let labels = study.labels(&study.cells[cell].point);
        parts.extend(study.axes.iter().zip(labels).map(|(axis, label)| {
            let short = axis.name.rsplit('.').next().unwrap_or(&axis.name);
            format!("{short}{label}")
        }));
        if study.tune.is_some() {
            parts.push(format!("lr{}", experiment.optimizer.lr));
        }
        parts.push(format!("seed{}", experiment.seed));
        let label = label(&parts.join("-"));
        let hash = identity(&experiment, data_sha256);
        let [name, earlier] = [16, 8].map(|digits| format!("{label}-{}", &hash[..digits]));
        Self { cell, experiment, name, earlier, data_sha256: data_sha256.into() }
    }

    /// Its directory, from the study's directory `dir`.
    pub fn relative_dir(&self, dir: &Path) -> String {
        let earlier = dir.join("runs").join(&self.earlier);
        let is_ours = || {
            let config = std::fs::read_to_string(earlier.join("config.toml"));
            config.is_ok_and(|config| config == self.experiment.to_toml())
        };
        let [name, earlier] = self.possible_dirs();
        if !dir.join(&name).exists() && is_ours() { earlier } else { name }
    }

    /// Where it may be, from the study's directory.
    pub fn possible_dirs(&self) -> [String; 2] {
        [&self.name, &self.earlier].map(|name| format!("runs/{name}"))
    }

    /// Its directory in the study's directory `dir`.
    pub fn dir(&self, dir: &Path) -> PathBuf {
        dir.join(self.relative_dir(dir))
    }

    /// Its result, if `dir` holds this very run and it has ended.
    ///
    /// # Errors
    /// There is one that cannot be read, or is not as it was written.
    pub fn result(&self, dir: &Path) -> Result<Option<Summary>, RecordError> {
        let run = self.dir(dir);
        let read = || -> Result<Option<Summary>, RecordError> {
            let Some(summary) = Summary::read(&run)? else { return Ok(None) };
            let path = run.join("config.toml");
            let config = std::fs::read_to_string(&path).map_err(RecordError::io(&path, "reading the file"))?;
            if config != self.experiment.to_toml() || summary.data_sha256 != self.data_sha256 {
                return Err(RecordError::Broken {
                    path,
                    what: "is not the config of the run that the directory is named after".into(),
                    expected: format!("that of {}", self.name),
                    advice: "",
                });
            }
            Ok(Some(summary).filter(|summary| summary.outcome != Outcome::Interrupted))
        };
        read().map_err(RecordError::in_study)
    }
}

/// SHA-256 over everything that the result depends on.
fn identity(experiment: &Experiment, data_sha256: &str) -> String {
    let mut hash = Sha256::new();
    for part in [&experiment.to_toml(), data_sha256, env!("CARGO_PKG_VERSION")] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of `text` as a directory may be named; file systems count bytes, of which a letter may have four.
fn label(text: &str) -> String {
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= 200
    };
    let label: String = text.chars().map(file_character).take(100).take_while(fits).collect();
    label.trim_start_matches('.').into()
}

fn file_character(c: char) -> char {
    if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }
}
