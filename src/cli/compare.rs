//! `initlab compare`: a study of many runs, and which of its arms converges sooner.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::Result;
use clap::Args;

use crate::cli::device::DeviceChoice;
use crate::cli::findings;
use crate::cli::interrupt::{catch_interrupt, is_stopped, stopped};
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::study_markup::{self, Markup};
use crate::cli::study_run::{carry_out, failed};
use crate::cli::{UsageError, file_name};
use crate::cli::{complete, dataset, shard, study_pairs, study_plan, study_power, study_source, study_table};
use crate::cluster::plan_file::Kept;
use crate::cluster::shard_record;
use crate::cluster::source::StudySource;
use crate::config::Experiment;
use crate::config::error::folded;
use crate::record::apart::remove_leftovers;
use crate::record::tensorboard::EventFile;
use crate::record::whole::remove_unfinished;
use crate::report;
use crate::report::text::visible;
use crate::study::attempt::Attempt;
use crate::study::compare::all_pairs;
use crate::study::directory::StudyDir;
use crate::study::estimate::estimate;
use crate::study::execute::{Happening, Manner};
use crate::study::place::Growth;
use crate::study::plan::Shard;
use crate::study::power::seeds_needed;
use crate::study::record::{Failure, StudyRecord};
use crate::study::so_far::SoFar;
use crate::study::{Campaign, PlannedRun, export};
use crate::train::engine::Compute;
use crate::train::memory;
use crate::train::threads::cores;

/// Train every arm of a study over its seeds and say which converges sooner.
///
/// Called again, it goes on where it was: runs that the directory holds are not repeated.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The study, such as configs/lesson8.toml.
    #[arg(value_parser = path(), required_unless_present = "plan", add = complete::toml_file())]
    study: Option<PathBuf>,
    /// Change one value of the study file, such as seeds=3 or set.train.epochs=1; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", add = complete::study_set())]
    sets: Vec<String>,
    #[arg(long, help = dataset::other_dataset(), value_name = "NAME|DIR", add = complete::dataset())]
    dataset: Option<String>,
    #[arg(long, help = dataset::data(), value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
    /// Runs side by side, each on one core; results do not depend on it [default: one for each core, or as many as Slurm gives].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to compute: cpu, cuda, cuda:N, or auto (a GPU if one answers).
    #[arg(long, value_name = "DEVICE", default_value = "cpu", add = complete::device())]
    device: DeviceChoice,
    /// The most runs of equal shape that train at once on a GPU [default: 64].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    cohort: Option<u16>,
    /// Directory of the study [default: studies/NAME].
    #[arg(long, value_name = "DIR", value_parser = path())]
    out: Option<PathBuf>,
    /// Make only the runs whose place in the plan is i modulo K, so that several machines can share the study.
    #[arg(long, value_name = "i/K")]
    shard: Option<Shard>,
    /// Take study and shards from a plan that `initlab submit` wrote; its directory is the study's.
    #[arg(long, value_name = "FILE", value_parser = path(), conflicts_with_all = ["study", "sets", "dataset", "out", "overwrite", "dry_run"])]
    plan: Option<PathBuf>,
    /// Refuse a plan whose sum does not begin with these digits.
    #[arg(long, value_name = "SUM", requires = "plan")]
    plan_sum: Option<String>,
    /// Run nothing: say what would run, how long it would take and how much disk it needs.
    #[arg(long, conflicts_with = "report_only")]
    dry_run: bool,
    /// Run nothing: check that all runs are there, and summarise them.
    #[arg(long)]
    report_only: bool,
    /// Let this study take the place of another that the directory holds; runs stay, summaries are replaced.
    #[arg(long)]
    overwrite: bool,
    /// Compare every arm with every other, too, and not only with the baseline.
    #[arg(long)]
    pairs: bool,
    /// Say how many seeds each arm needs to see a factor in the time to the target, from the spread that its runs have shown.
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, require_equals = true, default_missing_value = "1.5", value_parser = study_power::factor)]
    power: Option<f64>,
    /// Print the object of study.json instead of tables.
    #[arg(long, conflicts_with_all = ["markdown", "latex"])]
    json: bool,
    /// Print the report's tables as Markdown.
    #[arg(long, conflicts_with = "latex")]
    markdown: bool,
    /// Print the report's tables as LaTeX (booktabs).
    #[arg(long)]
    latex: bool,
    /// Leave out report.html and index.md.
    #[arg(long)]
    no_report: bool,
}

