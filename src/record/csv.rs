//! CSV files that grow row by row and can be cut back to a known length.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::record::RecordError;

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
        let mut csv = Self { path: path.into(), file: BufWriter::with_capacity(1 << 16, file), bytes: 0 };
        csv.row(&format!("{header}\n"))?;
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
        Ok(Self { path: path.into(), file: BufWriter::with_capacity(1 << 16, file), bytes })
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
    pub fn row(&mut self, lines: &str) -> Result<(), RecordError> {
        self.file.write_all(lines.as_bytes()).map_err(RecordError::io(&self.path, "writing"))?;
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
