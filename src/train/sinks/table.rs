//! A CSV file of a run: begun anew, or cut back to where its checkpoint left it.

use crate::record::RecordError;
use crate::record::checkpoint::Progress;
use crate::record::csv::CsvFile;
use crate::record::run_dir::RunDir;
use crate::train::start::Start;

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
