//! The directory of a study: whose it is, and that no other study's results are replaced in it unasked.
//!
//! `plan.json` says which runs the study consists of. The same study may be at work in several processes; a wider one, with more
//! arms, points or seeds, takes the directory over, because it holds every run of the narrower. What leaves out or changes a
//! run is another study.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::record::RecordError;
use crate::record::lock::Lock;
use crate::record::manifest::FileSum;
use crate::record::whole::{make_directory, remove_unfinished, sync_directory, text_if_there, write_changed};
use crate::study::file::{Cell, Study};
use crate::study::plan::PlannedRun;

/// The file that names the study.
pub const PLAN: &str = "plan.json";

/// The directory that a study asks for.
#[derive(Debug)]
pub struct StudyDir {
    path: PathBuf,
    plan: PlanRecord,
    /// Directories of the runs, as the earliest version named them too.
    runs: Vec<String>,
}

/// Everything that a study's runs depend on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct PlanRecord {
    name: String,
    version: String,
    data_sha256: String,
    /// The grid of learning rates, if they are looked for.
    tuning: Option<String>,
    seeds: Vec<u64>,
    cells: Vec<CellRecord>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CellRecord {
    arm: String,
    point: Vec<String>,
    /// SHA-256 of the config without seed, and without a learning rate that is looked for.
    config_sha256: String,
}

impl StudyDir {
    /// The directory `path` for `study` on this data, whose runs are `runs`; nothing is touched yet.
    pub fn new(path: &Path, study: &Study, data_sha256: &str, runs: &[PlannedRun]) -> Self {
        let config = |cell: &Cell| {
            let mut experiment = cell.experiment.clone();
            experiment.seed = 0;
            if study.tune.is_some() {
                experiment.optimizer.lr = 1.0;
            }
            FileSum::of_text(&experiment.to_toml()).sha256
        };
        let cell = |cell: &Cell| CellRecord {
            arm: study.arms[cell.arm].clone(),
            point: study.labels(&cell.point),
            config_sha256: config(cell),
        };
        let plan = PlanRecord {
            name: study.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            data_sha256: data_sha256.into(),
            tuning: study.tune.map(|grid| format!("{grid:?}")),
            seeds: study.seeds.clone(),
            cells: study.cells.iter().map(cell).collect(),
        };
        let runs = runs.iter().flat_map(|run| run.possible_dirs()).collect();
        Self { path: path.into(), plan, runs }
    }

    /// Checks that the study may work here; changes nothing. With `replace` it may also take another study's place.
    ///
    /// # Errors
    /// The directory holds another study, or a run.
    pub fn check(&self, replace: bool) -> Result<(), RecordError> {
        for (name, found) in [("run.json", "a run"), ("steps.csv", "a run"), ("probe.json", "a probe")] {
            if self.path.join(name).symlink_metadata().is_ok() {
                return Err(RecordError::Foreign { path: self.path.clone(), found });
            }
        }
        match if replace { None } else { self.other()? } {
            None => Ok(()),
            Some(what) => Err(RecordError::OtherStudy { path: self.path.clone(), what }),
        }
    }

    /// Makes the directory this study's.
    ///
    /// # Errors
    /// As [`StudyDir::check`], and the directory cannot be written.
    pub fn claim(&self, replace: bool) -> Result<(), RecordError> {
        make_directory(&self.path)?;
        let _lock = Lock::take(&self.path)?;
        self.check(replace)?;
        let json = serde_json::to_string_pretty(&self.plan).expect("a plan is made of strings and numbers");
        write_changed(&self.path.join(PLAN), format!("{json}\n").as_bytes())?;
        sync_directory(&self.path)
    }

    /// Holds the directory to write the study's summaries, once what a killed process left there is gone.
    ///
    /// # Errors
    /// Another study has taken the directory over, or it cannot be written.
    pub fn hold(&self) -> Result<Lock, RecordError> {
        let lock = Lock::take(&self.path)?;
        self.check(false)?;
        remove_unfinished(&self.path)?;
        Ok(lock)
    }

    /// Names the difference that makes the directory's study another one; nothing if it is this study or a part of it.
    fn other(&self) -> Result<Option<String>, RecordError> {
        match read(&self.path.join(PLAN))? {
            Some(text) => {
                let plan: PlanRecord =
                    serde_json::from_str(&text).map_err(|error| self.damaged(PLAN, error.to_string()))?;
                Ok(self.plan.lacks(&plan))
            }
            None => self.lacks_earlier(),
        }
    }

