//! The engine for a place to compute.

use std::sync::Arc;

use candle_core::Result;

use crate::model::Network;
use crate::model::objective::Loss;
use crate::optim::Optimizer;
use crate::train::engine::cpu::CpuEngine;
use crate::train::engine::device::DeviceEngine;
use crate::train::engine::{Compute, Engine};

impl Compute {
    /// An engine for `networks` with all parameters zero.
    ///
    /// # Errors
    /// The device refuses memory.
    ///
    /// # Panics
    /// If there are several networks for the CPU's kernels, or they are not [`Network::like`] each other.
    pub fn engine(&self, networks: Vec<Arc<Network>>, optimizer: Optimizer, loss: Loss) -> Result<Box<dyn Engine>> {
        Ok(match self {
            Self::Cpu { threads } => {
                let [network] = <[_; 1]>::try_from(networks).expect("the kernels train one network at a time");
                Box::new(CpuEngine::new(network, *threads, optimizer, loss))
            }
            Self::Device(device) => Box::new(DeviceEngine::new(networks, device, optimizer, loss)?),
        })
    }
}
