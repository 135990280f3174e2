//! Errors about a run's directory: each says where, what was found, and the next step.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A failure to write or read records; nothing half-written is left under a final name.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error("{}: {action} failed: {source}; {advice}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The operation that failed.
        action: &'static str,
        /// The system's error.
        source: std::io::Error,
        /// The next step for the user.
        advice: &'static str,
    },
    /// The directory is taken.
    #[error("{}: already holds {found}; name another directory with --out, go on with --resume, or replace it with --overwrite", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
        /// Its present content.
        found: &'static str,
    },
    /// Another process writes into the directory.
    #[error("{}: another process is at work there; wait for it, or name another directory with --out", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is of another kind.
    #[error("{}: holds {found}; name another directory with --out", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its present content.
        found: &'static str,
    },
    /// The directory holds the results of another study.
    #[error(
        "{}: holds another study ({what}); name another directory with --out, or let this study take its place with \
         --overwrite, which keeps the runs",
        path.display()
    )]
    OtherStudy {
        /// The directory.
        path: PathBuf,
        /// The first difference from this study.
        what: String,
    },
    /// A file that does not hold what its name says.
    #[error("{}: {what}, expected {expected}; {advice}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The fault that was found.
        what: String,
        /// The content that should be there.
        expected: String,
        /// The next step for the user.
        advice: &'static str,
    },
}

/// Advice where a run finds the disk full.
const RESUME: &str = "free some space, then go on with --resume";

impl RecordError {
    /// Rewords the advice for a run within a study, where no option makes a single run anew.
    #[must_use]
    pub fn in_study(self) -> Self {
        match self {
            Self::Broken { path, what, expected, .. } => {
                let advice = "restore it, or remove the run's directory: the same command then makes the run again";
                Self::Broken { path, what, expected, advice }
            }
            Self::Io { path, action, source, advice } => {
                let advice = if advice == RESUME { "free some space: the same command then goes on" } else { advice };
                Self::Io { path, action, source, advice }
            }
            Self::Taken { .. } | Self::Busy { .. } | Self::Foreign { .. } | Self::OtherStudy { .. } => self,
        }
    }

    /// An error of the operating system while doing `action`.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            #[allow(clippy::wildcard_enum_match_arm, reason = "the system may report further kinds")]
            let advice = match source.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    "make it writable or name another directory with --out"
                }
                std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge => RESUME,
                std::io::ErrorKind::NotFound => "check the path",
                _ => "check the directory given with --out",
            };
            Self::Io { path: path.into(), action, source, advice }
        }
    }
}

/// Describes the fault of a JSON file without quoting its content: a link may lead to any other file.
pub(crate) fn no_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.is_data() && !text.starts_with("missing field") {
        return format!("has a field of another form at line {} column {}", error.line(), error.column());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_json_do_not_repeat_it() {
        #[derive(Debug, serde::Deserialize)]
        struct Named {
            #[allow(dead_code, reason = "only its absence matters")]
            name: u8,
        }
        for (text, want) in [
            (r#""SECRET""#, "has a field of another form at line 1 column 8"),
            (r#"{"name": "SECRET"}"#, "has a field of another form at line 1 column 17"),
            (r#"{"SECRET": 1}"#, "missing field `name` at line 1 column 13"),
            ("SECRET", "expected value at line 1 column 1"),
        ] {
            assert_eq!(no_json(&serde_json::from_str::<Named>(text).unwrap_err()), want);
        }
    }
}
