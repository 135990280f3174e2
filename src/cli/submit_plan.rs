//! The plan that `initlab submit` makes or goes on with.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::Result;

use crate::cli::UsageError;
use crate::cluster::cut::{self, by_cohort, by_cost, cohorts_of};
use crate::cluster::error::ClusterError;
use crate::cluster::plan_file::{Header, Kept, PlanFile, PlanLine};
use crate::cluster::source::StudySource;
use crate::study::forecast::makespan;
use crate::study::samples::Samples;
use crate::study::{Campaign, PlannedRun};

/// How a plan is to be cut.
pub struct Cut {
    /// Number of shards, if it is given.
    pub shards: Option<usize>,
    /// Minutes of a shard otherwise.
    pub minutes: f64,
    /// Runs that a shard makes at a time.
    pub cpus: usize,
    /// The most runs that train together, on a GPU.
    pub cohort: Option<usize>,
    /// The most shards, and who says so.
    pub limit: (usize, &'static str),
}

/// The runs that are to be made now, and how long they take on this machine, which is measured when it is asked for.
pub struct Work<'a> {
    campaign: &'a Campaign,
    runs: &'a [PlannedRun],
    samples: OnceCell<Samples>,
}

impl<'a> Work<'a> {
    /// These runs of `campaign`.
    pub fn new(campaign: &'a Campaign, runs: &'a [PlannedRun]) -> Self {
        Self { campaign, runs, samples: OnceCell::new() }
    }

    /// Seconds of each of some runs, which are told by their cells.
    fn seconds(&self, cells: impl Iterator<Item = usize>) -> Result<Vec<f64>> {
        if self.samples.get().is_none() {
            let all: Vec<&PlannedRun> = self.runs.iter().collect();
            let _ = self.samples.set(Samples::take(self.campaign, &all)?);
        }
        let samples = self.samples.get().expect("it was just set");
        Ok(cells.map(|cell| samples.seconds(self.campaign.cell_cost(cell))).collect())
    }

    /// Seconds that a shard takes for these runs of a plan.
    pub fn shard_seconds(&self, lines: &[&PlanLine], cut: &Cut) -> Result<f64> {
        let seconds = self.seconds(lines.iter().map(|line| line.cell))?;
        let Some(size) = cut.cohort else { return Ok(makespan(seconds.into_iter(), cut.cpus)) };
        let order: Vec<usize> = (0..lines.len()).collect();
        let shapes: Vec<usize> = lines.iter().map(|line| self.campaign.cell_shape(line.cell)).collect();
        Ok(cohorts_of(&order, &shapes, &seconds, size).iter().map(|(_, seconds)| seconds).sum())
    }

    /// A new plan.
    ///
    /// # Errors
    /// Shards that cannot be.
    pub fn plan(&self, source: StudySource, tunes: bool, cut: &Cut) -> Result<PlanFile> {
        let all: Vec<&PlannedRun> = self.runs.iter().collect();
        let costs: Vec<f64> = all.iter().map(|run| self.campaign.cost(run)).collect();
        let (shards, shard_of) = match cut.cohort {
            None => {
                let seconds =
                    || Ok(self.seconds(all.iter().map(|run| run.cell))?.iter().sum::<f64>() / cut.cpus as f64);
                let shards = cut.number(seconds, all.len(), cut::most(all.len(), cut.cpus), "runs")?;
                (shards, by_cost(&costs, shards))
            }
            Some(size) => {
                let shapes: Vec<usize> = all.iter().map(|run| self.campaign.shape(run)).collect();
                let cohorts = |costs: &[f64]| cohorts_of(&self.campaign.order(&all), &shapes, costs, size);
                let together = cohorts(&costs);
                // A cohort takes about as long on a GPU as one of its runs on a core.
                let seconds = || {
                    let seconds = self.seconds(all.iter().map(|run| run.cell))?;
                    Ok(cohorts(&seconds).iter().map(|(_, seconds)| seconds).sum())
                };
                let shards = cut.number(seconds, together.len(), together.len(), "cohorts")?;
                (shards, by_cohort(&together, all.len(), shards))
            }
        };
        let header = Header {
            version: env!("CARGO_PKG_VERSION").into(),
            study: self.campaign.study.name.clone(),
            data_sha256: self.campaign.data.dataset.sha256.clone(),
            shards,
            cohort: cut.cohort,
            tunes,
            source,
        };
        let line = |(run, shard)| PlanLine::new(self.campaign, run, shard);
        Ok(PlanFile { header, runs: self.runs.iter().zip(shard_of).map(line).collect() })
    }
}

impl Cut {
    /// The number of shards, for work that takes one task so many seconds.
    fn number(
        &self,
        seconds: impl Fn() -> Result<f64>,
        pieces: usize,
        most: usize,
        what: &str,
    ) -> Result<usize, anyhow::Error> {
        let (limit, whose) = self.limit;
        let Some(shards) = self.shards else {
            return Ok(cut::number(seconds()?, self.minutes, most, limit));
        };
        let wrong = match shards {
            0 => "expected at least 1".into(),
            n if n > limit => format!("{whose} takes at most {limit}"),
            n if n > pieces => format!("the plan has {pieces} {what}, and a shard has at least one"),
            n => return Ok(n),
        };
        Err(UsageError(format!("--shards {shards}: {wrong}")).into())
    }
}

/// The plan to go on with, if `dir` holds one of these runs, or of an earlier round of the same study; none if a new one is due.
///
/// # Errors
/// The plan that is there is another's, and not all of its runs are.
pub fn to_go_on_with(
    work: &Work<'_>,
    source: &StudySource,
    cut: &Cut,
    dir: &Path,
    overwrite: bool,
) -> Result<Option<Kept>> {
    let Some(kept) = (if overwrite { None } else { PlanFile::read(dir)? }) else { return Ok(None) };
    let (old, new) = (&kept.plan, work.runs);
    let same = old.runs.iter().map(|line| &line.run).eq(new.iter().map(|run| &run.name));
    let done = kept.plan.missing(dir)?.is_empty();
    if !same && done {
        return Ok(None);
    }
    kept.check(None)?;
    let round = old.header.tunes && old.header.source == *source;
    if !same && !round {
        let differs = old.runs.iter().zip(new).find(|(line, run)| line.run != run.name);
        let differs = differs.map_or_else(
            || format!("it has {} runs, now {}", old.runs.len(), new.len()),
            |(line, run)| format!("its {} is now {}", line.run, run.name),
        );
        return Err(ClusterError::OtherPlan { path: kept.path().into(), differs }.into());
    }
    match cut.shards {
        Some(shards) if shards != old.header.shards => Err(UsageError(format!(
            "--shards {shards}: {} is cut into {}, which tasks may be at; leave the option out, or write a new plan with --overwrite",
            kept.path().display(),
            old.header.shards
        ))
        .into()),
        _ if cut.cohort != old.header.cohort => Err(UsageError(format!(
            "--device: {} is cut for {}; give the same device and --cohort as before, or write a new plan with --overwrite",
            kept.path().display(),
            old.header.cohort.map_or_else(|| "cores".into(), |size| format!("cohorts of {size} on a GPU"))
        ))
        .into()),
        _ => Ok(Some(kept)),
    }
}
