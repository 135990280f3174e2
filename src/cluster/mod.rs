//! A study on the machines of a cluster: its plan in a file, cut into shards, which Slurm or another scheduler hands to tasks.
//!
//! [`plan_file`] holds the runs, [`cut`] says which shard makes which; a task tells of itself in a [`shard_record`]. [`script`] is what
//! Slurm runs, [`slurm`] calls its commands, [`replies`] reads what they say, and a [`submission`] keeps what was submitted; [`mod@status`] looks at all of it.

pub mod cut;
pub mod error;
pub mod flags;
pub mod indices;
pub mod plan_file;
pub mod replies;
pub mod script;
pub mod shard_record;
pub mod shell;
pub mod slurm;
pub mod source;
pub mod status;
pub mod submission;
