//! The directory of a run: plain files that other tools read, written so that what is present is complete.

pub mod apart;
pub mod checkpoint;
pub mod csv;
pub mod error;
pub mod finding;
pub mod histograms;
pub mod hyperparameters;
pub mod layers;
mod lines;
pub mod lock;
pub mod manifest;
pub mod noise;
pub mod process;
mod protobuf;
pub mod read;
pub mod replay;
pub mod row;
pub mod rows;
pub mod run_dir;
pub mod seal;
pub mod sharpness;
pub mod statistics;
pub mod summary;
pub mod tensorboard;
pub mod tensors;
pub mod whole;

pub use crate::record::error::RecordError;
pub use crate::record::run_dir::RunDir;
