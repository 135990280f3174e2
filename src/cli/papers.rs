//! `initlab papers`: published results beside replays over many seeds.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::device::host_threads;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::{UsageError, papers_markdown, papers_table};
use crate::config::document::read_text;
use crate::data::{Choice, Known, Prepared, Request, Split, load};
use crate::papers::{ITEMS, Item, Replayed, Report, Setting};
use crate::train::threads::cores;

/// Replay published results on initialisation, and say whether their numbers are ordinary
///
/// Every item is a paper's protocol as a config, its printed or exact numbers, ours over many seeds, and a verdict. Without
/// --train those that take seconds; MNIST is needed for the others. Exit code 3 if a number is outside.
#[derive(Args, Clone, Debug)]
pub struct PapersArgs {
    /// Replay what has to be trained too, which takes about an hour on two cores
    #[arg(long)]
    train: bool,
    /// Replay this item alone, whatever it takes; may be given several times
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(ITEMS.map(|item| item.name)))]
    only: Vec<String>,
    /// Seeds of every figure [default: each item's own number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    seeds: Option<u32>,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Directory with the files of MNIST
    #[arg(long, value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
    /// Take items from this file, which an earlier call with --json printed, instead of replaying them; may be given several times
    #[arg(long, value_name = "FILE", value_parser = path())]
    from: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the report as Markdown, as docs/papers.md has it
    #[arg(long)]
    markdown: bool,
}

/// Replays and prints; exit code 3 if a figure is outside.
///
/// # Errors
/// The data is absent or broken, a file of results cannot be read, or the threads cannot be started.
pub fn run(args: &PapersArgs) -> Result<ExitCode> {
    let report = args.report()?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else if args.markdown {
        papers_markdown::text(&report, &args.command())
    } else {
        papers_table::text(&report)
    };
    super::print(&text)?;
    Ok(ExitCode::from(if report.outside().is_empty() { 0 } else { 3 }))
}

impl PapersArgs {
    fn wants(&self, item: &Item) -> bool {
        if self.only.is_empty() { item.quick || self.train } else { self.only.iter().any(|name| name == item.name) }
    }

    fn report(&self) -> Result<Report> {
        let mut report = Report { version: env!("CARGO_PKG_VERSION").into(), ..Report::default() };
        for path in &self.from {
            let known = self.earlier(path)?;
            if !known.data_sha256.is_empty() {
                report.data_sha256 = known.data_sha256;
            }
            report.items.extend(known.items);
        }
        let is_known = |report: &Report, item: &Item| report.items.iter().any(|known| known.name == item.name);
        let wanted: Vec<&Item> = ITEMS.iter().filter(|item| self.wants(item) && !is_known(&report, item)).collect();
        let data = if wanted.iter().any(|item| item.images) { Some(self.images()?) } else { None };
        if let Some(data) = &data {
            report.data_sha256.clone_from(&data.dataset().sha256);
        }
        let threads = host_threads(self.threads.map_or_else(cores, usize::from));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .context("cannot start the threads; give fewer with --threads")?;
        for item in wanted {
            report.items.push(pool.install(|| self.replay(item, data.as_ref()))?);
        }
        let place = |replayed: &Replayed| ITEMS.iter().position(|item| item.name == replayed.name);
        report.items.sort_by_key(place);
        Ok(report)
    }

    fn replay(&self, item: &Item, data: Option<&Prepared>) -> Result<Replayed> {
        let seeds = self.seeds.map_or(item.seeds, |seeds| seeds as usize);
        let (done, parts) = (AtomicUsize::new(0), (item.parts)(seeds));
        let tell = || {
            let now = done.fetch_add(1, Ordering::Relaxed) + 1;
            // What takes seconds needs no word; elsewhere a line at every tenth.
            if !item.quick && now * 10 / parts > (now - 1) * 10 / parts {
                say(&format!("{}: {now} of {parts}", item.name));
            }
        };
        let outcome = (item.replay)(&Setting { data, seeds, done: &tell })?;
        Ok(Replayed::new(item, seeds, outcome))
    }

    fn images(&self) -> Result<Prepared> {
        let loaded = load(&Request { data_dir: self.data.clone(), ..Request::new(Choice::Known(Known::MNIST)) })?;
        Ok(Prepared::new(loaded.dataset, Split::Usual)?)
    }

    /// Results of an earlier call.
    fn earlier(&self, path: &std::path::Path) -> Result<Report> {
        let wrong = |what: String| {
            UsageError(format!("--from {}: {what}; give a file that `initlab papers --json` printed", path.display()))
        };
        let text = read_text(path).map_err(|error| wrong(error.to_string()))?;
        let report: Report =
            serde_json::from_str(&text).map_err(|error| wrong(format!("is not understood: {error}")))?;
        if report.version != env!("CARGO_PKG_VERSION") {
            return Err(
                wrong(format!("is from version {}, this is {}", report.version, env!("CARGO_PKG_VERSION"))).into()
            );
        }
        if let Some(unknown) = report.items.iter().find(|known| Item::of(&known.name).is_none()) {
            return Err(wrong(format!("has an unknown item \"{}\"", unknown.name)).into());
        }
        Ok(report)
    }

    /// The call that gives the same report.
    fn command(&self) -> String {
        let mut command = String::from("initlab papers");
        if self.train {
            command += " --train";
        }
        for name in &self.only {
            command += &format!(" --only {name}");
        }
        if let Some(seeds) = self.seeds {
            command += &format!(" --seeds {seeds}");
        }
        command + " --markdown"
    }
}
