//! `plan.jsonl`: the ordered runs of a study with the shard of each, written once. Tasks read it and derive nothing anew, so that what a
//! shard is cannot change under them.
//!
//! The first line says what the plan is of, each of the next is a run with its complete config, and the last holds the sum of all before
//! it, by which a task knows the plan that it was submitted with.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cluster::error::ClusterError;
use crate::cluster::source::StudySource;
use crate::config::Experiment;
use crate::record::RecordError;
use crate::record::seal::hex;
use crate::record::summary::{self, Outcome, Summary};
use crate::record::whole::{sync_directory, text_if_there, write_changed};
use crate::study::plan::{PlannedRun, Shard};
use crate::study::{Campaign, Study};

/// Its name.
pub const FILE: &str = "plan.jsonl";

/// A plan as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanFile {
    /// The study of the plan.
    pub header: Header,
    /// The runs, in order.
    pub runs: Vec<PlanLine>,
}

/// The study of a plan, and how it is cut into shards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of initlab, which is part of every run's identity.
    pub version: String,
    /// Name of the study.
    pub study: String,
    /// Sum over the data.
    pub data_sha256: String,
    /// Number of shards.
    pub shards: usize,
    /// The most runs that train together, if the shards are cut along cohorts.
    pub cohort: Option<usize>,
    /// True if the runs look for learning rates, so that the study's own come after them.
    pub tunes: bool,
    /// The texts and words that the study was read from.
    pub source: StudySource,
}

/// A run of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Its shard.
    pub shard: usize,
    /// Name of its directory, which ends with the first digits of its identity.
    pub run: String,
    /// Index of its cell.
    pub cell: usize,
    /// Name of its arm.
    pub arm: String,
    /// Its point of the grid.
    pub point: Vec<String>,
    /// Its seed.
    pub seed: u64,
    /// Its complete config.
    pub config: String,
}

#[derive(Serialize, Deserialize)]
struct Sum {
    sha256: String,
}

impl PlanLine {
    /// A run of `campaign` in this shard.
    pub fn new(campaign: &Campaign, run: &PlannedRun, shard: usize) -> Self {
        let cell = &campaign.study.cells[run.cell];
        Self {
            shard,
            run: run.name.clone(),
            cell: run.cell,
            arm: campaign.study.arms[cell.arm].clone(),
            point: campaign.study.labels(&cell.point),
            seed: run.experiment.seed,
            config: run.experiment.to_toml(),
        }
    }

    /// Its result, if `dir` holds it. The name tells the run; whether the files are as they were written is for the report to check.
    ///
    /// # Errors
    /// There is one that cannot be read, or is of other data.
    pub fn result(&self, dir: &Path, data_sha256: &str) -> Result<Option<Summary>, RecordError> {
        let run = dir.join("runs").join(&self.run);
        let Some(summary) = Summary::read(&run)? else { return Ok(None) };
        if summary.data_sha256 != data_sha256 {
            return Err(broken(&run.join(summary::FILE), "is of other data".into()));
        }
        Ok(Some(summary).filter(|summary| summary.outcome != Outcome::Interrupted))
    }

    /// The run, which has the identity that its name tells.
    fn planned(&self, study: &Study, data_sha256: &str, path: &Path) -> Result<PlannedRun, ClusterError> {
        let broken = |what: String| ClusterError::Record(broken(path, what));
        let experiment = Experiment::parse(&self.run, &self.config, &[]).map_err(|error| broken(error.to_string()))?;
        if self.cell >= study.cells.len() {
            return Err(broken(format!("has a run of cell {}", self.cell)));
        }
        let run = PlannedRun::new(study, self.cell, experiment, data_sha256);
        if run.name == self.run { Ok(run) } else { Err(broken(format!("calls {} what is {}", self.run, run.name))) }
    }
}

impl PlanFile {
    /// The text of the file.
    pub fn text(&self) -> String {
        fn line(of: &impl Serialize) -> String {
            serde_json::to_string(of).expect("a plan is made of strings and numbers")
        }
        let mut text = line(&self.header) + "\n";
        self.runs.iter().for_each(|run| writeln!(text, "{}", line(run)).expect("strings take everything"));
        let sha256 = hex(Sha256::new_with_prefix(&text));
        text + &line(&Sum { sha256 }) + "\n"
    }

    /// The first digits of its sum, by which it is known once it is written.
    pub fn short_sum(&self) -> String {
        let text = self.text();
        parse(&text).expect("what was just written can be read").1[..16].into()
    }

    /// Runs whose results `dir` does not hold.
    ///
    /// # Errors
    /// A result is there and cannot be read.
    pub fn missing(&self, dir: &Path) -> Result<Vec<&PlanLine>, RecordError> {
        let mut missing = Vec::new();
        for line in &self.runs {
            if line.result(dir, &self.header.data_sha256).map_err(RecordError::in_study)?.is_none() {
                missing.push(line);
            }
        }
        Ok(missing)
    }

    /// The plan that `dir` holds, if it holds one.
    ///
    /// # Errors
    /// It cannot be read or is not as it was written.
    pub fn read(dir: &Path) -> Result<Option<Kept>, RecordError> {
        let path = dir.join(FILE);
        let Some(text) = text_if_there(&path).map_err(RecordError::io(&path, "reading the file"))? else {
            return Ok(None);
        };
        let parsed = parse(&text).map_err(|what| broken(&path, what))?;
        Ok(Some(Kept { path, plan: parsed.0, sum: parsed.1 }))
    }

    /// Writes the plan into `dir`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(self, dir: &Path) -> Result<Kept, RecordError> {
        let (path, text) = (dir.join(FILE), self.text());
        write_changed(&path, text.as_bytes())?;
        sync_directory(dir)?;
        let (plan, sum) = parse(&text).expect("what was just written can be read");
        Ok(Kept { path, plan, sum })
    }
}

