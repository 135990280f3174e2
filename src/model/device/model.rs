//! A cohort's parameters on its device.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use crate::model::device::pass::Pass;
use crate::model::device::prepared::Prepared;
use crate::model::draws::Draws;
use crate::model::layer::Layer;
use crate::model::network::Network;

/// Networks of one shape with their parameters on a device.
pub struct DeviceModel {
    pub(super) networks: Vec<Arc<Network>>,
    pub(super) device: Device,
    pub(super) dtype: DType,
    pub(super) prepared: Vec<Prepared>,
    /// `[run, value]`, in the kernels' layout.
    pub(super) params: Tensor,
    /// Gradients of the last step, laid out as `params`.
    pub(super) gradients: Option<Tensor>,
    /// Batch norm's estimates, `[run, value]`; absent where there are none.
    pub(super) running: Option<Tensor>,
    pub(super) batches_seen: u64,
    pub(super) draws: Vec<Draws>,
}

impl DeviceModel {
    /// One network with all parameters zero and running variances one.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(network: Arc<Network>, device: Device, dtype: DType) -> Result<Self> {
        Self::cohort(vec![network], device, dtype)
    }

    /// Several networks with all parameters zero and running variances one, which must be [`Network::like`] each other.
    ///
    /// # Errors
    /// The device refuses memory.
    ///
    /// # Panics
    /// If there is no network, or they are not alike.
    pub fn cohort(networks: Vec<Arc<Network>>, device: Device, dtype: DType) -> Result<Self> {
        assert!(networks.iter().all(|network| network.like(&networks[0])), "the networks of a cohort are alike");
        let layers: Vec<&[Layer]> = networks.iter().map(|network| network.layers.as_slice()).collect();
        let prepared = Prepared::all(&layers, dtype, &device)?;
        let (network, runs) = (&networks[0], networks.len());
        let params = Tensor::zeros((runs, network.parameters()), dtype, &device)?;
        let estimates = network.initial_running();
        let draws = Vec::new();
        let running = if estimates.is_empty() {
            None
        } else {
            let one = Tensor::new(estimates, &device)?.to_dtype(dtype)?;
            Some(one.unsqueeze(0)?.repeat((runs, 1))?)
        };
        Ok(Self { networks, device, dtype, prepared, params, gradients: None, running, batches_seen: 0, draws })
    }

    /// The plan of the first run; the others differ at most in activation parameters.
    pub fn network(&self) -> &Arc<Network> {
        &self.networks[0]
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.networks.len()
    }

    /// Where the tensors lie.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The float type of every tensor.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// All parameters, `[run, value]`, in the kernels' layout.
    pub fn params(&self) -> &Tensor {
        &self.params
    }

    /// Replaces all parameters of all runs.
    pub fn set_params(&mut self, params: Tensor) {
        self.params = params;
    }

    /// All gradients of the last step, laid out like the parameters.
    ///
    /// # Panics
    /// If no step was taken.
    pub fn gradients(&self) -> &Tensor {
        self.gradients.as_ref().expect("a step was taken")
    }

    /// Batch norm's running estimates, `[run, value]`, laid out as in [`Network::running`]; `None` without batch norm.
    pub fn running(&self) -> Option<&Tensor> {
        self.running.as_ref()
    }

    /// Replaces the running estimates of all runs.
    pub fn set_running(&mut self, running: Option<Tensor>) {
        self.running = running;
    }

    /// Training steps that moved the running estimates.
    pub fn batches_seen(&self) -> u64 {
        self.batches_seen
    }

    /// Sets the number of training steps seen.
    pub fn set_batches_seen(&mut self, batches: u64) {
        self.batches_seen = batches;
    }

    /// Tells layers that draw what the draws of each run's next training step come from; without it nothing is drawn.
    pub fn set_draws(&mut self, draws: Vec<Draws>) {
        self.draws = draws;
    }

    /// Returns the inputs that layers share in a pass over `rows` rows.
    pub(super) fn pass(&self, rows: usize, training: bool) -> Pass<'_> {
        let (network, running) = (self.network(), self.running.as_ref());
        let draws: &[Draws] = if training { &self.draws } else { &[] };
        Pass { network, params: &self.params, running, training, draws, rows }
    }
}
