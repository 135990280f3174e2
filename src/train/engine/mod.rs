//! Networks in training, wherever they compute.

mod build;
mod cpu;
mod device;
mod images;

use candle_core::{DType, Device, Result, Tensor};

use crate::model::observe::{Observe, Observed};
use crate::record::checkpoint::Weights;
use crate::train::step::{Batch, RunStep, Updated};

/// Where a run computes.
#[derive(Clone, Debug)]
pub enum Compute {
    /// The CPU's kernels with this many threads.
    Cpu {
        /// Threads.
        threads: usize,
    },
    /// candle tensors in `f32`.
    Device(Device),
}

impl Compute {
    /// The CUDA device of this number, once it has done a first piece of work. It is for the calling thread.
    ///
    /// # Errors
    /// The device does not answer, or this build knows none.
    pub fn cuda(number: usize) -> Result<Self> {
        let device = Device::new_cuda(number)?;
        #[cfg(feature = "cuda")]
        // SAFETY: all work on the device goes to one stream, that of the one thread that uses it, and so happens in order.
        // Events for other streams would cost two creations for every tensor.
        unsafe {
            device.as_cuda_device()?.disable_event_tracking();
        }
        Tensor::ones(1, DType::F32, &device)?.affine(2.0, 0.0)?.to_vec1::<f32>()?;
        Ok(Self::Device(device))
    }

    /// The name in records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu { .. } => "cpu",
            Self::Device(device) if device.is_cuda() => "cuda",
            Self::Device(_) => "candle-cpu",
        }
    }
}

/// Networks with their optimisers' state: one on the CPU's kernels, or a cohort on a device. A run is named by its place among them.
///
/// Every function fails if the device does.
pub trait Engine {
    /// Forward and backward pass over a batch of each run, all of one size; the gradients wait for [`Engine::update`]. Returns
    /// what was observed of each run, which stays there as [`Engine::observed`] until the next batch.
    ///
    /// # Errors
    /// The device fails.
    fn forward_backward<'b>(
        &mut self,
        batches: &mut dyn Iterator<Item = Batch<'b>>,
        observe: &Observe,
    ) -> Result<&[Observed]>;

    /// Returns what was observed of the last batch of each run.
    fn observed(&self) -> &[Observed];

    /// Repeats the last forward and backward pass with other statistics. Parameters, running estimates and
    /// [`Engine::observed`] do not change.
    ///
    /// # Errors
    /// The device fails.
    fn repeat<'b>(&mut self, batches: &mut dyn Iterator<Item = Batch<'b>>, observe: &Observe) -> Result<Vec<Observed>>;

    /// Forward pass of every run over one batch; batch norm takes its running estimates. Returns what was observed, as
    /// [`Engine::forward_backward`] does.
    ///
    /// # Errors
    /// The device fails.
    fn evaluate(&mut self, batch: &Batch<'_>, observe: &Observe) -> Result<&[Observed]>;

    /// Clips each run's gradients to `clip_norm` together and takes an optimiser step. A run whose gradient norm is not
    /// finite does not move. With `norms`, those of every parameter are measured. Returns what was done to each run, which
    /// stays there as [`Engine::updated`] until the next step.
    ///
    /// # Errors
    /// The device fails.
    fn update(&mut self, steps: &[RunStep], clip_norm: Option<f64>, norms: bool) -> Result<&[Updated]>;

    /// Returns what the last [`Engine::update`] did to each run.
    fn updated(&self) -> &[Updated];

    /// The first parameter of `run`, from the input on, whose gradient is not finite.
    ///
    /// # Errors
    /// The device fails.
    fn first_non_finite_gradient(&self, run: usize) -> Result<Option<usize>>;

    /// Everything that training changes of one run, in PyTorch's order.
    ///
    /// # Errors
    /// The device fails.
    fn weights(&self, run: usize) -> Result<Weights<'_>>;

    /// Threads of the host that it leaves idle between steps.
    fn threads(&self) -> usize;

    /// Takes over the parameters of one run, and, where there are any, the optimiser's state and the running estimates.
    ///
    /// # Errors
    /// The device fails.
    fn set_weights(&mut self, run: usize, weights: &Weights<'_>) -> Result<()>;
}
