//! Errors of a study on a cluster: why its plan cannot be carried out or submitted.

use std::path::PathBuf;

use thiserror::Error;

use crate::record::RecordError;

/// Why a plan cannot be carried out or submitted.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// A file.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is no plan.
    #[error("{}: there is no plan; `initlab submit STUDY --out DIR` writes one", path.display())]
    NoPlan {
        /// Where it should be.
        path: PathBuf,
    },
    /// The directory holds a plan of other runs, some of which are still to be made.
    #[error(
        "{}: holds another plan, which is not done ({differs}); name another directory with --out, or let the new plan take its \
         place with --overwrite: its runs stay, and tasks of it that have not begun refuse", path.display()
    )]
    OtherPlan {
        /// The plan.
        path: PathBuf,
        /// The difference.
        differs: String,
    },
    /// The plan is another version's.
    #[error(
        "{}: was made by version {found}, and this is {}: go on with that version, or let `initlab submit --overwrite` make a new \
         plan, whose runs are other runs", path.display(), env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// The plan.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The plan is not the one that a task was submitted with.
    #[error("{}: holds another plan ({found}) than this task was submitted with ({expected}); submit the study again", path.display())]
    Changed {
        /// The plan.
        path: PathBuf,
        /// The first digits of its sum.
        found: String,
        /// The digits that were expected.
        expected: String,
    },
    /// The data are not those of the plan.
    #[error(
        "{}: is of other data than those that were found here ({name}); is the data set on a disk that this machine sees, and \
         INITLAB_MNIST or --data the same?", path.display()
    )]
    Data {
        /// The plan.
        path: PathBuf,
        /// Name of the data that were found.
        name: String,
    },
    /// The plan is cut into another number of shards.
    #[error("{}: is cut into {found} shards, not {asked}; give --shard i/{found}", path.display())]
    Shards {
        /// The plan.
        path: PathBuf,
        /// How many there are.
        found: usize,
        /// How many were asked for.
        asked: usize,
    },
}
