//! Networks on candle tensors: any device and float type, forward and backward by hand, no autograd.
//!
//! A [`DeviceModel`] is a cohort: R networks of one shape that train side by side, each with its own parameters,
//! activation parameters and batches. One run is a cohort of one. All parameters lie in one tensor `[run, value]`, laid
//! out as [`super::cpu::CpuModel`] has them, so that an optimiser's step is a few launches whatever the depth.

mod estimates;
mod layout;
mod measure;
mod model;
mod observe;
pub(super) mod pass;
pub(super) mod prepared;
mod step;
mod transfer;
mod walk;

pub use model::DeviceModel;
pub use step::Step;
