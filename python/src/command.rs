//! The command `initlab`, the whole of it, in Python's process.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use pyo3::prelude::*;

use crate::errors::guarded;

/// Carries out a command line, without the command's own name, which lies at `own`; gives the exit code.
///
/// # Errors
/// The command has a fault.
#[pyfunction]
pub fn main(py: Python<'_>, own: PathBuf, words: Vec<OsString>) -> PyResult<u8> {
    py.detach(|| {
        guarded(|| {
            let code = initlab::cli::main_within(own, words);
            // A program of Rust's own does so when it ends. Nobody may read any more.
            let _ = std::io::stdout().flush();
            Ok(code)
        })
    })
}
