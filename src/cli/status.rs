//! `initlab status`: how a study on a cluster stands.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::path::path;
use crate::cli::run_place::refuse_misspelt;
use crate::cli::study_source;
use crate::cluster::error::ClusterError;
use crate::cluster::plan_file::Kept;
use crate::cluster::script::LOGS;
use crate::cluster::slurm;
use crate::cluster::status::{ArrayStatus, Status, status};
use crate::cluster::{indices, shell, submission};
use crate::report::text::visible;

/// Say how a study on a cluster stands: runs done, running, missing and failed.
///
/// All of it is told by the files of the study; the queue is asked, too, where it answers.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Directory of the study.
    #[arg(value_name = "DIR", value_parser = path())]
    dir: PathBuf,
    /// Print a JSON object instead.
    #[arg(long)]
    json: bool,
}

/// Failures that are told; of the others only their number.
const TOLD: usize = 10;

/// Prints how the study stands.
///
/// # Errors
/// There is no plan, or it is not as it was written.
pub fn run(args: &StatusArgs) -> Result<()> {
    refuse_misspelt(&args.dir)?;
    let plan = study_source::plan(&args.dir)?;
    let arrays: Vec<_> =
        submission::read_all(plan.dir(), plan.short_sum())?.into_iter().map(|submission| submission.array).collect();
    let queue =
        if arrays.is_empty() { Ok(Vec::new()) } else { slurm::queue(&arrays).map_err(|error| error.to_string()) };
    let status = status(&plan, queue.as_deref().map_err(Clone::clone))?;
    let text = if args.json {
        serde_json::to_string_pretty(&status).expect("a status is made of strings and numbers") + "\n"
    } else {
        text(&status, &plan)
    };
    super::print(&text)
}

fn text(status: &Status, plan: &Kept) -> String {
    let Status { runs, shards, done, diverged, running, missing, half_done, failed, .. } = status;
    let part = |n: &usize, what: &str| if *n > 0 { format!(" ({n} {what})") } else { String::new() };
    let mut lines = vec![
        format!("{}: {runs} runs in {shards} shards, {}", visible(&status.study), plan.dir().display()),
        format!("  done    {done:>6}{}", part(diverged, "diverged, which is a result")),
        format!("  running {running:>6}"),
        format!("  missing {missing:>6}{}", part(half_done, "half done")),
        format!("  failed  {:>6}", failed.len()),
    ];
    lines.extend(
        failed.iter().take(TOLD).map(|failed| format!("    {}: {}", visible(&failed.run), visible(&failed.error))),
    );
    if failed.len() > TOLD {
        lines.push(format!("    and {} more", failed.len() - TOLD));
    }
    lines.extend(status.arrays.iter().map(|array| words(array, plan)));
    lines.extend(status.queue.iter().map(|why| format!("what is in the queue is not known: {why}")));
    if let Err(error @ ClusterError::Version { .. }) = plan.check(None) {
        lines.push(error.to_string());
    }
    lines.push(next(status, plan));
    lines.join("\n") + "\n"
}

fn words(array: &ArrayStatus, plan: &Kept) -> String {
    let ArrayStatus { id, tasks, queued, silent } = array;
    let state = match queued {
        None => "state not known".into(),
        Some(queued) if queued.is_empty() => "over".into(),
        Some(queued) => {
            let states = queued.iter().map(|(state, n)| format!("{n} {}", state.to_lowercase()));
            states.collect::<Vec<_>>().join(", ")
        }
    };
    let line = format!("array {id} of {tasks} shards: {state}");
    if silent.is_empty() {
        return line;
    }
    let logs = plan.dir().join(LOGS);
    format!(
        "{line}\n  its shards {} left no sign in {}: do the nodes see that directory? See {}/{id}_*.log and\n  `scontrol show job {id}`",
        indices::text(silent),
        plan.dir().display(),
        logs.display()
    )
}

/// Names the next step for the user.
fn next(status: &Status, plan: &Kept) -> String {
    let in_queue = status.arrays.iter().filter_map(|array| array.queued.as_ref()).any(|queued| !queued.is_empty());
    if status.done < status.runs {
        return match (in_queue || status.running > 0, status.open.as_slice()) {
            (true, _) => "some of it is on its way".into(),
            (false, open) => format!(
                "not done are runs of the shards {}: `initlab submit` as before submits them again",
                indices::text(open)
            ),
        };
    }
    let path = shell::word(&plan.path().display().to_string());
    if plan.plan.header.tunes {
        "all learning rates were tried: `initlab submit` as before submits what follows".into()
    } else if plan.dir().join(crate::study::export::FILE).exists() {
        format!("the report is in {}", plan.dir().join(crate::report::FILE).display())
    } else {
        format!("all runs are there; the report: initlab compare --plan {path} --report-only")
    }
}
