//! A shard of a plan, made by a task of a cluster.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;

use crate::cli::interrupt::{is_stopped, stopped};
use crate::cli::output::say;
use crate::cli::study_run::{carry_out, failed};
use crate::cluster::plan_file::Kept;
use crate::cluster::shard_record::{BEAT, ShardRecord, Stage};
use crate::study::attempt::Attempt;
use crate::study::execute::{Happening, Manner};
use crate::study::place::Growth;
use crate::study::plan::Shard;
use crate::study::record::Failure;
use crate::study::{Campaign, PlannedRun};

/// Makes the runs of a shard that are missing.
///
/// # Errors
/// The plan is cut otherwise, a file cannot be read or written, or a run failed.
pub fn run(campaign: &Campaign, plan: &Kept, shard: Shard, manner: &Manner) -> Result<ExitCode> {
    let dir = plan.dir();
    let runs = plan.shard(shard, &campaign.study)?;
    let missing = Shard::WHOLE.missing(&runs, dir)?;
    let teller = Teller::new(plan, shard, &missing)?;
    let failures = carry_out(campaign, &missing, (dir, Growth::Apart), manner, |at, happening| {
        teller.see(at, happening);
        None
    });
    let left = Shard::WHOLE.missing(&runs, dir)?.len();
    let stage = match (left, is_stopped()) {
        (0, _) => Stage::Done,
        (_, true) => Stage::Stopped,
        (_, false) => Stage::Failed,
    };
    teller.end(stage);
    say(&format!("shard {} of {}: {} of {} runs are done", shard.index, shard.of, runs.len() - left, runs.len()));
    match stage {
        Stage::Done => Ok(ExitCode::SUCCESS),
        Stage::Stopped => Ok(stopped()),
        Stage::AtWork | Stage::Failed if failures.is_empty() => anyhow::bail!(
            "{left} runs are held by another process of this machine, such as `initlab compare` without a plan; submit again when it \
             is over"
        ),
        Stage::AtWork | Stage::Failed => Err(failed(&failures, runs.len())),
    }
}

/// Tells in the study's directory what the task is at.
struct Teller<'a> {
    plan: &'a Kept,
    names: Vec<&'a str>,
    state: Mutex<(ShardRecord, Instant)>,
}

impl<'a> Teller<'a> {
    fn new(plan: &'a Kept, shard: Shard, runs: &[&'a PlannedRun]) -> Result<Self> {
        let record = ShardRecord::begin(plan.short_sum(), shard.index);
        record.write(plan.dir())?;
        let names = runs.iter().map(|run| run.name.as_str()).collect();
        Ok(Self { plan, names, state: Mutex::new((record, Instant::now())) })
    }

    fn see(&self, at: usize, happening: &Happening<'_>) {
        let mut state = self.state.lock().expect("no thread panics while it tells");
        let (record, told) = &mut *state;
        let name = self.names[at];
        let news = match happening {
            Happening::Begins => {
                record.at.push(name.into());
                true
            }
            Happening::Trains(_) => false,
            Happening::Over(attempt) => {
                record.at.retain(|at| at != name);
                if let Attempt::Failed(error) = attempt {
                    record.failures.push(Failure { dir: name.into(), error: error.clone() });
                }
                true
            }
        };
        if news || told.elapsed() > BEAT {
            *told = Instant::now();
            // What cannot be told hinders no run; what hinders runs says so itself.
            let _ = record.write(self.plan.dir());
        }
    }

    fn end(self, stage: Stage) {
        let (mut record, _) = self.state.into_inner().expect("no thread panics while it tells");
        record.at.clear();
        record.stage = stage;
        if let Err(error) = record.write(self.plan.dir()) {
            say(&format!("the runs are as they are, but `initlab status` will not hear of this task's end: {error}"));
        }
    }
}
