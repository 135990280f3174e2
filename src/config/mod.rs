//! Experiment configs: TOML files read strictly, so that a misspelt key is an error and never a default.

pub(crate) mod check;
pub(crate) mod choices;
pub mod data;
pub mod document;
pub mod error;
pub mod experiment;
pub mod init;
pub mod key;
pub mod model;
mod node;
pub mod norm;
pub mod optimizer;
mod overlay;
pub mod overrides;
pub mod range;
pub mod reader;
pub mod record;
pub mod reference;
pub mod residual;
pub mod resolve;
pub mod schedule;
pub mod stage;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod train;
pub mod value;
mod vocabulary;

pub use crate::config::document::Document;
pub use crate::config::error::ConfigError;
pub use crate::config::experiment::Experiment;
pub use crate::config::reader::Section;
pub use crate::config::value::Value;
