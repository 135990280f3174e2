//! One binary for all integration tests; a file for each subject.

mod allocation;
mod architecture;
mod candle;
mod circles;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod cohort;
#[cfg(feature = "cli")]
mod colour;
#[cfg(all(feature = "cli", feature = "cuda"))]
mod cuda;
#[cfg(feature = "cli")]
mod data;
mod depth;
#[cfg(feature = "cli")]
mod docs;
mod dropout;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod faults;
#[cfg(all(feature = "cli", feature = "fetch"))]
mod fetch;
mod findings;
mod golden;
mod gradients;
#[cfg(all(feature = "cli", feature = "hub"))]
mod hub;
mod lesson8;
mod mup;
mod noise;
mod papers;
mod paths;
mod prediction;
mod probe;
mod public_api;
mod real_data;
mod report;
#[cfg(all(feature = "cli", feature = "fetch"))]
mod server;
mod sharpness;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod slurm;
mod theory;
mod tidy;
mod width;
