//! The lines of a run's tables, as those read them who come later.

use std::path::Path;

use crate::record::RecordError;
use crate::record::whole::text_if_there;

/// The text of a file, if it is there.
pub(super) fn if_present(path: &Path) -> Result<Option<String>, RecordError> {
    text_if_there(path).map_err(RecordError::io(path, "reading the file"))
}

/// The file without a last line that is still being written.
pub(super) fn whole_lines(path: &Path) -> Result<String, RecordError> {
    let mut text = if_present(path)?.unwrap_or_default();
    text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
    Ok(text)
}

/// The lines below the header, which must be the expected one.
pub(super) fn rows<'a>(path: &Path, text: &'a str, header: &str) -> Result<std::str::Lines<'a>, RecordError> {
    rows_below(path, text, header, |found| found == header)
}

/// The lines below a header that `suits`; `header` is the one of this version.
pub(super) fn rows_below<'a>(
    path: &Path,
    text: &'a str,
    header: &str,
    suits: impl Fn(&str) -> bool,
) -> Result<std::str::Lines<'a>, RecordError> {
    let mut lines = text.lines();
    match lines.next() {
        Some(found) if !suits(found) => Err(RecordError::Broken {
            path: path.into(),
            // What such a file holds is not said: a link may lead to any other.
            what: "has other columns".into(),
            expected: header.into(),
            advice: "the records are from another version: train again with --overwrite",
        }),
        _ => Ok(lines),
    }
}

/// `row` counts from 0 below the header.
pub(super) fn broken(path: &Path, row: usize) -> RecordError {
    RecordError::Broken {
        path: path.into(),
        what: format!("line {} is something else", row + 2),
        expected: "numbers, one for each column of the header".into(),
        advice: "the file is damaged: train again with --overwrite",
    }
}
