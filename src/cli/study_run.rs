//! Runs of a study carried out, with their progress on stderr.

use crate::cli::interrupt::STOP;
use crate::cli::study_progress::StudyProgress;
use crate::study::attempt::Attempt;
use crate::study::execute::{Happening, Manner};
use crate::study::place::Growth;
use crate::study::record::Failure;
use crate::study::{Campaign, PlannedRun};
use std::path::Path;

/// Carries out `runs`; gives those that failed. `look` sees the index of a run and what happens to it, and may have a line to say.
pub fn carry_out(
    campaign: &Campaign,
    runs: &[&PlannedRun],
    (dir, growth): (&Path, Growth),
    manner: &Manner,
    look: impl Fn(usize, &Happening<'_>) -> Option<String> + Sync,
) -> Vec<Failure> {
    let progress = StudyProgress::new(campaign, runs, manner.workers());
    let attempts = campaign.execute(runs, (dir, growth), manner, &STOP, |at, happening| {
        progress.show(at, &happening);
        look(at, &happening).iter().for_each(|line| progress.say(line));
    });
    progress.finish();
    let mut failures = Vec::new();
    for (run, attempt) in runs.iter().zip(attempts) {
        if let Attempt::Failed(error) = attempt {
            failures.push(Failure { dir: run.relative_dir(dir), error });
        }
    }
    failures
}

/// The error that tells which runs failed.
pub fn failed(failures: &[Failure], of: usize) -> anyhow::Error {
    let Failure { dir, error } = &failures[0];
    anyhow::anyhow!("{} of {of} runs failed; the first, {dir}: {error}", failures.len())
}
