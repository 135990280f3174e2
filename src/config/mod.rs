//! Experiment configs: TOML files read strictly, so that a misspelt key is an error and never a default.

pub mod document;
pub mod error;
pub mod overrides;
pub mod reader;
#[cfg(test)]
mod tests;
pub mod value;

pub use crate::config::document::Document;
pub use crate::config::error::ConfigError;
pub use crate::config::reader::Section;
pub use crate::config::value::Value;
