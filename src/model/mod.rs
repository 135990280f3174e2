//! Networks: their layers in order, their parameters by name, and the two ways of running them.
//!
//! [`Network`] is the plan: shapes, names, parameters. [`host::HostModel`] runs it on the CPU with the slice kernels;
//! [`device::DeviceModel`] runs it on candle tensors of any device and float type. Both do forward and backward by hand
//! and give the same numbers.

pub mod build;
mod cnn;
pub mod device;
pub mod host;
pub mod lsuv;
mod mlp;
pub mod network;
pub mod start;
pub mod workspace;

pub use network::{Layer, LayerSpec, Network, NetworkError, Op, Param, Role, Shape};