    /// Does as [`PlanRecord::lacks`] for a directory that an earlier version wrote, without a plan.
    fn lacks_earlier(&self) -> Result<Option<String>, RecordError> {
        let Some(text) = read(&self.path.join("study.json"))? else { return Ok(None) };
        let study: Earlier =
            serde_json::from_str(&text).map_err(|error| self.damaged("study.json", error.to_string()))?;
        let tuned = self.plan.tuning.is_some();
        let seeds = &self.plan.seeds;
        let lacks = |run: &EarlierRun| if tuned { !seeds.contains(&run.seed) } else { !self.runs.contains(&run.dir) };
        Ok(study.runs.iter().find(|run| lacks(run)).map(|run| format!("its run {} is not one of this study", run.dir)))
    }

    fn damaged(&self, name: &str, what: String) -> RecordError {
        RecordError::Broken {
            path: self.path.join(name),
            what,
            expected: "what initlab compare writes".into(),
            advice: "remove the file: the same command writes it again from the runs",
        }
    }
}

/// The part of an earlier version's `study.json` that tells which runs it is about.
#[derive(Deserialize)]
struct Earlier {
    runs: Vec<EarlierRun>,
}

#[derive(Deserialize)]
struct EarlierRun {
    dir: String,
    seed: u64,
}

impl PlanRecord {
    /// Names a part of `other` that this plan does not hold.
    fn lacks(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!("it was made by version {}", other.version));
        }
        if self.data_sha256 != other.data_sha256 {
            return Some("its data differs".into());
        }
        if self.tuning != other.tuning {
            return Some("its learning rates were found otherwise".into());
        }
        if let Some(seed) = other.seeds.iter().find(|seed| !self.seeds.contains(seed)) {
            return Some(format!("its seed {seed} is not one of this study"));
        }
        let lacking = other.cells.iter().find(|cell| !self.cells.contains(cell))?;
        let place = [std::slice::from_ref(&lacking.arm), &lacking.point[..]].concat().join(", ");
        let same = |cell: &&CellRecord| cell.arm == lacking.arm && cell.point == lacking.point;
        Some(match self.cells.iter().find(same) {
            Some(_) => format!("its {place} has another config"),
            None => format!("its {place} is not part of this study"),
        })
    }
}

fn read(path: &Path) -> Result<Option<String>, RecordError> {
    text_if_there(path).map_err(RecordError::io(path, "reading the file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seeds: &[u64], cells: &[(&str, &str)]) -> PlanRecord {
        let cell = |&(arm, config): &(&str, &str)| CellRecord {
            arm: arm.into(),
            point: vec!["10".into()],
            config_sha256: config.into(),
        };
        PlanRecord {
            name: "study".into(),
            version: "1".into(),
            data_sha256: "d".into(),
            tuning: None,
            seeds: seeds.into(),
            cells: cells.iter().map(cell).collect(),
        }
    }

    #[test]
    fn a_wider_study_goes_on_with_a_narrower_and_another_is_named_by_what_differs() {
        let old = plan(&[0, 1], &[("a", "x"), ("b", "y")]);
        for (new, lacks) in [
            (plan(&[0, 1], &[("a", "x"), ("b", "y")]), None),
            (plan(&[0, 1, 2], &[("c", "z"), ("b", "y"), ("a", "x")]), None),
            (plan(&[0], &[("a", "x"), ("b", "y")]), Some("seed 1")),
            (plan(&[0, 1], &[("a", "x")]), Some("its b, 10 is not part")),
            (plan(&[0, 1], &[("a", "x"), ("b", "other")]), Some("its b, 10 has another config")),
            (PlanRecord { data_sha256: "e".into(), ..plan(&[0, 1], &[("a", "x"), ("b", "y")]) }, Some("data")),
            (
                PlanRecord { tuning: Some("g".into()), ..plan(&[0, 1], &[("a", "x"), ("b", "y")]) },
                Some("learning rates"),
            ),
            (PlanRecord { version: "2".into(), ..plan(&[0, 1], &[("a", "x"), ("b", "y")]) }, Some("version 1")),
        ] {
            match (new.lacks(&old), lacks) {
                (None, None) => {}
                (Some(found), Some(part)) => assert!(found.contains(part), "{part}: {found}"),
                (found, expected) => panic!("{expected:?}: {found:?}"),
            }
        }
    }
}