/// Runs what is missing of the study and prints the comparison; exit code 130 or 143 if it was interrupted.
///
/// # Errors
/// The call, the study, the data or the directory; a run that failed.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    if args.cohort.is_some() && args.device == DeviceChoice::Cpu {
        return Err(UsageError("--cohort: runs train at once on a GPU only; add --device cuda or auto".into()).into());
    }
    let plan = args.plan()?;
    let manner = if args.report_only || args.dry_run { None } else { Some(args.manner()?) };
    let (source, mut campaign) = args.campaign(plan.as_ref())?;
    let dir = match (&plan, &args.out) {
        (Some(plan), _) => plan.dir().into(),
        (None, Some(out)) => out.clone(),
        (None, None) => Path::new("studies").join(file_name(&campaign.study.name)),
    };
    if args.dry_run {
        return dry_run(args, &mut campaign, &dir);
    }
    let own = StudyDir::new(&dir, &campaign.study, &campaign.data.dataset.sha256, &campaign.runs);
    own.check(args.overwrite)?;
    catch_interrupt()?;
    if let (Some(plan), Some(shard), Some(manner)) = (&plan, args.shard, &manner) {
        return shard::run(&campaign, plan, shard, manner);
    }
    // The search for learning rates goes in rounds: what comes next depends on what came out.
    loop {
        let first = campaign.settle(&dir)?;
        if first.is_empty() {
            break;
        }
        match args.make(&campaign, &first, &dir, &own, manner.as_ref())? {
            Made::All => {}
            Made::Failed(failures) => return Err(failed(&failures, first.len())),
            Made::Part(code) => return Ok(code),
        }
    }
    let failures = match args.make(&campaign, &campaign.runs, &dir, &own, manner.as_ref())? {
        Made::All => Vec::new(),
        Made::Failed(failures) => failures,
        Made::Part(code) => return Ok(code),
    };
    let record = args.summarise(&campaign, source.command(), &dir, &own, failures)?;
    if plan.is_some() {
        remove_leftovers(&dir.join("runs"))?;
        remove_unfinished(&dir.join(shard_record::DIRECTORY))?;
    }
    if args.json {
        super::print(&std::fs::read_to_string(dir.join(export::FILE))?)?;
    } else if let Some(markup) = args.markup() {
        super::print(&study_markup::text(&record, markup))?;
    } else {
        let (table, found) = (study_table::text(&record), findings::text(&record.findings));
        let path = findings::path_of_report(&dir.join(if args.no_report { export::FILE } else { report::FILE }));
        let (pairs, power) = (study_pairs::text(&record), study_power::text(&record));
        super::print(&format!("{table}{pairs}{power}\nrecords in {}\n\n{found}\n{path}", dir.display()))?;
    }
    if record.failures.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(failed(&record.failures, campaign.runs.len())) }
}

/// How complete a list of runs is after an attempt to make them.
enum Made {
    /// All are there.
    All,
    /// All are there but these.
    Failed(Vec<Failure>),
    /// Some are still to be made, by another call or by other shards.
    Part(ExitCode),
}

/// Checks that so many runs side by side fit into memory.
fn fits(campaign: &Campaign, threads: usize) -> Result<()> {
    memory::check_bytes(campaign.memory(threads)).map_err(|found| {
        let most = (1..threads).rev().find(|&fewer| memory::check_bytes(campaign.memory(fewer)).is_ok()).unwrap_or(1);
        UsageError(format!("--threads {threads}: so many runs side by side take {found}; take --threads {most}")).into()
    })
}

fn dry_run(args: &CompareArgs, campaign: &mut Campaign, dir: &Path) -> Result<ExitCode> {
    let memory = campaign.memory(args.threads()).saturating_add(memory::of_data(campaign.data.size()));
    let first = campaign.settle(dir)?;
    let plan = estimate(campaign, &first, args.shard(), dir, args.threads())?;
    super::print(&study_plan::text(&campaign.study, &plan, memory, dir))?;
    Ok(ExitCode::SUCCESS)
}

impl CompareArgs {
    /// The plan that the call names.
    fn plan(&self) -> Result<Option<Kept>> {
        let Some(path) = &self.plan else { return Ok(None) };
        if self.shard.is_none() && !self.report_only {
            return Err(
                UsageError("--plan: give the shard to make, such as --shard 0/4, or --report-only".into()).into()
            );
        }
        let plan = study_source::plan(path)?;
        plan.check(self.plan_sum.as_deref())?;
        Ok(Some(plan))
    }

