//! How a plan stands, from the files of its study alone; what the queue says is taken into account where it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::cluster::plan_file::{Kept, PlanLine};
use crate::cluster::replies::Queued;
use crate::cluster::shard_record::{self, Stage, Told};
use crate::cluster::submission::{self, Submission};
use crate::record::RecordError;
use crate::record::apart::is_laid_aside;
use crate::record::summary::Outcome;

/// How a plan stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Name of the study.
    pub study: String,
    /// Runs of the plan.
    pub runs: usize,
    /// Its shards.
    pub shards: usize,
    /// Runs that have ended, by finishing or by diverging.
    pub done: usize,
    /// Finished runs that diverged.
    pub diverged: usize,
    /// Runs that a task is at.
    pub running: usize,
    /// Runs that are still to be made.
    pub missing: usize,
    /// Missing runs that were stopped half-way and go on from there.
    pub half_done: usize,
    /// Runs that could not be made, or whose result cannot be read.
    pub failed: Vec<Failed>,
    /// Shards with runs that are not done.
    pub open: Vec<usize>,
    /// Arrays that were submitted, in order.
    pub arrays: Vec<ArrayStatus>,
    /// Why nothing is known of the queue, if nothing is.
    pub queue: Option<String>,
}

/// A run that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Name of its directory.
    pub run: String,
    /// The error, in words.
    pub error: String,
}

/// How an array stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrayStatus {
    /// Its job.
    pub id: u64,
    /// Its tasks.
    pub tasks: usize,
    /// Tasks in the queue, by state; absent if the queue is not known.
    pub queued: Option<BTreeMap<String, usize>>,
    /// Its shards that are neither in the queue nor done, and of which no task ever told anything in the study's directory: their nodes
    /// may not see it.
    pub silent: Vec<usize>,
}

/// Looks at the plan, whose tasks in the queue are these, if the queue is known.
///
/// # Errors
/// A directory cannot be listed.
pub fn status(plan: &Kept, queue: Result<&[Queued], String>) -> Result<Status, RecordError> {
    let (dir, header) = (plan.dir(), &plan.plan.header);
    let tasks = shard_record::read_all(dir, plan.short_sum())?;
    let known = queue.as_ref().ok().copied();
    let at_work = |told: &&Told| is_at_work(told, known);
    let running: BTreeSet<&str> =
        tasks.iter().filter(at_work).flat_map(|told| told.record.at.iter().map(String::as_str)).collect();
    let failures = tasks.iter().flat_map(|told| &told.record.failures);
    let failures: BTreeMap<&str, &str> =
        failures.map(|failure| (failure.dir.as_str(), failure.error.as_str())).collect();
    let mut status = Status {
        study: header.study.clone(),
        runs: plan.plan.runs.len(),
        shards: header.shards,
        done: 0,
        diverged: 0,
        running: 0,
        missing: 0,
        half_done: 0,
        failed: Vec::new(),
        open: Vec::new(),
        arrays: Vec::new(),
        queue: queue.as_ref().err().cloned(),
    };
    let mut open = BTreeSet::new();
    for line in &plan.plan.runs {
        if !status.count(line, dir, &header.data_sha256, &running, &failures) {
            open.insert(line.shard);
        }
    }
    status.open = open.into_iter().collect();
    let submissions = submission::read_all(dir, plan.short_sum())?;
    status.arrays = submissions.iter().map(|submission| status.array(submission, &tasks, known)).collect();
    Ok(status)
}

/// True if a task is at work: the queue knows best, and of a task that is none of Slurm's its file tells.
fn is_at_work(told: &Told, queue: Option<&[Queued]>) -> bool {
    match (told.record.task, queue) {
        (Some(task), Some(queue)) => {
            let own = |queued: &&Queued| queued.array == task.array && queued.index == task.index;
            told.record.stage == Stage::AtWork && queue.iter().find(own).is_some_and(Queued::is_running)
        }
        (None, _) | (_, None) => told.is_at_work(),
    }
}

impl Status {
    /// Counts a run; says whether it is done.
    fn count(
        &mut self,
        line: &PlanLine,
        dir: &Path,
        data_sha256: &str,
        running: &BTreeSet<&str>,
        failures: &BTreeMap<&str, &str>,
    ) -> bool {
        let name = line.run.as_str();
        let mut failed = |error: String| self.failed.push(Failed { run: name.into(), error });
        match line.result(dir, data_sha256) {
            Ok(Some(summary)) => {
                self.done += 1;
                self.diverged += usize::from(summary.outcome == Outcome::Diverged);
                return true;
            }
            Err(error) => failed(error.in_study().to_string()),
            Ok(None) if running.contains(name) => self.running += 1,
            Ok(None) => match failures.get(name) {
                Some(error) => failed((*error).into()),
                None => {
                    self.missing += 1;
                    self.half_done += usize::from(is_laid_aside(&dir.join("runs").join(name)));
                }
            },
        }
        false
    }

    fn array(&self, submission: &Submission, tasks: &[Told], queue: Option<&[Queued]>) -> ArrayStatus {
        let id = submission.array.id;
        let of = |queue: &[Queued]| -> Vec<Queued> {
            queue.iter().filter(|task| task.array == id && task.is_to_come()).cloned().collect()
        };
        let queued = queue.map(of);
        let states = |tasks: &Vec<Queued>| {
            let mut states = BTreeMap::new();
            tasks.iter().for_each(|task| *states.entry(task.state.clone()).or_insert(0) += 1);
            states
        };
        let is_silent = |shard: &&usize| {
            let in_queue = queued.as_ref().is_none_or(|tasks| tasks.iter().any(|task| task.index == **shard));
            !in_queue && self.open.contains(shard) && tasks.iter().all(|told| told.record.shard != **shard)
        };
        ArrayStatus {
            id,
            tasks: submission.shards.len(),
            queued: queued.as_ref().map(states),
            silent: submission.shards.iter().filter(is_silent).copied().collect(),
        }
    }
}