/// A plan that is on disk.
#[derive(Clone, Debug)]
pub struct Kept {
    path: PathBuf,
    /// The plan.
    pub plan: PlanFile,
    sum: String,
}

impl Kept {
    /// The first digits of its sum, by which it is known.
    pub fn short_sum(&self) -> &str {
        &self.sum[..16]
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The study's directory.
    pub fn dir(&self) -> &Path {
        self.path.parent().expect("a file is in a directory")
    }

    /// Checks that this is the plan with this sum, and of this version of initlab.
    ///
    /// # Errors
    /// It is another.
    pub fn check(&self, sum: Option<&str>) -> Result<(), ClusterError> {
        let path = || self.path.clone();
        let (found, version) = (&self.plan.header.version, env!("CARGO_PKG_VERSION"));
        if found != version {
            return Err(ClusterError::Version { path: path(), found: found.clone() });
        }
        match sum {
            Some(sum) if sum != self.short_sum() => {
                Err(ClusterError::Changed { path: path(), found: self.short_sum().into(), expected: sum.into() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the data are those of the plan.
    ///
    /// # Errors
    /// They differ.
    pub fn check_data(&self, campaign: &Campaign) -> Result<(), ClusterError> {
        let found = &campaign.data.dataset;
        if found.sha256 == self.plan.header.data_sha256 {
            return Ok(());
        }
        Err(ClusterError::Data { path: self.path.clone(), name: found.name.clone() })
    }

    /// Runs of a shard, of a plan with as many shards.
    ///
    /// # Errors
    /// The plan is cut otherwise, or a line is not of this version's making.
    pub fn shard(&self, shard: Shard, study: &Study) -> Result<Vec<PlannedRun>, ClusterError> {
        let Header { shards, data_sha256, .. } = &self.plan.header;
        if shard.of != *shards {
            return Err(ClusterError::Shards { path: self.path.clone(), found: *shards, asked: shard.of });
        }
        let mine = self.plan.runs.iter().filter(|line| line.shard == shard.index);
        mine.map(|line| line.planned(study, data_sha256, &self.path)).collect()
    }
}

fn parse(text: &str) -> Result<(PlanFile, String), String> {
    let (body, last) = text.trim_end_matches('\n').rsplit_once('\n').ok_or("is cut short")?;
    let Sum { sha256 } = serde_json::from_str(last).map_err(|_| "has no sum at its end: it is cut short")?;
    if hex(Sha256::new_with_prefix(format!("{body}\n"))) != sha256 {
        return Err("does not fit its own sum".into());
    }
    let mut lines = body.lines();
    let error = |error: serde_json::Error| error.to_string();
    let header: Header = serde_json::from_str(lines.next().unwrap_or_default()).map_err(error)?;
    let runs: Vec<PlanLine> = lines.map(serde_json::from_str).collect::<Result<_, _>>().map_err(error)?;
    match runs.iter().find(|line| line.shard >= header.shards) {
        Some(line) => Err(format!("has shard {} of {}", line.shard, header.shards)),
        None => Ok((PlanFile { header, runs }, sha256)),
    }
}

fn broken(path: &Path, what: String) -> RecordError {
    RecordError::Broken {
        path: path.into(),
        what,
        expected: "the plan of a study as `initlab submit` wrote it".into(),
        advice: "`initlab submit` with --overwrite writes it again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PlanFile {
        let source = StudySource {
            file: "study.toml".into(),
            text: "seeds = 1".into(),
            bases: [("net.toml".to_owned(), "a = 1".to_owned())].into(),
            sets: vec!["a=2".into()],
            dataset: None,
        };
        let line = |shard| PlanLine {
            shard,
            run: format!("a-{shard}"),
            cell: 0,
            arm: "a".into(),
            point: vec!["\n\"".into()],
            seed: u64::MAX,
            config: "x = 1\n".into(),
        };
        let header = Header {
            version: "0".into(),
            study: "study".into(),
            data_sha256: "d".into(),
            shards: 2,
            cohort: None,
            tunes: false,
            source,
        };
        PlanFile { header, runs: vec![line(0), line(1)] }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(PlanFile::read(dir.path()).unwrap().is_none());
        let kept = plan().write(dir.path()).unwrap();
        let again = PlanFile::read(dir.path()).unwrap().unwrap();
        assert_eq!((&again.plan, again.short_sum(), again.dir()), (&plan(), kept.short_sum(), dir.path()));
    }

    #[test]
    fn a_plan_that_is_cut_or_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = plan().text();
        for harmed in [
            text.replacen("\"seed\":18446744073709551615", "\"seed\":0", 1),
            text.lines().take(3).collect::<Vec<_>>().join("\n"),
            text[..text.len() - 20].into(),
            String::new(),
        ] {
            std::fs::write(dir.path().join(FILE), &harmed).unwrap();
            let error = PlanFile::read(dir.path()).unwrap_err().to_string();
            assert!(error.contains(FILE) && error.contains("--overwrite"), "{harmed}: {error}");
        }
    }

    #[test]
    fn another_plan_and_another_versions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let kept = plan().write(dir.path()).unwrap();
        let error = kept.check(None).unwrap_err().to_string();
        assert!(error.contains("version 0"), "{error}");
        let mut own = plan();
        own.header.version = env!("CARGO_PKG_VERSION").into();
        let own = own.write(dir.path()).unwrap();
        own.check(Some(own.short_sum())).unwrap();
        let error = own.check(Some(kept.short_sum())).unwrap_err().to_string();
        assert!(error.contains("another plan") && error.contains("submit"), "{error}");
    }
}
