//! The help says what `--dataset` and `--data` take.

use crate::data::{Choice, DataError, Known};

/// Help of `--dataset`.
pub fn dataset() -> String {
    let names: Vec<&str> = Choice::names().collect();
    format!("{}, or a directory of four IDX files", names.join(", "))
}

/// Help of `--dataset` where a config has named a set.
pub fn other_dataset() -> String {
    format!("{}, instead of the config's", dataset())
}

/// Help of `--data`.
pub fn data() -> String {
    format!("Directory with the files of {}", Known::listing())
}

/// The known names, as a line below the error that a data set's name, if it is one and no path, is no directory either.
pub(crate) fn names_instead_of(error: &anyhow::Error) -> String {
    let Some(DataError::Missing { directory, .. }) = error.downcast_ref() else { return String::new() };
    let is_name = directory.components().count() == 1 && directory.is_relative();
    if !is_name || directory.exists() {
        return String::new();
    }
    let names: Vec<&str> = Choice::names().collect();
    format!("\n  = known names: {}", names.join(", "))
}
