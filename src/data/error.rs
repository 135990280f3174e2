//! Errors of data sets: every one says what, where, found, expected and the next step.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// One field of a file that is not what it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The field of the format, such as `magic number`.
    pub field: &'static str,
    /// Content that the file has there.
    pub found: String,
    /// Content that it should have.
    pub expected: String,
    /// Next step for the reader of the message.
    pub next: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, expected {}; {}", self.field, self.found, self.expected, self.next)
    }
}

/// Why there is no data.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file is there and readable, and its content is wrong.
    #[error("{}: {fault}", path.display())]
    Fault {
        /// The file, or the directory where the fault is in all four.
        path: PathBuf,
        /// The field that is wrong.
        fault: Fault,
    },
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The verb: read, write, create.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A directory that should hold the four files lacks some, or does not exist.
    #[error("{}: found {found}, expected {} (plain or .gz); {next}", directory.display(), missing.join(", "))]
    Missing {
        /// The directory.
        directory: PathBuf,
        /// Description of what lies there.
        found: &'static str,
        /// The names of the files that are not there.
        missing: Vec<&'static str>,
        /// Next step for the reader of the message.
        next: String,
    },
    /// The named set is in none of the places.
    #[error("{name} not found: looked in {}; {next}", looked.join(", "))]
    NotFound {
        /// The set.
        name: &'static str,
        /// Every place, in order.
        looked: Vec<String>,
        /// How to get it.
        next: String,
    },
    /// Two options that contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// The split cannot be made from so few images.
    #[error(
        "split {split}: found {found} training images, expected at least {expected}; take another split or data set"
    )]
    Split {
        /// The split's name.
        split: &'static str,
        /// Number of training images.
        found: usize,
        /// The least that the split needs.
        expected: usize,
    },
    /// The download did not give the data set.
    #[error("cannot download {name}: {reason}; {next}")]
    Download {
        /// The set.
        name: &'static str,
        /// Cause of the failure.
        reason: String,
        /// How to get it otherwise.
        next: String,
    },
}

impl DataError {
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }

    pub(crate) fn fault(path: impl Into<PathBuf>, fault: Fault) -> Self {
        Self::Fault { path: path.into(), fault }
    }
}
