//! Where the records of a study's run grow.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::apart::Apart;
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{Outcome, Summary};
use crate::study::attempt::Attempt;
use crate::study::plan::PlannedRun;
use crate::train::TrainError;

/// How processes that share a study keep out of each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// A run grows under its own name, held by a lock, and goes on from there also after a kill: for the processes of one machine.
    Locked,
    /// A run grows in a directory of its process's own, and gets its name when it is whole: for machines that share a disk, whose locks
    /// may not hold between them.
    Apart,
}

/// The place of a run that is being made.
#[derive(Debug)]
pub(super) struct Place {
    kind: Kind,
    /// The study's directory.
    study: PathBuf,
}

#[derive(Debug)]
enum Kind {
    Locked(RunDir),
    Apart(Apart),
}

impl Place {
    /// A place for a run that is still to be made; or the attempt that comes of not getting it.
    pub fn open(run: &PlannedRun, study: &Path, growth: Growth) -> Result<Self, Attempt> {
        let dir = run.dir(study);
        let kind = match growth {
            Growth::Locked => RunDir::open(&dir, Existing::Resume).map(Kind::Locked),
            Growth::Apart => Apart::open(&dir).map(Kind::Apart),
        };
        let kind = kind.map_err(failed)?;
        // Another process may have made the run since it was listed as missing.
        match run.result(study) {
            Ok(None) => Ok(Self { kind, study: study.into() }),
            Ok(Some(summary)) => Err(Attempt::Ended(Box::new(summary))),
            Err(error) => Err(Attempt::Failed(error.to_string())),
        }
    }

    /// Where the records grow.
    pub fn dir(&self) -> &RunDir {
        match &self.kind {
            Kind::Locked(dir) => dir,
            Kind::Apart(apart) => apart.dir(),
        }
    }

    /// Ends the attempt and returns its outcome; records of a run that has ended are then under the run's name.
    pub fn close(self, run: &PlannedRun, result: Result<Summary, TrainError>) -> Attempt {
        let Self { kind, study } = self;
        match (kind, result) {
            (Kind::Locked(_), result) => result.into(),
            (Kind::Apart(apart), Ok(summary)) => {
                let kept = match summary.outcome {
                    Outcome::Interrupted => apart.lay_aside(),
                    Outcome::Finished | Outcome::Diverged => apart.publish(),
                };
                kept.map_or_else(failed, |()| Attempt::from(Ok(summary)))
            }
            // Whoever made the run meanwhile may have taken away what was left to do.
            (Kind::Apart(_), Err(error)) => match run.result(&study) {
                Ok(Some(summary)) => Attempt::Ended(Box::new(summary)),
                Ok(None) | Err(_) => Attempt::from(Err(error)),
            },
        }
    }
}

fn failed(error: RecordError) -> Attempt {
    match error {
        RecordError::Busy { .. } => Attempt::Elsewhere,
        error @ (RecordError::Io { .. }
        | RecordError::Taken { .. }
        | RecordError::Foreign { .. }
        | RecordError::OtherStudy { .. }
        | RecordError::Broken { .. }) => Attempt::Failed(error.in_study().to_string()),
    }
}
