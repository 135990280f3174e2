//! Paths on the command line.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::data::home;

/// Reads a path, and `~` at its beginning as the home directory: after `--out=` no shell does it.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| home::expand(&path))
}
