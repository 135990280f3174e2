//! The crate used from outside, a file per subject.

mod data;
#[cfg(feature = "hub")]
mod hub;
