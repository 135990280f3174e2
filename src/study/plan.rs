//! The ordered list of a study's runs. A run is known by what its result depends on: its config, the data, the version.
//!
//! Not by the device: there the same run differs in the last bits only, as it does between processors, so that a study may go on,
//! or be shared, wherever there is room. Each run's record names its device.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::Experiment;
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

    /// Those of them whose results `dir` does not hold.
    pub fn missing<'a>(self, runs: &'a [PlannedRun], dir: &Path) -> Vec<&'a PlannedRun> {
        self.of_all(runs).filter(|run| run.result(dir).is_none()).collect()
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
        let label: String = parts.join("-").chars().map(file_character).take(100).collect();
        let hash = identity(&experiment, data_sha256);
        let name = format!("{}-{}", label.trim_start_matches('.'), &hash[..8]);
        Self { cell, experiment, name, data_sha256: data_sha256.into() }
    }

    /// Its directory, from the study's.
    pub fn relative_dir(&self) -> String {
        format!("runs/{}", self.name)
    }

    /// Its directory in the study's directory `dir`.
    pub fn dir(&self, dir: &Path) -> PathBuf {
        dir.join("runs").join(&self.name)
    }

    /// Its result, if `dir` holds this very run and it has ended.
    pub fn result(&self, dir: &Path) -> Option<Summary> {
        let run = self.dir(dir);
        let summary: Summary = serde_json::from_str(&std::fs::read_to_string(run.join("run.json")).ok()?).ok()?;
        let same = summary.data_sha256 == self.data_sha256
            && summary.version == env!("CARGO_PKG_VERSION")
            && std::fs::read_to_string(run.join("config.toml")).ok()? == self.experiment.to_toml();
        (same && summary.outcome != Outcome::Interrupted).then_some(summary)
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

fn file_character(c: char) -> char {
    if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }
}
