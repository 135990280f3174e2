//! A network on the CPU in `f32`: the slice kernels, with the batch cut into shards that share the cores.

mod batch;
mod model;
mod order;
pub(super) mod pass;
pub mod policy;
mod shard;
mod trace;
mod workspace;

pub use model::CpuModel;
