//! The jobs that `initlab submit` hands to Slurm: an array for the shards, and a report after it.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result};

use crate::cli::call;
use crate::cli::file_name;
use crate::cli::output::say;
use crate::cluster::plan_file::{FILE, Kept, PlanFile};
use crate::cluster::script::{self, Array, Script};
use crate::cluster::slurm::{self, SlurmError};
use crate::cluster::submission::{self, Submission};
use crate::cluster::{flags, indices, shell};
use crate::record::RecordError;
use crate::record::lock::Lock;
use crate::record::whole::{remove_unfinished, write_whole};
use crate::report::text::visible;

/// Settings that the jobs of a study share.
pub struct Job<'a> {
    /// The study's directory, absolute.
    pub dir: &'a Path,
    /// Lines to run first.
    pub prelude: Option<&'a str>,
    /// Time limit of a shard.
    pub time: String,
    /// True if the user gave it, so that the environment's does not count.
    pub is_time_given: bool,
    /// Cores of a shard.
    pub cpus: usize,
    /// The most shards at a time.
    pub at_once: Option<usize>,
    /// Where to compute, if not on cores.
    pub device: Option<String>,
    /// The most runs that train at once there.
    pub cohort: Option<u16>,
    /// Where the files of the data set are.
    pub data: Option<&'a Path>,
    /// Flags for `sbatch`.
    pub flags: &'a [String],
}

impl Job<'_> {
    /// The script of the shards.
    ///
    /// # Errors
    /// The system does not tell where this program is.
    pub fn array(&self, plan: &PlanFile, sum: &str, shards: &[usize]) -> Result<Script<'_>> {
        let mut command = self.compare(sum)?;
        command.extend(self.device.iter().flat_map(|device| ["--device".into(), device.clone()]));
        command.extend(self.cohort.iter().flat_map(|size| ["--cohort".into(), size.to_string()]));
        let header = &plan.header;
        Ok(Script {
            what: format!("{}: {} runs in {} shards", visible(&header.study), plan.runs.len(), header.shards),
            cpus: self.cpus,
            time: self.time.clone(),
            array: Some(Array {
                indices: indices::text(shards),
                at_once: self.at_once,
                shards: header.shards,
                gres: (self.device.is_some() && !flags::ask_for_gpus(self.flags)).then_some("gpu:1"),
            }),
            ..self.script(header.study.as_str(), command)
        })
    }

    /// The script of the report.
    fn report(&self, plan: &PlanFile, sum: &str) -> Result<Script<'_>> {
        let mut command = self.compare(sum)?;
        command.push("--report-only".into());
        let what = format!("{}: the report", visible(&plan.header.study));
        Ok(Script { what, ..self.script(plan.header.study.as_str(), command) })
    }

    fn script(&self, study: &str, command: Vec<String>) -> Script<'_> {
        Script {
            what: String::new(),
            name: format!("initlab-{}", file_name(study)),
            cpus: 1,
            time: script::time(1800.0),
            dir: self.dir,
            prelude: self.prelude,
            command,
            array: None,
        }
    }

    /// The command that takes this plan.
    fn compare(&self, sum: &str) -> Result<Vec<String>> {
        let own = call::own().context("cannot tell where initlab is")?;
        let plan = self.dir.join(FILE);
        let mut words: Vec<String> = vec![own.display().to_string(), "compare".into()];
        words.extend(["--plan".into(), plan.display().to_string(), "--plan-sum".into(), sum.into()]);
        if let Some(data) = self.data {
            words.extend(["--data".into(), absolute(data)?.display().to_string()]);
        }
        Ok(words)
    }

    /// Submits the shards that no earlier array has in the queue, and the report, and prints their jobs.
    ///
    /// # Errors
    /// A file cannot be written, or Slurm refuses.
    pub fn submit(&self, plan: &Kept, shards: &[usize]) -> Result<()> {
        let slurm = self.dir.join(submission::DIRECTORY);
        let _lock = Lock::take(&slurm)?;
        remove_unfinished(&slurm)?;
        let earlier = earlier(plan)?;
        let left: Vec<usize> = earlier.iter().flat_map(|(_, shards)| shards.iter().copied()).collect();
        for (array, shards) in &earlier {
            say(&format!(
                "array {array} of this plan is still in the queue: shards {} are left to it",
                indices::text(shards)
            ));
        }
        let shards: Vec<usize> = shards.iter().copied().filter(|shard| !left.contains(shard)).collect();
        if shards.is_empty() {
            return super::print("nothing to submit: all shards with missing runs are in the queue\n");
        }
        let number = submission::next(self.dir)?;
        let script = self.write(number, ".sbatch", &self.array(&plan.plan, plan.short_sum(), &shards)?)?;
        let array = slurm::submit(&script, self.flags, self.is_time_given)?;
        let mut submission = Submission { plan: plan.short_sum().into(), shards: shards.clone(), array, report: None };
        submission.write(self.dir, number)?;
        let mut lines =
            vec![format!("array {}: shards {}, {}", submission.array.id, indices::text(&shards), script.display())];
        let mut jobs = vec![submission.array.id.to_string()];
        if plan.plan.header.tunes {
            lines.push(
                "these runs look for learning rates: when they have ended, the same command submits what follows"
                    .into(),
            );
        } else {
            let script = self.write(number, "-report.sbatch", &self.report(&plan.plan, plan.short_sum())?)?;
            let others = earlier.iter().map(|(id, _)| format!("afterany:{id},"));
            let after = format!("--dependency={}afterok:{}", others.collect::<String>(), submission.array.id);
            let mut words = vec![after, "--kill-on-invalid-dep=yes".into()];
            words.extend(flags::without_gpus(self.flags));
            let report = slurm::submit(&script, &words, true).map_err(|error| self.without_report(&error, &jobs[0]))?;
            lines.push(format!("report {}: when the shards have ended well", report.id));
            jobs.push(report.id.to_string());
            submission.report = Some(report);
            submission.write(self.dir, number)?;
        }
        lines.push(format!("  squeue --jobs {}", jobs.join(",")));
        lines.push(format!("  scancel {}", jobs.join(" ")));
        lines.push(format!("  initlab status {}", shell::word(&self.dir.display().to_string())));
        super::print(&(lines.join("\n") + "\n"))
    }

    fn without_report(&self, error: &SlurmError, array: &str) -> anyhow::Error {
        let plan = shell::word(&self.dir.join(FILE).display().to_string());
        anyhow::anyhow!(
            "array {array} was submitted, but not the report that is to follow: {error}; when `initlab status` tells that all runs are \
             done, make it by `initlab compare --plan {plan} --report-only`"
        )
    }

    fn write(&self, number: usize, end: &str, script: &Script<'_>) -> Result<PathBuf> {
        let path = submission::file(self.dir, number, end);
        write_whole(&path, script.text().as_bytes()).map_err(RecordError::in_study)?;
        Ok(path)
    }
}

