//! The ordered list of a study's runs. A run is known by what its result depends on: its config, the data, the version.

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

impl PlannedRun {
    /// The run of `cell` with this config.
    pub fn new(study: &Study, cell: usize, experiment: Experiment, data_sha256: &str) -> Self {
        let mut parts = vec![study.arms[study.cells[cell].arm].clone()];
        let labels = study.labels(&study.cells[cell].point);
        parts.extend(study.axes.iter().zip(labels).map(|(axis, label)| {
            let short = axis.name.rsplit('.').next().unwrap_or(&axis.name);
            format!("{short}{label}")
        }));
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
