//! `initlab report`: what records hold, as a page, and as pictures.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use clap::Args;

use crate::cli::UsageError;
use crate::cli::findings;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::cli::run_place::refuse_misspelt;
use crate::config::error::folded;
use crate::record::RecordError;
use crate::record::lock::Lock;
use crate::record::read::RunRecords;
use crate::record::replay::write_events;
use crate::record::summary::Summary;
use crate::record::tensorboard::{EventFile, seconds};
use crate::record::whole::directory_of;
use crate::report;
use crate::report::page::Page;
use crate::report::pick::is_wanted;
use crate::report::raster;
use crate::report::text::visible;

/// Draw what a run's directory holds: one HTML file that needs no network, or pictures.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Directory of a run; several are laid side by side.
    #[arg(required = true, value_name = "DIR", value_parser = path())]
    dirs: Vec<PathBuf>,
    /// The HTML file [default: report.html in DIR, or here if there are several].
    #[arg(long, value_name = "FILE", value_parser = path())]
    out: Option<PathBuf>,
    /// Write every chart as an SVG file into this directory instead.
    #[arg(long, value_name = "DIR", value_parser = path())]
    svg: Option<PathBuf>,
    /// Write every chart as a PNG file into this directory instead, twice the size of the SVG.
    #[arg(long, value_name = "DIR", value_parser = path())]
    png: Option<PathBuf>,
    /// With --svg or --png, write only the pictures of these: words of their titles or columns of the records, such as loss,std.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    only: Vec<String>,
    /// Write TensorBoard's event file into each directory instead; of a study into each run's, and one that compares them.
    #[arg(long)]
    tensorboard: bool,
}

/// Writes the report; prints the paths of what it wrote.
///
/// # Errors
/// A directory holds nothing to report on, or a file cannot be written.
pub fn run(args: &ReportArgs) -> Result<()> {
    args.picks_pictures()?;
    args.dirs.iter().try_for_each(|dir| refuse_misspelt(dir))?;
    let mut written = Vec::new();
    let summaries = args.dirs.iter().map(|dir| Summary::read(dir)).collect::<Result<Vec<_>, _>>()?;
    super::say_unchecked(summaries.iter().flatten().filter(|summary| summary.is_unchecked()).count());
    if args.tensorboard {
        for dir in &args.dirs {
            match report::runs_of_study(dir)? {
                Some(runs) => written.extend(study_events(dir, &runs)?),
                None => written.push(events(dir, &report::run_in(dir)?)?),
            }
        }
    }
    let alone = args.svg.is_some() || args.png.is_some();
    let html = args.out.is_some() || !(alone || args.tensorboard);
    if alone || html {
        let page = report::page(&args.dirs)?;
        written.extend(args.pictures(&page)?);
        if html {
            let path = args.html();
            let _lock = Lock::to_add(directory_of(&path));
            report::write(&page, &path)?;
            say(told(&page).trim_end());
            if let ([dir], None) = (&args.dirs[..], &args.out) {
                report::write_index(dir)?;
            }
            written.push(path);
        }
    }
    let lines: Vec<String> = written.iter().map(|path| format!("{}\n", path.display())).collect();
    super::print(&lines.concat())
}

/// The page's first sentences, and what it found.
fn told(page: &Page) -> String {
    format!("{}\n{}", folded(&visible(&page.lead), 0), findings::text(&page.findings))
}

impl ReportArgs {
    /// Refuses to pick pictures where none are written.
    fn picks_pictures(&self) -> Result<()> {
        if self.only.is_empty() || self.svg.is_some() || self.png.is_some() {
            return Ok(());
        }
        let words = self.only.join(",");
        let message =
            format!("--only {words}: picks among pictures, and the page has every chart; add --svg DIR or --png DIR");
        Err(UsageError(message).into())
    }

    /// Writes the charts that are wanted as files of their own.
    fn pictures(&self, page: &Page) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        let wanted = |title: &str| is_wanted(title, &self.only);
        if let Some(dir) = &self.svg {
            written.extend(report::write_pictures(page, dir, "svg", &wanted, |svg| Ok(svg.into()))?);
        }
        if let Some(dir) = &self.png {
            written.extend(report::write_pictures(page, dir, "png", &wanted, raster::encoder()?)?);
        }
        if written.is_empty() && (self.svg.is_some() || self.png.is_some()) {
            let mut titles: Vec<String> = page.titles().iter().map(|title| format!("`{title}`")).collect();
            titles.dedup();
            let words = self.only.join(",");
            return Err(UsageError(format!(
                "--only {words}: no picture is called so; there are {}",
                titles.join(", ")
            ))
            .into());
        }
        Ok(written)
    }

    fn html(&self) -> PathBuf {
        match (&self.out, &self.dirs[..]) {
            (Some(out), _) => out.clone(),
            (None, [dir]) => dir.join(report::FILE),
            (None, _) => report::FILE.into(),
        }
    }
}

/// Writes the event files of a study's runs, and the study's own.
fn study_events(dir: &Path, runs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let (mut written, mut configs) = (Vec::new(), Vec::new());
    for dir in runs {
        let run = report::run_in(dir)?;
        written.push(events(dir, &run)?);
        configs.push(run.config);
    }
    written.push(EventFile::experiment(dir, &configs)?);
    Ok(written)
}

/// Writes a run's event file as if its steps had been spread evenly over the time that it took.
fn events(dir: &Path, run: &RunRecords) -> Result<PathBuf> {
    // A run that is at work writes its own file.
    let _lock = Lock::try_take(dir)?.ok_or_else(|| RecordError::Busy { path: dir.into() })?;
    let ended = std::fs::metadata(dir.join("run.json")).and_then(|file| file.modified());
    let end = seconds(ended.unwrap_or_else(|_| SystemTime::now()));
    let took = run.summary.as_ref().map_or(0.0, |s| s.timing.wall_s / s.steps.max(1) as f64);
    let last = run.steps.len() as f64;
    Ok(write_events(dir, |step| end - took * (last - step as f64))?)
}
