//! Files that grow row by row, know their sum, and can be cut back to a known length: CSV, or lines without a header.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::record::RecordError;
use crate::record::manifest::FileSum;
use crate::record::seal::hex;
use crate::record::whole::{begin_file, go_on_with_file};

/// Bytes that wait for the operating system; as many or more at once pass by.
pub const BUFFER: usize = 1 << 16;

/// A CSV file that is being written.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    lines: u64,
    columns: usize,
    sum: Sha256,
}

impl CsvFile {
    /// Starts a file with its header line, in place of whatever has its name. The header is handed to the system at once:
    /// who reads the file of a run at work finds its columns.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, header: &str) -> Result<Self, RecordError> {
        let mut csv = Self::without_header(path)?;
        csv.row(format!("{header}\n"))?;
        csv.flush()?;
        Ok(csv)
    }

    /// Starts a file of lines, likewise.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn without_header(path: &Path) -> Result<Self, RecordError> {
        Ok(Self::new(path, begin_file(path).map_err(RecordError::io(path, "creating the file"))?))
    }

    fn new(path: &Path, file: File) -> Self {
        let file = BufWriter::with_capacity(BUFFER, file);
        Self { path: path.into(), file, bytes: 0, lines: 0, columns: 1, sum: Sha256::new() }
    }

    /// Opens a file again that has `bytes` and perhaps more; [`CsvFile::cut`] takes off what is more. `sum` is what these
    /// bytes must be; a checkpoint of an earlier version knows their number alone.
    ///
    /// # Errors
    /// The file is absent, shorter than that, or changed.
    pub fn resume(path: &Path, bytes: u64, sum: Option<&FileSum>) -> Result<Self, RecordError> {
        let broken = |what: String, expected: String| RecordError::Broken {
            path: path.into(),
            what,
            expected,
            advice: "start the run again with --overwrite",
        };
        let mut file = go_on_with_file(path).map_err(RecordError::io(path, "opening the file"))?;
        let mut csv = Self::new(path, file.try_clone().map_err(RecordError::io(path, "opening the file"))?);
        let mut part = vec![0; BUFFER];
        while csv.bytes < bytes {
            let wanted = part.len().min((bytes - csv.bytes) as usize);
            let read = file.read(&mut part[..wanted]).map_err(RecordError::io(path, "reading the file"))?;
            if read == 0 {
                let expected = format!("at least {bytes} as at the checkpoint");
                return Err(broken(format!("has {} bytes", csv.bytes), expected));
            }
            csv.count(&part[..read]);
        }
        match sum {
            Some(sum) if sum.sha256 != csv.sum().sha256 => {
                Err(broken("has changed since the checkpoint".into(), "the rows that the run wrote".into()))
            }
            _ => Ok(csv),
        }
    }

    /// Cuts off whatever the file had beyond its length at [`CsvFile::resume`]. Apart from opening, so that all files
    /// of a run can be looked at before one is changed.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn cut(&mut self) -> Result<(), RecordError> {
        let file = self.file.get_mut();
        let cut = file.set_len(self.bytes).and_then(|()| file.seek(SeekFrom::End(0)));
        cut.map_err(RecordError::io(&self.path, "cutting the file back"))?;
        Ok(())
    }

    /// Appends finished lines.
    ///
    /// # Errors
    /// The disk is full, or the file went away.
    pub fn row(&mut self, lines: impl AsRef<[u8]>) -> Result<(), RecordError> {
        let lines = lines.as_ref();
        self.file.write_all(lines).map_err(RecordError::io(&self.path, "writing"))?;
        self.count(lines);
        Ok(())
    }

    /// Columns of its header, which a file of an earlier version may have fewer of.
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn count(&mut self, bytes: &[u8]) {
        if self.lines == 0 {
            self.columns += bytes.iter().take_while(|&&byte| byte != b'\n').filter(|&&byte| byte == b',').count();
        }
        self.bytes += bytes.len() as u64;
        self.lines += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.sum.update(bytes);
    }

    /// Hands everything to the system, so that whoever reads along sees it.
    ///
    /// # Errors
    /// The disk is full.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.file.flush().map_err(RecordError::io(&self.path, "writing"))
    }

    /// Puts everything on the disk.
    ///
    /// # Errors
    /// The disk is full.
    pub fn sync(&mut self) -> Result<(), RecordError> {
        let sync = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        sync.map_err(RecordError::io(&self.path, "writing"))
    }

    /// Length, rows and sum of everything so far.
    pub fn sum(&self) -> FileSum {
        FileSum { bytes: self.bytes, rows: Some(self.lines.saturating_sub(1)), sha256: hex(self.sum.clone()) }
    }
}

/// Columns of a file of numbers, by the names in its header; an empty field is NaN.
///
/// # Errors
/// The file cannot be read, lacks a column, or holds something else than numbers there.
pub fn read_columns<const N: usize>(path: &Path, names: [&str; N]) -> Result<[Vec<f64>; N], RecordError> {
    let text = std::fs::read_to_string(path).map_err(RecordError::io(path, "reading the file"))?;
    let broken = |what: String, expected: String| RecordError::Broken {
        path: path.into(),
        what,
        expected,
        advice: "the file is damaged: make the run again",
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(names) {
        let found = header.iter().position(|column| *column == name);
        *place = found.ok_or_else(|| broken("has other columns".into(), format!("one called {name} among them")))?;
    }
    let mut columns = [(); N].map(|()| Vec::new());
    for (number, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        for (column, &place) in columns.iter_mut().zip(&places) {
            let value = match fields.get(place) {
                Some(&"") => Some(f64::NAN),
                field => field.and_then(|field| field.parse().ok()),
            };
            let wrong = || broken(format!("has something else in line {}", number + 2), "numbers".into());
            column.push(value.ok_or_else(wrong)?);
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_a_file_at_work_finds_its_columns() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("steps.csv");
        let _written = CsvFile::create(&path, "step,loss").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "step,loss\n");
    }
}
