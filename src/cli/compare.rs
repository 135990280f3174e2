//! `initlab compare`: a study of many runs, and which of its arms converges sooner.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::UsageError;
use crate::cli::device::DeviceChoice;
use crate::cli::experiment::read_config;
use crate::cli::interrupt::{STOP, catch_interrupt};
use crate::cli::study_progress::StudyProgress;
use crate::cli::study_table;
use crate::data::{Choice, Request, load};
use crate::report;
use crate::study::check::{CheckError, one_dataset};
use crate::study::execute::{Attempt, Manner};
use crate::study::record::Failure;
use crate::study::{Campaign, Study, export};
use crate::train::engine::Compute;

/// Train every arm of a study over its seeds and say which converges sooner.
///
/// Called again, it goes on where it was: runs that the directory holds are not repeated.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The study, such as configs/lesson8.toml.
    study: PathBuf,
    /// Change one value of the study file, such as seeds=3 or set.train.epochs=1; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// auto, mnist, fashion-mnist, digits, or a directory of four IDX files, instead of the config's.
    #[arg(long, value_name = "NAME|DIR")]
    dataset: Option<String>,
    /// Directory with the files of mnist or fashion-mnist.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Runs side by side, each on one core; results do not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to compute: cpu, cuda, cuda:N, or auto (a GPU if one answers).
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
    /// The most runs of equal shape that train at once on a GPU [default: 64].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    cohort: Option<u16>,
    /// Directory of the study [default: studies/NAME].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run nothing: check that all runs are there, and summarise them.
    #[arg(long)]
    report_only: bool,
    /// Print the object of study.json instead of tables.
    #[arg(long)]
    json: bool,
    /// Leave out report.html.
    #[arg(long)]
    no_report: bool,
}

/// Runs what is missing of the study and prints the comparison; exit code 130 if it was interrupted.
///
/// # Errors
/// The call, the study, the data or the directory; a run that failed.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    if args.cohort.is_some() && args.device == DeviceChoice::Cpu {
        return Err(UsageError("--cohort: runs train at once on a GPU only; add --device cuda or auto".into()).into());
    }
    let manner = if args.report_only { None } else { Some(args.manner()?) };
    let campaign = args.campaign()?;
    let dir = args.out.clone().unwrap_or_else(|| Path::new("studies").join(file_name(&campaign.study.name)));
    let missing = campaign.missing(&dir);
    let mut failures = Vec::new();
    if let (Some(manner), false) = (manner, missing.is_empty()) {
        failures = args.execute(&campaign, &missing, &dir, &manner)?;
        if STOP.load(std::sync::atomic::Ordering::Relaxed) {
            let left = campaign.missing(&dir).len();
            eprintln!("interrupted; {} of {} runs are done", campaign.runs.len() - left, campaign.runs.len());
            eprintln!("go on with the same command");
            return Ok(ExitCode::from(130));
        }
    }
    let left = campaign.missing(&dir).len() - failures.len();
    if left > 0 {
        anyhow::bail!(
            "{}: {left} of {} runs are missing; the same command without --report-only makes them",
            dir.display(),
            campaign.runs.len()
        );
    }
    let record = campaign.record(&dir, args.command(), failures)?;
    export::write(&record, &dir)?;
    if !args.no_report {
        report::write(&report::page(std::slice::from_ref(&dir))?, &dir.join(report::FILE))?;
    }
    if args.json {
        super::print(&std::fs::read_to_string(dir.join("study.json"))?)?;
    } else {
        super::print(&format!("{}\nrecords in {}\n", study_table::text(&record), dir.display()))?;
    }
    match record.failures.as_slice() {
        [] => Ok(ExitCode::SUCCESS),
        [failure, ..] => anyhow::bail!(
            "{} of {} runs failed; the first, {}: {}",
            record.failures.len(),
            campaign.runs.len(),
            failure.dir,
            failure.error
        ),
    }
}

impl CompareArgs {
    /// The study, checked and with its data.
    fn campaign(&self) -> Result<Campaign> {
        let label = self.study.display().to_string();
        let load_base = |path: &Path| std::fs::read_to_string(path);
        let mut study = Study::parse(&label, &read_config(&self.study)?, &self.sets, &load_base)?;
        if let Some(dataset) = &self.dataset {
            study.cells.iter_mut().for_each(|cell| cell.experiment.data.dataset.clone_from(dataset));
        }
        let choice = Choice::parse(one_dataset(&study)?);
        let loaded = load(&Request { data_dir: self.data.clone(), ..Request::new(choice) })?;
        if let Some(notice) = &loaded.notice {
            eprintln!("{notice}");
        }
        Campaign::new(study, loaded.dataset).map_err(|error| match error {
            // Its own type decides the exit code.
            CheckError::Config(error) => error.into(),
            other => other.into(),
        })
    }

    fn manner(&self) -> Result<Manner> {
        let threads = self
            .threads
            .map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from);
        Ok(match self.device.compute(threads)? {
            Compute::Host { threads } => Manner::SideBySide { threads },
            compute @ Compute::Device(_) => Manner::Cohorts { compute, size: self.cohort.map_or(64, usize::from) },
        })
    }

    /// Carries out the missing runs; gives those that failed.
    fn execute(&self, campaign: &Campaign, missing: &[usize], dir: &Path, manner: &Manner) -> Result<Vec<Failure>> {
        std::fs::create_dir_all(dir).with_context(|| format!("{}: cannot be created", dir.display()))?;
        export::remove(dir)?;
        catch_interrupt()?;
        let progress = StudyProgress::new(campaign, missing);
        let attempts = campaign.execute(missing, dir, manner, &STOP, |at, happening| progress.show(at, &happening));
        progress.finish();
        let mut failures = Vec::new();
        for (&index, attempt) in missing.iter().zip(attempts) {
            if let Attempt::Failed(error) = attempt {
                failures.push(Failure { dir: campaign.runs[index].relative_dir(), error });
            }
        }
        Ok(failures)
    }

    /// The command that makes the study again.
    fn command(&self) -> String {
        let mut words = vec!["initlab".into(), "compare".into(), self.study.display().to_string()];
        words.extend(self.sets.iter().flat_map(|set| ["--set".into(), set.clone()]));
        words.extend(self.dataset.iter().flat_map(|dataset| ["--dataset".into(), dataset.clone()]));
        words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A name as a directory may have it.
fn file_name(name: &str) -> String {
    let safe: String = name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    safe.trim_start_matches('.').into()
}