/// Prints how any scheduler makes the shards of a plan.
///
/// # Errors
/// Nobody reads.
pub fn say_plan(plan: &Kept) -> Result<()> {
    let (path, shards) = (shell::word(&plan.path().display().to_string()), plan.plan.header.shards);
    super::print(&format!(
        "{} runs in {shards} shards: for i from 0 to {}\n  initlab compare --plan {path} --shard i/{shards}\nand then\n  \
         initlab compare --plan {path} --report-only\n",
        plan.plan.runs.len(),
        shards - 1
    ))
}

/// Prints that nothing is left to submit.
///
/// # Errors
/// Nobody reads.
pub fn say_done(plan: &PlanFile, dir: &Path) -> Result<()> {
    let path = shell::word(&dir.join(FILE).display().to_string());
    super::print(&format!(
        "all {} runs are there; the report:\n  initlab compare --plan {path} --report-only\n",
        plan.runs.len()
    ))
}

/// Arrays of this plan that are still in the queue, each with the shards that it is still to make.
fn earlier(plan: &Kept) -> Result<Vec<(u64, Vec<usize>)>> {
    let arrays: Vec<_> = submission::read_all(plan.dir(), plan.short_sum())?.into_iter().map(|one| one.array).collect();
    if arrays.is_empty() {
        return Ok(Vec::new());
    }
    let queued = slurm::queue(&arrays).unwrap_or_else(|error| {
        say(&format!("whether earlier arrays are still in the queue is not known: {error}"));
        Vec::new()
    });
    let left = |id: u64| {
        let mut shards: Vec<usize> =
            queued.iter().filter(|task| task.array == id && task.is_to_come()).map(|task| task.index).collect();
        shards.sort_unstable();
        shards
    };
    Ok(arrays.iter().map(|array| (array.id, left(array.id))).filter(|(_, shards)| !shards.is_empty()).collect())
}
