//! `initlab submit`: a study as an array of jobs on a Slurm cluster.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::device::DeviceChoice;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::submit_jobs::{Job, say_done, say_plan};
use crate::cli::submit_plan::{Cut, Work, to_go_on_with};
use crate::cli::{UsageError, complete, dataset, study_source};
use crate::cluster::plan_file::{Kept, PlanFile, PlanLine};
use crate::cluster::script::{self, LOGS};
use crate::cluster::{cut, flags, shard_record, slurm, submission};
use crate::record::RecordError;
use crate::record::whole::make_directory;
use crate::study::directory::StudyDir;

/// Make a study on a Slurm cluster: its plan in a file, cut into shards, each a task of a job array, and a report after them.
///
/// Called again, it submits the shards of which runs are missing.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// The study, such as configs/lesson8.toml.
    #[arg(value_parser = path(), add = complete::toml_file())]
    study: PathBuf,
    /// Directory of the study, on a disk that all nodes see.
    #[arg(long, value_name = "DIR", value_parser = path())]
    out: PathBuf,
    /// Change one value of the study file; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", add = complete::study_set())]
    sets: Vec<String>,
    #[arg(long, help = dataset::other_dataset(), value_name = "NAME|DIR", add = complete::dataset())]
    dataset: Option<String>,
    #[arg(long, help = dataset::data(), value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
    /// Number of shards [default: as many as take about --minutes each].
    #[arg(long, value_name = "K", conflicts_with = "minutes")]
    shards: Option<usize>,
    /// Minutes that a shard is to take, by a few steps of some runs that are taken here.
    #[arg(long, value_name = "M", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1440))]
    minutes: u16,
    /// The most shards that run at a time [default: as many as the cluster lets].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    at_once: Option<u16>,
    /// Cores of a shard, each of which makes a run at a time.
    #[arg(long, value_name = "C", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1024))]
    cpus: u16,
    /// Time limit of a shard, as Slurm writes it [default: twice the estimate and ten minutes].
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// A file of shell lines to run before each shard, such as `module load`.
    #[arg(long, value_name = "FILE", value_parser = path())]
    prelude: Option<PathBuf>,
    /// Where to compute: cpu, or cuda, for which a shard asks for a GPU and has whole cohorts.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", add = complete::device())]
    device: DeviceChoice,
    /// The most runs of equal shape that train at once on a GPU [default: 64].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    cohort: Option<u16>,
    /// Let this plan take the place of another that the directory holds; runs stay.
    #[arg(long)]
    overwrite: bool,
    /// Submit and write nothing: print the script.
    #[arg(long, conflicts_with = "plan_only")]
    dry_run: bool,
    /// Submit nothing: write the plan, for other schedulers.
    #[arg(long)]
    plan_only: bool,
    /// Flags for sbatch, as they are.
    #[arg(last = true, value_name = "SBATCH FLAGS")]
    flags: Vec<String>,
}

/// Submits what is missing of the study, and prints the jobs.
///
/// # Errors
/// The call, the study, the data, the directory, or Slurm.
pub fn run(args: &SubmitArgs) -> Result<()> {
    args.check()?;
    let limit = args.limit()?;
    let prelude = args.prelude.as_deref().map(read_prelude).transpose()?;
    let dir = absolute(&args.out).with_context(|| format!("{}: cannot tell where it is", args.out.display()))?;
    if let Some(what) = script::unwritable(&dir) {
        return Err(UsageError(format!("--out: {} holds {what}, which a script of Slurm cannot", dir.display())).into());
    }
    let (source, study) = study_source::read(&args.study, &args.sets, args.dataset.as_deref())?;
    let mut campaign = study_source::campaign(study, args.data.as_deref(), true)?;
    let own = StudyDir::new(&dir, &campaign.study, &campaign.data.dataset.sha256, &campaign.runs);
    own.check(args.overwrite)?;
    let first = campaign.settle(&dir)?;
    let runs = if first.is_empty() { &campaign.runs } else { &first };
    let (work, cut) = (Work::new(&campaign, runs), args.cut(limit));
    let kept = to_go_on_with(&work, &source, &cut, &dir, args.overwrite)?;
    let plan = match &kept {
        Some(kept) => kept.plan.clone(),
        None => work.plan(source, !first.is_empty(), &cut)?,
    };
    let missing = plan.missing(&dir)?;
    if missing.is_empty() {
        return say_done(&plan, &dir);
    }
    let shards = shards_of(&missing);
    if args.plan_only {
        warn_of_private_disk(&dir);
        return say_plan(&write(&own, kept, plan, &dir, args.overwrite)?);
    }
    let job = args.job(&dir, prelude.as_deref(), args.time(&work, &plan, &missing, &cut)?);
    if args.dry_run {
        let sum = kept.map_or_else(|| plan.short_sum(), |kept| kept.short_sum().into());
        return super::print(&job.array(&plan, &sum, &shards)?.text());
    }
    warn_of_private_disk(&dir);
    job.submit(&write(&own, kept, plan, &dir, args.overwrite)?, &shards)
}

