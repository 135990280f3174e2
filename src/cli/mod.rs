//! The command line, a file per command.

pub mod theory;
mod theory_rows;
