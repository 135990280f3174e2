//! `initlab lesson8`: the lesson's printed results beside replays over many seeds.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::device::host_threads;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::{UsageError, findings, lesson8_markdown, lesson8_table};
use crate::config::document::read_text;
use crate::data::{Choice, Known, Prepared, Request, Split, load};
use crate::lesson::reference::{Reference, read_references, references};
use crate::lesson::replay::{DEFAULT_SEEDS, REPLAYS, draws, replay, train_all};
use crate::lesson::rules::of_replay;
use crate::lesson::theory::Theory;
use crate::lesson::training::epochs;
use crate::lesson::verdict::CONFIDENCE;
use crate::lesson::{LessonImages, Report, report};
use crate::train::threads::cores;

/// Training runs of each result, if not said otherwise.
const DEFAULT_RUNS: u32 = 9;

/// Replay what lesson 8's notebooks print, and say whether their draws are ordinary
///
/// Results that follow from the data are compared digit by digit. Random ones are drawn again with many seeds, and the
/// lesson's number should lie where a further draw falls with a probability of 99.9 %. Exit code 3 if one does not.
/// Needs MNIST.
#[derive(Args, Clone, Debug)]
pub struct Lesson8Args {
    /// Seeds of each random result; expensive ones take a part of them, which is said beside them
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEEDS as u32, value_parser = clap::value_parser!(u32).range(5..=1_000_000))]
    seeds: u32,
    /// Train the ten training results too
    #[arg(long)]
    train: bool,
    /// Runs of each training result, with --train [default: 9]
    #[arg(long, value_name = "N", requires = "train", value_parser = clap::value_parser!(u32).range(5..=10_000))]
    runs: Option<u32>,
    /// Threads; the result does not depend on it [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Directory with the files of MNIST
    #[arg(long, value_name = "DIR", value_parser = path())]
    data: Option<PathBuf>,
    /// Compare with the numbers of this file instead of the lesson's; it has the form of src/lesson/reference.toml
    #[arg(long, value_name = "FILE", value_parser = path())]
    reference: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the report as Markdown, as docs/lesson8.md has it
    #[arg(long)]
    markdown: bool,
}

/// Replays and prints; exit code 3 if a number of the lesson is outside.
///
/// # Errors
/// The data is absent or broken, or the threads cannot be started.
pub fn run(args: &Lesson8Args) -> Result<ExitCode> {
    let references = args.references()?;
    let loaded = load(&Request { data_dir: args.data.clone(), ..Request::new(Choice::Known(Known::MNIST)) })?;
    let sha256 = loaded.dataset.sha256.clone();
    let images = LessonImages::new(Prepared::new(loaded.dataset, Split::Lesson)?);
    let threads = host_threads(args.threads.map_or_else(cores, usize::from));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .context("cannot start the threads; give fewer with --threads")?;
    let report = pool.install(|| args.replay(&references, &images))?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&args.object(&report, &sha256))?)
    } else if args.markdown {
        lesson8_markdown::text(&report, &args.command(), &sha256)
    } else {
        let found = findings::text(&of_replay(&report));
        format!("{}\n{found}\n{}", lesson8_table::text(&report), lesson8_table::summary(&report))
    };
    super::print(&text)?;
    Ok(ExitCode::from(exit_code(&report)))
}

/// 3 if a number is outside.
fn exit_code(report: &Report) -> u8 {
    if report.outside().is_empty() { 0 } else { 3 }
}

impl Lesson8Args {
    /// The numbers to compare with.
    fn references(&self) -> Result<Vec<Reference>> {
        let Some(path) = &self.reference else { return Ok(references()) };
        let text = read_text(path).map_err(|error| {
            UsageError(format!(
                "--reference {}: {error}; give a file such as src/lesson/reference.toml",
                path.display()
            ))
        })?;
        Ok(read_references(&path.display().to_string(), &text)?)
    }

    fn replay(&self, references: &[Reference], images: &LessonImages) -> Result<Report> {
        let seeds = self.seeds as usize;
        let progress = Progress::new(DRAWS, draws(&REPLAYS, seeds));
        let mut samples = replay(&REPLAYS, images, seeds, || progress.advance())?;
        progress.finish();
        if self.train {
            let runs = self.runs.unwrap_or(DEFAULT_RUNS) as usize;
            let progress = Progress::new(EPOCHS, runs * epochs());
            samples.extend(train_all(images, runs, || progress.advance())?);
            progress.finish();
        }
        Ok(report(references, &samples, &Theory::new(images)))
    }

    /// The call that gives the same report.
    fn command(&self) -> String {
        let mut command = String::from("initlab lesson8");
        if self.seeds as usize != DEFAULT_SEEDS {
            command += &format!(" --seeds {}", self.seeds);
        }
        if self.train {
            command += " --train";
        }
        if let Some(runs) = self.runs {
            command += &format!(" --runs {runs}");
        }
        if let Some(path) = &self.reference {
            command += &format!(" --reference {}", path.display());
        }
        command + " --markdown"
    }

    fn object(&self, report: &Report, sha256: &str) -> serde_json::Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data_sha256": sha256,
            "reference": self.reference,
            "confidence": CONFIDENCE,
            "seeds": self.seeds,
            "runs": self.train.then(|| self.runs.unwrap_or(DEFAULT_RUNS)),
            "results": report.results,
            "inside": report.inside(),
            "outside": report.outside(),
            "not_run": report.not_run(),
            "findings": of_replay(report),
        })
    }
}

/// A bar in a terminal; elsewhere a line at every tenth of what takes minutes. On stderr.
struct Progress {
    what: &'static str,
    total: u64,
    done: AtomicU64,
    bar: Option<ProgressBar>,
}

const DRAWS: &str = "draws";
const EPOCHS: &str = "epochs of training";

impl Progress {
    fn new(what: &'static str, total: usize) -> Self {
        let total = total as u64;
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = "{wide_bar:.cyan/dim} {percent:>3}% {pos}/{len} {msg}, {eta} left";
            let style = ProgressStyle::with_template(template).expect("the template is valid");
            ProgressBar::new(total).with_style(style.progress_chars("━━─")).with_message(what)
        });
        Self { what, total, done: AtomicU64::new(0), bar }
    }

    fn advance(&self) {
        if let Some(bar) = &self.bar {
            return bar.inc(1);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.what == EPOCHS && done * 10 / self.total > (done - 1) * 10 / self.total {
            say(&format!("{done} of {} {}", self.total, self.what));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Samples;

    #[test]
    fn one_number_outside_ends_with_3_and_is_named() {
        let theory = Theory::default();
        let spread = |centre: f64| (0..50).map(|i| centre + 0.001 * f64::from(i)).collect::<Vec<_>>();
        for (mean, code) in [(0.56, 0), (0.8, 3)] {
            let samples = Samples::from([("relu_kaiming.mean".into(), spread(mean))]);
            let report = report(&references(), &samples, &theory);
            assert_eq!(exit_code(&report), code);
            let table = lesson8_table::summary(&report);
            assert_eq!(table.contains("1 outside (relu_kaiming)"), code == 3, "{table}");
            let markdown = lesson8_markdown::text(&report, "initlab lesson8", "");
            assert_eq!(markdown.contains("relu_kaiming: **outside**"), code == 3, "{markdown}");
        }
    }
}
