//! Experiment configs: TOML files read strictly, so that a misspelt key is an error and never a default.

pub(crate) mod check;
pub(crate) mod choices;
pub mod data;
#[doc(hidden)]
pub mod document;
pub mod error;
pub mod experiment;
pub mod init;
mod instead;
#[doc(hidden)]
pub mod key;
mod lacking;
pub mod model;
mod node;
pub mod norm;
pub mod optimizer;
mod overlay;
#[doc(hidden)]
pub mod overrides;
pub mod parametrisation;
#[doc(hidden)]
pub mod range;
#[doc(hidden)]
pub mod reader;
pub mod record;
#[doc(hidden)]
pub mod reference;
pub mod residual;
pub mod resolve;
pub mod schedule;
mod source;
pub mod stage;
pub mod stats;
pub mod template;
#[cfg(test)]
mod tests;
pub mod train;
pub mod unfit;
#[doc(hidden)]
pub mod value;
mod vocabulary;

pub use crate::config::document::Document;
pub use crate::config::error::ConfigError;
pub use crate::config::experiment::Experiment;
pub(crate) use crate::config::lacking::with_all_that_is_missing;
pub use crate::config::reader::Section;
pub use crate::config::value::Value;
