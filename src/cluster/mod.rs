//! A study on the machines of a cluster: its plan in a file, cut into shards, which Slurm or another scheduler hands to tasks.
//!
//! [`plan_file`] holds the runs, [`cut`] says which shard makes which; a task tells of itself in a [`shard_record`].

pub mod cut;
pub mod error;
pub mod plan_file;
pub mod shard_record;
pub mod shell;
pub mod source;
