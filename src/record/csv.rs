//! CSV files that grow row by row and can be cut back to a known length.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::record::RecordError;

/// Bytes that wait for the operating system; as many or more at once pass by.
pub const BUFFER: usize = 1 << 16;

/// A CSV file that is being written.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl CsvFile {
    /// Starts a file with its header line.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, header: &str) -> Result<Self, RecordError> {
        let file = File::create(path).map_err(RecordError::io(path, "creating the file"))?;
        let mut csv = Self { path: path.into(), file: BufWriter::with_capacity(BUFFER, file), bytes: 0 };
        csv.row(format!("{header}\n"))?;
        Ok(csv)
    }

    /// Opens a file again that has `bytes` and perhaps more; [`CsvFile::cut`] takes off what is more.
    ///
    /// # Errors
    /// The file is absent or shorter than that.
    pub fn resume(path: &Path, bytes: u64) -> Result<Self, RecordError> {
        let open = || -> std::io::Result<(File, u64)> {
            let file = OpenOptions::new().write(true).open(path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = open().map_err(RecordError::io(path, "opening the file"))?;
        if length < bytes {
            return Err(RecordError::Broken {
                path: path.into(),
                what: format!("has {length} bytes"),
                expected: format!("at least {bytes} as at the checkpoint"),
                advice: "start the run again with --overwrite",
            });
        }
        Ok(Self { path: path.into(), file: BufWriter::with_capacity(BUFFER, file), bytes })
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
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// Hands everything to the operating system and gives the length so far.
    ///
    /// # Errors
    /// The disk is full.
    pub fn flush(&mut self) -> Result<u64, RecordError> {
        self.file.flush().map_err(RecordError::io(&self.path, "writing"))?;
        Ok(self.bytes)
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
        *place = found.ok_or_else(|| broken(format!("has the columns {}", header.join(",")), name.into()))?;
    }
    let mut columns = [(); N].map(|()| Vec::new());
    for (number, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        for (column, &place) in columns.iter_mut().zip(&places) {
            let value = match fields.get(place) {
                Some(&"") => Some(f64::NAN),
                field => field.and_then(|field| field.parse().ok()),
            };
            let wrong = || broken(format!("has the line {} \"{line}\"", number + 2), "numbers".into());
            column.push(value.ok_or_else(wrong)?);
        }
    }
    Ok(columns)
}
