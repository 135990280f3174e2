//! One binary for all integration tests; a file for each subject.

mod architecture;
mod data;
mod golden;
mod gradients;
mod paths;
mod real_data;
mod theory;
