//! A study ready to run: checked, with its data in memory and its runs in order; and what has come out of it so far.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::data::Dataset;
use crate::record::RecordError;
use crate::record::manifest::Manifest;
use crate::study::attempt::Attempt;
use crate::study::check::{self, CellFacts, CheckError, StudyData};
use crate::study::clock::Clock;
use crate::study::cohorts::execute_in_cohorts;
use crate::study::collect::collect;
use crate::study::compare::compare;
use crate::study::comparison::ArmSummary;
use crate::study::execute::{Happening, Manner, execute};
use crate::study::file::{Axis, Cell, Study};
use crate::study::findings;
use crate::study::forecast::{State, Work};
use crate::study::order::order;
use crate::study::place::Growth;
use crate::study::plan::{PlannedRun, runs};
use crate::study::predict::predicted_depths;
use crate::study::record::{AxisRecord, DataRecord, Failure, RunRecord, StudyRecord, Tuning};
use crate::study::spread::on_all_cores;
use crate::study::summarise::summarise;
use crate::study::tune::{self, Stage};

/// A study whose every arm can be built.
#[derive(Debug)]
pub struct Campaign {
    /// The study itself.
    pub study: Study,
    /// The data.
    pub data: StudyData,
    /// The runs that the verdict is about, in order. While learning rates are still looked for, with those of the configs.
    pub runs: Vec<PlannedRun>,
    /// Cost and shape of each cell's runs.
    cells: Vec<CellFacts>,
    tuning: Vec<Tuning>,
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
        Ok(Self { study, data, runs, cells, tuning: Vec::new() })
    }

    /// Runs with the same number can train together.
    pub fn shape(&self, run: &PlannedRun) -> usize {
        self.cell_shape(run.cell)
    }

    /// Shape of a cell's runs, as [`Campaign::shape`] has it.
    pub fn cell_shape(&self, cell: usize) -> usize {
        self.cells[cell].shape
    }

    /// Multiplications of `run`, roughly.
    pub fn cost(&self, run: &PlannedRun) -> f64 {
        self.cell_cost(run.cell)
    }

    /// Cost of a cell's runs, as [`Campaign::cost`] has it.
    pub fn cell_cost(&self, cell: usize) -> f64 {
        self.cells[cell].cost
    }

    /// Bytes that `threads` runs take side by side: as many as there are of the largest.
    pub fn memory(&self, threads: usize) -> u64 {
        let mut each: Vec<u64> = self.runs.iter().map(|run| self.cells[run.cell].memory).collect();
        each.sort_unstable_by(|a, b| b.cmp(a));
        each.into_iter().take(threads).fold(0, u64::saturating_add)
    }

    /// Brings the learning rates up to what `dir` holds. Gives the runs that must come before the verdict's, some of which
    /// may be there already; none if the rates are known, which [`Campaign::runs`] then have.
    ///
    /// # Errors
    /// Records of a finished run that cannot be read.
    pub fn settle(&mut self, dir: &Path) -> Result<Vec<PlannedRun>, RecordError> {
        let Some(grid) = self.study.tune else { return Ok(Vec::new()) };
        let (mut first, mut tuning) = (Vec::new(), Vec::new());
        for cell in 0..self.study.cells.len() {
            match tune::stage(&self.study, &grid, cell, &self.data, dir)? {
                Stage::Running(runs) => first.extend(runs),
                Stage::Done(done) => tuning.push(done),
            }
        }
        if first.is_empty() {
            for (cell, tuning) in self.study.cells.iter_mut().zip(&tuning) {
                cell.experiment.optimizer.lr = tuning.best;
            }
            self.runs = runs(&self.study, &self.data.dataset.sha256);
            self.tuning = tuning;
        }
        Ok(first)
    }

    /// Places of `runs` in the order in which they begin; see [`order()`].
    pub fn order(&self, runs: &[&PlannedRun]) -> Vec<usize> {
        // The search for learning rates has seeds of its own, counted up.
        let place = |seed| self.study.seeds.iter().position(|own| *own == seed).unwrap_or(seed as usize);
        let seeds: Vec<usize> = runs.iter().map(|run| place(run.experiment.seed)).collect();
        let costs: Vec<f64> = runs.iter().map(|run| self.cost(run)).collect();
        order(&seeds, &costs)
    }

    /// A clock for `runs`, so many of which are worked at at a time.
    pub fn clock(&self, runs: &[&PlannedRun], workers: usize) -> Clock {
        let work = |run: &&PlannedRun| Work {
            arm: self.study.cells[run.cell].arm,
            cell: run.cell,
            cost: self.cost(run),
            state: State::Waiting,
        };
        Clock::new(runs.iter().map(work).collect(), self.order(runs), workers)
    }

    /// Carries out `runs`; see [`execute`] and [`execute_in_cohorts`]. `show` gets places in `runs`.
    pub fn execute(
        &self,
        runs: &[&PlannedRun],
        (dir, growth): (&Path, Growth),
        manner: &Manner,
        stop: &AtomicBool,
        show: impl Fn(usize, Happening<'_>) + Sync,
    ) -> Vec<Attempt> {
        let order = self.order(runs);
        match manner {
            Manner::SideBySide { threads } => execute(runs, &order, &self.data, (dir, growth), *threads, stop, show),
            Manner::Cohorts { compute, size } => {
                let shapes: Vec<usize> = runs.iter().map(|run| self.shape(run)).collect();
                execute_in_cohorts(runs, &order, &shapes, &self.data, (dir, growth), compute, *size, stop, &show)
            }
        }
    }

    /// The study with the results that `dir` holds, and how many of its runs have no sums to check them by. `command` makes it
    /// again.
    ///
    /// # Errors
    /// Records of a finished run that cannot be read; a run that is neither there nor among the failures.
    pub fn record(
        &self,
        dir: &Path,
        command: String,
        failures: Vec<Failure>,
    ) -> Result<(StudyRecord, usize), RecordError> {
        let (mut records, mut unchecked) = (Vec::<RunRecord>::new(), 0);
        let read = |run: &PlannedRun| -> Result<Option<(RunRecord, bool)>, RecordError> {
            let Some(summary) = run.result(dir)? else { return Ok(None) };
            let is_unchecked = summary.is_unchecked();
            Ok(Some((collect(&self.study, &self.data, run, summary, dir)?, is_unchecked)))
        };
        for (run, read) in self.runs.iter().zip(on_all_cores(&self.runs, read)) {
            match read? {
                Some((record, is_unchecked)) => {
                    unchecked += usize::from(is_unchecked);
                    records.push(record);
                }
                None if failures.iter().any(|failure| failure.dir == run.relative_dir(dir)) => {}
                None => {
                    return Err(RecordError::Broken {
                        path: run.dir(dir),
                        what: "the run is missing".into(),
                        expected: format!("all {} runs of the study", self.runs.len()),
                        advice: "the same command makes it",
                    });
                }
            }
        }
        let study = &self.study;
        let axis = |axis: &Axis| AxisRecord { name: axis.name.clone(), values: axis.labels.clone() };
        let mut record = StudyRecord {
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
            summaries: self.summaries(&records),
            tuning: self.tuning.clone(),
            comparisons: compare(&records, &study.arms[study.baseline], &study.targets),
            runs: records,
            failures,
            files: Manifest::default(),
            findings: Vec::new(),
            pairs: Vec::new(),
            seeds_needed: Vec::new(),
        };
        record.findings = findings::of_study(&record);
        Ok((record, unchecked))
    }

    /// Summaries of the runs, with what theory says about their networks.
    fn summaries(&self, records: &[RunRecord]) -> Vec<ArmSummary> {
        let study = &self.study;
        let mut summaries = summarise(records, &study.targets);
        let place = |cell: &Cell| (study.arms[cell.arm].clone(), study.labels(&cell.point));
        let cells: HashMap<_, &Cell> = study.cells.iter().map(|cell| (place(cell), cell)).collect();
        let of = |summary: &ArmSummary| Some(&cells.get(&(summary.arm.clone(), summary.point.clone()))?.experiment);
        let predicted = predicted_depths(&summaries.iter().map(of).collect::<Vec<_>>());
        for (summary, predicted) in summaries.iter_mut().zip(predicted) {
            summary.predicted_depth = predicted;
        }
        summaries
    }
}
