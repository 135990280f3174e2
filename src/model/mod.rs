//! Networks: their layers in order, their parameters by name, and the two ways of running them.
//!
//! [`Network`] is the plan: shapes, names, parameters. [`cpu::CpuModel`] runs it on the CPU with the slice kernels;
//! [`device::DeviceModel`] runs it on candle tensors of any device and float type. Both do forward and backward by hand
//! and give the same numbers.

pub mod build;
mod by_param;
mod cnn;
pub mod cpu;
pub mod device;
mod draft;
pub mod draws;
mod error;
mod geometry;
pub mod initialise;
mod layer;
mod layers;
pub mod lsuv;
pub mod memory;
mod mlp;
mod network;
pub mod objective;
pub mod observe;
mod param;
mod planner;
mod shape;
mod unit;

pub use error::NetworkError;
pub use layer::{Family, Layer, LayerSpec, Op};
pub use network::{Network, ObservedLayer};
pub use param::{Layout, Param, Role};
pub use shape::Shape;
