//! The help says what `--dataset` and `--data` take.

use crate::data::{Choice, Known};

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
