//! Networks: their layers in order, their parameters by name, and the two ways of running them.
//!
//! [`Network`] is the plan: shapes, names, parameters. [`cpu::CpuModel`] runs it on the CPU with the slice kernels;
//! [`device::DeviceModel`] runs it on candle tensors of any device and float type. Both do forward and backward by hand
//! and give the same numbers.

#[doc(hidden)]
pub mod build;
mod by_param;
pub mod candle;
mod cnn;
#[doc(hidden)]
pub mod cpu;
#[doc(hidden)]
pub mod device;
mod draft;
#[doc(hidden)]
pub mod draws;
mod error;
mod geometry;
#[doc(hidden)]
pub mod initialise;
mod layer;
mod layers;
#[doc(hidden)]
pub mod lsuv;
#[doc(hidden)]
pub mod memory;
mod mlp;
#[doc(hidden)]
pub mod mup;
mod network;
#[doc(hidden)]
pub mod objective;
#[doc(hidden)]
pub mod observe;
mod param;
mod places;
mod planner;
mod shape;
#[doc(hidden)]
pub mod sharpness;
mod unit;

pub use candle::CandleNetwork;
pub use error::NetworkError;
pub use layer::{Family, Layer, LayerSpec, Op};
pub use network::{Network, ObservedLayer};
pub use param::{Layout, Param, Role};
pub use planner::Activations;
pub use shape::Shape;
