//! A CSV file of a run: begun anew, or cut back to where its checkpoint left it.

use crate::record::RecordError;
use crate::record::checkpoint::Progress;
use crate::record::csv::CsvFile;
use crate::record::manifest::FileSum;
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Sink};
use crate::train::start::Start;

/// A file of rows that are written as they come.
pub struct Table {
    file: CsvFile,
    line: String,
}

impl Table {
    /// Opens the table `name` for the sink that `sink` makes of it.
    ///
    /// # Errors
    /// As [`look`], and later as [`begin`].
    pub fn open<'a, S: Sink + 'a>(
        dir: &'a RunDir,
        start: &Start<'_>,
        (name, header): (&'static str, &'static str),
        sink: fn(Self) -> S,
    ) -> Result<Option<Begin<'a>>, TrainError> {
        let found = look(dir, name, start)?;
        Ok(Some(Box::new(move |_| {
            Ok(Box::new(sink(Self { file: begin(dir, name, header, found)?, line: String::new() })))
        })))
    }

    /// Appends the line that `write` writes.
    ///
    /// # Errors
    /// The disk is full, or the file went away.
    pub fn row(&mut self, write: impl FnOnce(&mut String)) -> Result<(), TrainError> {
        self.line.clear();
        write(&mut self.line);
        Ok(self.file.row(&self.line)?)
    }

    /// Puts everything on the disk and gives length and sum so far.
    ///
    /// # Errors
    /// The disk is full.
    pub fn sync(&mut self) -> Result<FileSum, RecordError> {
        self.file.sync()?;
        Ok(self.file.sum())
    }
}

/// The file as the checkpoint left it, with perhaps more behind; none where the run begins.
///
/// # Errors
/// The file is absent, shorter than that, or changed.
pub fn look(dir: &RunDir, name: &str, start: &Start<'_>) -> Result<Option<CsvFile>, RecordError> {
    let resume = |progress: &Progress| {
        let (bytes, sum) = progress.grown(name);
        CsvFile::resume(&dir.file(name), bytes, sum)
    };
    start.checkpoint.as_ref().map(|checkpoint| resume(&checkpoint.progress)).transpose()
}

/// The file ready to grow.
///
/// # Errors
/// It cannot be created or changed.
pub fn begin(dir: &RunDir, name: &str, header: &str, found: Option<CsvFile>) -> Result<CsvFile, RecordError> {
    match found {
        Some(mut file) => file.cut().map(|()| file),
        None => CsvFile::create(&dir.file(name), header),
    }
}
