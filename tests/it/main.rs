//! One binary for all integration tests; a file for each subject.

mod data;
mod golden;
mod real_data;