    /// The study, checked and with its data, and what it was read from.
    fn campaign(&self, plan: Option<&Kept>) -> Result<(StudySource, Campaign)> {
        let (source, study) = match (plan, &self.study) {
            (Some(Kept { plan, .. }), _) => (plan.header.source.clone(), plan.header.source.study()?),
            (None, Some(file)) => study_source::read(file, &self.sets, self.dataset.as_deref())?,
            (None, None) => unreachable!("clap asks for one of them"),
        };
        let campaign = study_source::campaign(study, self.data.as_deref(), !self.dry_run && plan.is_none())?;
        plan.map_or(Ok(()), |plan| plan.check_data(&campaign))?;
        if self.device == DeviceChoice::Cpu && !self.report_only {
            fits(&campaign, self.threads())?;
        }
        Ok((source, campaign))
    }

    fn shard(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }

    /// Carries out `runs`, and says on the way how the arms stand; gives those that failed.
    fn carry_out(&self, campaign: &Campaign, runs: &[&PlannedRun], dir: &Path, manner: &Manner) -> Vec<Failure> {
        let so_far = Mutex::new(SoFar::new(campaign, dir));
        carry_out(campaign, runs, (dir, Growth::Locked), manner, |at, happening| {
            let Happening::Over(Attempt::Ended(_)) = happening else { return None };
            let said = so_far.lock().expect("no thread panics while it looks on").ended(runs[at])?;
            Some(folded(&visible(&said), 2))
        })
    }

    fn manner(&self) -> Result<Manner> {
        Ok(match self.device.compute(self.threads())? {
            Compute::Cpu { threads } => Manner::SideBySide { threads },
            compute @ Compute::Device(_) => Manner::Cohorts { compute, size: self.cohort.map_or(64, usize::from) },
        })
    }

    /// Writes what the runs come to, as far as it changes what is there.
    fn summarise(
        &self,
        campaign: &Campaign,
        command: String,
        dir: &Path,
        own: &StudyDir,
        failures: Vec<Failure>,
    ) -> Result<StudyRecord> {
        let (mut record, unchecked) = campaign.record(dir, command, failures)?;
        if self.pairs {
            record.pairs = all_pairs(&record.runs, &record.targets);
        }
        if let Some(factor) = self.power {
            record.seeds_needed = seeds_needed(&record, factor);
        }
        super::say_unchecked(unchecked);
        own.claim(self.overwrite)?;
        let _lock = own.hold()?;
        export::write(&record, dir)?;
        let logged = campaign.runs.iter().map(|run| &run.experiment).filter(|experiment| experiment.record.tensorboard);
        let configs: Vec<String> = logged.map(Experiment::to_toml).collect();
        if !configs.is_empty() {
            EventFile::experiment(dir, &configs)?;
        }
        if !self.no_report {
            report::write(&report::page(&[dir.into()])?, &dir.join(report::FILE))?;
            report::write_index(dir)?;
        }
        Ok(record)
    }

    /// Makes what is missing of `runs` in this manner, or nothing if only a report is wanted.
    fn make(
        &self,
        campaign: &Campaign,
        runs: &[PlannedRun],
        dir: &Path,
        own: &StudyDir,
        manner: Option<&Manner>,
    ) -> Result<Made> {
        let mine = self.shard().missing(runs, dir)?;
        let failures = match manner {
            Some(manner) if !mine.is_empty() => {
                own.claim(self.overwrite)?;
                self.carry_out(campaign, &mine, dir, manner)
            }
            _ => Vec::new(),
        };
        let left = Shard::WHOLE.missing(runs, dir)?.len().saturating_sub(failures.len());
        let progress = format!("{} of {} runs are done", runs.len() - left, runs.len());
        if is_stopped() {
            say(&format!("interrupted; {progress}\ngo on with the same command"));
            return Ok(Made::Part(stopped()));
        }
        match left {
            0 if failures.is_empty() => Ok(Made::All),
            0 => Ok(Made::Failed(failures)),
            _ if self.report_only => anyhow::bail!(
                "{}: {left} of {} runs are missing; the same command without --report-only makes them",
                dir.display(),
                runs.len()
            ),
            _ if !failures.is_empty() => Err(failed(&failures, runs.len())),
            _ => {
                say(&format!("{}: {progress}; others have the rest", dir.display()));
                say("when all are in this directory, the same command with --report-only summarises them");
                Ok(Made::Part(ExitCode::SUCCESS))
            }
        }
    }

    fn markup(&self) -> Option<Markup> {
        match (self.markdown, self.latex) {
            (true, _) => Some(Markup::Markdown),
            (_, true) => Some(Markup::Latex),
            (false, false) => None,
        }
    }

    fn threads(&self) -> usize {
        self.threads.map_or_else(cores, usize::from)
    }
}