/// Writes the plan, unless it is there, and makes the directories that tasks write into.
fn write(own: &StudyDir, kept: Option<Kept>, plan: PlanFile, dir: &Path, overwrite: bool) -> Result<Kept> {
    let write = || -> Result<Kept, RecordError> {
        own.claim(overwrite)?;
        let _lock = own.hold()?;
        for part in [LOGS, submission::DIRECTORY, shard_record::DIRECTORY] {
            make_directory(&dir.join(part))?;
        }
        kept.map_or_else(|| plan.write(dir), Ok)
    };
    Ok(write().map_err(RecordError::in_study)?)
}

/// The shards of these runs, ascending.
fn shards_of(lines: &[&PlanLine]) -> Vec<usize> {
    let mut shards: Vec<usize> = lines.iter().map(|line| line.shard).collect();
    shards.sort_unstable();
    shards.dedup();
    shards
}

fn read_prelude(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("--prelude: {} cannot be read: {error}", path.display())).into())
}

/// Says that tasks may not see a directory that most machines have for themselves.
fn warn_of_private_disk(dir: &Path) {
    if let Some(private) = ["/tmp", "/var/tmp", "/dev/shm", "/run"].iter().find(|private| dir.starts_with(private)) {
        say(&format!(
            "{} is below {private}, which each machine mostly has for itself: do the nodes see it?",
            dir.display()
        ));
    }
}

impl SubmitArgs {
    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(UsageError(what).into());
        if let Some(what) = flags::refused(&self.flags) {
            return wrong(what);
        }
        if let Some(time) = self.time.as_ref().filter(|time| !script::is_time(time)) {
            return wrong(format!(
                "--time {time}: expected a time as Slurm writes it, such as 30, 1:30:00 or 1-12:00:00"
            ));
        }
        if self.cohort.is_some() && self.device == DeviceChoice::Cpu {
            return wrong("--cohort: runs train at once on a GPU only; add --device cuda".into());
        }
        Ok(())
    }

    /// The most shards, and who says so. Asks the cluster, and is the first to find that there is none.
    fn limit(&self) -> Result<(usize, &'static str)> {
        let own = (cut::MOST, "initlab");
        if self.plan_only || (self.dry_run && slurm::check().is_err()) {
            return Ok(own);
        }
        slurm::check().map_err(|error| {
            anyhow::anyhow!(
                "{error}: call this on a login node of a Slurm cluster, perhaps after `module load slurm`; --dry-run prints the \
                 script, --plan-only writes the plan for other schedulers, and `initlab compare` makes the study on this machine"
            )
        })?;
        match slurm::max_array_size() {
            Ok(Some(size)) if size < own.0 => Ok((size, "the cluster's MaxArraySize")),
            Ok(Some(_)) => Ok(own),
            Ok(None) => {
                say("`scontrol show config` tells no MaxArraySize");
                Ok(own)
            }
            Err(error) if self.dry_run => {
                say(&format!("Slurm does not answer: {error}"));
                Ok(own)
            }
            Err(error) => Err(anyhow::anyhow!("Slurm does not answer: {error}")),
        }
    }

    fn job<'a>(&'a self, dir: &'a Path, prelude: Option<&'a str>, time: String) -> Job<'a> {
        Job {
            dir,
            prelude,
            time,
            is_time_given: self.time.is_some(),
            cpus: self.cpus.into(),
            at_once: self.at_once.map(Into::into),
            device: (self.device != DeviceChoice::Cpu).then(|| self.device.to_string()),
            cohort: self.cohort,
            data: self.data.as_deref(),
            flags: &self.flags,
        }
    }

    fn cut(&self, limit: (usize, &'static str)) -> Cut {
        Cut {
            shards: self.shards,
            minutes: self.minutes.into(),
            cpus: self.cpus.into(),
            cohort: (self.device != DeviceChoice::Cpu).then(|| self.cohort.map_or(64, usize::from)),
            limit,
        }
    }

    /// The time limit: what is given, or what the longest shard may take.
    fn time(&self, work: &Work<'_>, plan: &PlanFile, missing: &[&PlanLine], cut: &Cut) -> Result<String> {
        if let Some(time) = &self.time {
            return Ok(time.clone());
        }
        let mut longest: f64 = 0.0;
        for shard in 0..plan.header.shards {
            let lines: Vec<&PlanLine> = missing.iter().filter(|line| line.shard == shard).copied().collect();
            if !lines.is_empty() {
                longest = longest.max(work.shard_seconds(&lines, cut)?);
            }
        }
        Ok(script::time(2.0 * longest + 600.0))
    }
}
