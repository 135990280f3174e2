//! A study ready to run: checked, with its data in memory and its runs in order; and what has come out of it so far.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::data::Dataset;
use crate::record::RecordError;
use crate::study::check::{self, CellFacts, CheckError, StudyData};
use crate::study::cohorts::execute_in_cohorts;
use crate::study::collect::collect;
use crate::study::compare::compare;
use crate::study::execute::{Attempt, Happening, Manner, execute};
use crate::study::file::Study;
use crate::study::plan::{PlannedRun, runs};
use crate::study::record::{AxisRecord, DataRecord, Failure, RunRecord, StudyRecord};
use crate::study::summarise::summarise;

/// A study whose every arm can be built.
#[derive(Debug)]
pub struct Campaign {
    /// What is studied.
    pub study: Study,
    /// The data.
    pub data: StudyData,
    /// The runs, in order.
    pub runs: Vec<PlannedRun>,
    /// Cost and shape of each cell's runs.
    cells: Vec<CellFacts>,
}

impl Campaign {
    /// Checks that every arm can be built for `dataset` and lists the runs.
    ///
    /// # Errors
    /// An arm that cannot be built, at its line.
    pub fn new(study: Study, dataset: Dataset) -> Result<Self, CheckError> {
        let data = StudyData::new(dataset, &study)?;
        let cells = check::cells(&study, &data)?;
        let runs = runs(&study, &data.dataset.sha256);
        Ok(Self { study, data, runs, cells })
    }

    /// Multiplications of `run`, roughly.
    pub fn cost(&self, run: &PlannedRun) -> f64 {
        self.cells[run.cell].cost
    }

    /// Indices of the runs whose results `dir` does not hold.
    pub fn missing(&self, dir: &Path) -> Vec<usize> {
        (0..self.runs.len()).filter(|&index| self.runs[index].result(dir).is_none()).collect()
    }

    /// Carries out the runs of these indices; see [`execute`] and [`execute_in_cohorts`]. `show` gets places in `indices`.
    pub fn execute(
        &self,
        indices: &[usize],
        dir: &Path,
        manner: &Manner,
        stop: &AtomicBool,
        show: impl Fn(usize, Happening<'_>) + Sync,
    ) -> Vec<Attempt> {
        let runs: Vec<&PlannedRun> = indices.iter().map(|&index| &self.runs[index]).collect();
        match manner {
            Manner::SideBySide { threads } => {
                let costs: Vec<f64> = runs.iter().map(|run| self.cost(run)).collect();
                execute(&runs, &costs, &self.data, dir, *threads, stop, show)
            }
            Manner::Cohorts { compute, size } => {
                let shapes: Vec<usize> = runs.iter().map(|run| self.cells[run.cell].shape).collect();
                execute_in_cohorts(&runs, &shapes, &self.data, dir, compute, *size, stop, &show)
            }
        }
    }

    /// The study with the results that `dir` holds. `command` makes it again.
    ///
    /// # Errors
    /// Records of a finished run that cannot be read.
    pub fn record(&self, dir: &Path, command: String, failures: Vec<Failure>) -> Result<StudyRecord, RecordError> {
        let mut records: Vec<RunRecord> = Vec::new();
        for run in &self.runs {
            if let Some(summary) = run.result(dir) {
                records.push(collect(&self.study, &self.data, run, summary, dir)?);
            }
        }
        let study = &self.study;
        let axis =
            |axis: &crate::study::file::Axis| AxisRecord { name: axis.name.clone(), values: axis.labels.clone() };
        Ok(StudyRecord {
            name: study.name.clone(),
            command,
            version: env!("CARGO_PKG_VERSION").into(),
            data: DataRecord {
                name: self.data.dataset.name.clone(),
                sha256: self.data.dataset.sha256.clone(),
                train_images: self.data.dataset.train.len(),
                test_images: self.data.dataset.test.len(),
            },
            arms: study.arms.clone(),
            baseline: study.arms[study.baseline].clone(),
            seeds: study.seeds.clone(),
            axes: study.axes.iter().map(axis).collect(),
            targets: study.targets.clone(),
            summaries: summarise(&records, &study.targets),
            comparisons: compare(&records, &study.arms[study.baseline], &study.targets),
            runs: records,
            failures,
        })
    }
}
