//! One binary for all integration tests; a file for each subject.

mod allocation;
mod architecture;
mod circles;
mod cli;
mod cohort;
#[cfg(feature = "cuda")]
mod cuda;
mod data;
mod depth;
mod dropout;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(feature = "fetch")]
mod fetch;
mod golden;
mod gradients;
#[cfg(feature = "hub")]
mod hub;
mod lesson8;
mod paths;
mod prediction;
mod probe;
mod real_data;
mod report;
#[cfg(feature = "fetch")]
mod server;
mod theory;
