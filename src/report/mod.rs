//! Reports: what records hold, as pages with charts, as pictures, and as text for a terminal. Reads files, draws, and
//! knows nothing of tensors.
//!
//! A report goes through here in this order: records → [`page::Page`] (`run` with `layers`, `study`, `probe`: what to show) → HTML
//! (`page`) or pictures (`raster` makes PNG files of SVG), both drawn by `draw` and `heat`.

pub mod chart;
pub mod draw;
pub mod heat;
pub mod index;
pub mod layers;
mod names;
mod noise;
mod overlay;
pub mod page;
pub mod palette;
pub mod pick;
mod pictures;
mod png;
pub mod probe;
pub mod raster;
pub mod run;
pub mod scale;
mod sharpness;
mod study;
pub use study::tables as study_tables;
pub mod terminal;
pub mod text;
pub mod thin;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use crate::findings::NEEDED;
use crate::record::RecordError;
use crate::record::error::no_json;
use crate::record::lock::Lock;
use crate::record::read::RunRecords;
use crate::record::seal::{Seal, check};
use crate::record::statistics::shown;
use crate::record::whole::{make_directory, write_changed, write_whole};
use crate::report::page::Page;
use crate::study::export;
use crate::study::record::StudyRecord;

/// The name of a report within the directory that it reports on.
pub const FILE: &str = "report.html";

/// A report that cannot be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The directory holds nothing that can be reported on.
    #[error(
        "{}: nothing to report on, expected run.json or steps.csv of a run, study.json or probe.json; name a directory that \
         initlab train, compare or probe wrote",
        path.display()
    )]
    Nothing {
        /// The directory.
        path: PathBuf,
    },
    /// A study or a probe among several directories.
    #[error("{}: only runs can be laid side by side; report on this directory alone", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// This build cannot draw pictures.
    #[error(
        "this build cannot write PNG files: it was made without the feature `png`; build with `cargo build --release \
         --features png`, or write SVG files with --svg DIR"
    )]
    NoPng,
    /// There is nothing to write text with in a picture.
    #[error(
        "no font was found, so that PNG files would have no text; install one such as DejaVu Sans (on Debian \
         fonts-dejavu-core), or write SVG files with --svg DIR"
    )]
    NoFonts,
    /// A chart's SVG was not understood.
    #[error("cannot draw a chart: {0}")]
    Picture(String),
    /// A record cannot be read, or the report cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The page on what one directory holds, or on several runs side by side.
///
/// # Errors
/// A directory holds nothing to report on, or something damaged.
pub fn page(dirs: &[PathBuf]) -> Result<Page, ReportError> {
    if let [dir] = dirs {
        if dir.join(export::FILE).is_file() {
            return Ok(study::page(&study_in(dir)?, dir)?);
        }
        if dir.join("probe.json").is_file() {
            return Ok(probe::page(&object(&dir.join("probe.json"))?));
        }
        return Ok(run::page(&read(dir, &wanted())?));
    }
    let alone = |dir: &&PathBuf| ["study.json", "probe.json"].iter().any(|name| dir.join(name).is_file());
    if let Some(other) = dirs.iter().find(alone) {
        return Err(ReportError::NotARun { path: other.clone() });
    }
    let runs = dirs.par_iter().map(|dir| read(dir, &wanted())).collect::<Result<Vec<_>, _>>()?;
    Ok(run::comparison(&runs))
}

/// Reads the object of a JSON file, and checks it against its own sum.
fn object<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, RecordError> {
    let text = std::fs::read_to_string(path).map_err(RecordError::io(path, "reading the file"))?;
    let damaged = |what: String| RecordError::Broken {
        path: path.into(),
        what,
        expected: "the object that this version of initlab writes".into(),
        advice: "the file is damaged or from another version: the command that made it makes it again",
    };
    let object = serde_json::from_str(&text).map_err(|error| damaged(no_json(&error)))?;
    if check(&text) == Seal::Broken {
        return Err(damaged("does not fit its own sum".into()));
    }
    Ok(object)
}

/// The record of the study in `dir`, whose tables are as it has them.
fn study_in(dir: &Path) -> Result<StudyRecord, RecordError> {
    let record: StudyRecord = object(&dir.join(export::FILE))?;
    record.files.verify(dir, export::FILE)?;
    Ok(record)
}

/// A run's directory without its layers.
///
/// # Errors
/// The directory holds no run, or a damaged one.
pub fn run_in(dir: &Path) -> Result<RunRecords, ReportError> {
    read(dir, &[])
}

/// Directories of a study's runs that are there, if `dir` holds a study.
///
/// # Errors
/// The study's record is damaged.
pub fn runs_of_study(dir: &Path) -> Result<Option<Vec<PathBuf>>, ReportError> {
    if !dir.join(export::FILE).is_file() {
        return Ok(None);
    }
    let record = study_in(dir)?;
    let runs = record.runs.iter().map(|run| dir.join(&run.dir));
    Ok(Some(runs.filter(|run| RunRecords::is_run(run)).collect()))
}

/// Statistics that a page and its findings need.
fn wanted() -> Vec<&'static str> {
    let mut wanted = shown();
    wanted.extend(NEEDED);
    wanted
}

/// Writes `index.md` into the directory of a run, a study or a probe; the same text is not written again.
///
/// # Errors
/// The directory holds nothing of ours, or something damaged, or cannot be written.
pub fn write_index(dir: &Path) -> Result<(), ReportError> {
    let text = if dir.join(export::FILE).is_file() {
        index::of_study(&study_in(dir)?, dir)
    } else if dir.join("probe.json").is_file() {
        index::of_probe(&object(&dir.join("probe.json"))?, dir)
    } else {
        index::of_run(&read(dir, &NEEDED)?)
    };
    Ok(write_changed(&dir.join(index::FILE), text.as_bytes())?)
}

fn read(dir: &Path, wanted: &[&str]) -> Result<RunRecords, ReportError> {
    if !RunRecords::is_run(dir) {
        return Err(ReportError::Nothing { path: dir.into() });
    }
    Ok(RunRecords::read(dir, wanted)?)
}

/// Writes a page, complete or not at all; the same page is not written again.
///
/// # Errors
/// The file cannot be written.
pub fn write(page: &Page, path: &Path) -> Result<(), RecordError> {
    write_changed(path, page.html().as_bytes())
}

/// Writes every chart of a page whose title is `wanted` as a file of its own into `dir`, named by its place and title; `encode` makes the
/// file of an SVG. Gives the paths.
///
/// # Errors
/// A chart cannot be encoded, or a file cannot be written.
pub fn write_pictures(
    page: &Page,
    dir: &Path,
    ending: &str,
    wanted: &dyn Fn(&str) -> bool,
    encode: impl Fn(&str) -> Result<Vec<u8>, ReportError>,
) -> Result<Vec<PathBuf>, ReportError> {
    make_directory(dir)?;
    let _lock = Lock::to_add(dir);
    let write = |(i, (title, svg)): (usize, (String, String))| {
        let path = dir.join(format!("{:02}-{}.{ending}", i + 1, text::slug(&title)));
        write_whole(&path, &encode(&svg)?)?;
        Ok(path)
    };
    page.pictures(wanted).into_iter().enumerate().map(write).collect()
}
