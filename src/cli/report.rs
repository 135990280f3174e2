//! `initlab report`: what records hold, as a page, and as pictures.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::report;

/// Draw what a run's directory holds: one HTML file that needs no network, or pictures.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Directory of a run; several are laid side by side.
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// The HTML file [default: report.html in DIR, or here if there are several].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write every chart as an SVG file into this directory instead.
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

/// Writes the report; prints the paths of what it wrote.
///
/// # Errors
/// A directory holds nothing to report on, or a file cannot be written.
pub fn run(args: &ReportArgs) -> Result<()> {
    let page = report::page(&args.dirs)?;
    let mut written = Vec::new();
    if let Some(dir) = &args.svg {
        written.extend(report::write_svgs(&page, dir)?);
    }
    if args.svg.is_none() || args.out.is_some() {
        let path = args.html();
        report::write(&page, &path)?;
        written.push(path);
    }
    let lines: Vec<String> = written.iter().map(|path| format!("{}\n", path.display())).collect();
    super::print(&lines.concat())
}

impl ReportArgs {
    fn html(&self) -> PathBuf {
        match (&self.out, &self.dirs[..]) {
            (Some(out), _) => out.clone(),
            (None, [dir]) => dir.join(report::FILE),
            (None, _) => report::FILE.into(),
        }
    }
}
