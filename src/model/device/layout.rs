//! Between PyTorch's orders and that of the device: samples with their channels last, parameters as the kernels have them.

use candle_core::{Result, Tensor};

use crate::gpu::swap;
use crate::model::device::model::DeviceModel;
use crate::model::param::{Layout, Param};
use crate::model::shape::Shape;

/// Samples `[run, row, …]` in PyTorch's order as `[run, row·pixel, channel]`.
pub fn samples_from_torch(samples: &Tensor, shape: Shape) -> Result<Tensor> {
    let (runs, rows) = (samples.dim(0)?, samples.dim(1)?);
    swap(samples, [runs * rows, shape.units(), shape.pixels()])?.reshape((runs, (), shape.units()))
}

/// The way back, `[run, row, …]`.
pub fn samples_to_torch(samples: &Tensor, shape: Shape) -> Result<Tensor> {
    let runs = samples.dim(0)?;
    let rows = samples.elem_count() / (runs * shape.len());
    let swapped = swap(samples, [runs * rows, shape.pixels(), shape.units()])?;
    swapped.reshape([vec![runs, rows], shape.dims()].concat())
}

/// A parameter's values in PyTorch's order and shape, from those in the kernels' layout.
fn param_to_torch(values: &Tensor, param: &Param) -> Result<Tensor> {
    let values = match param.layout {
        Layout::Same => values.clone(),
        Layout::ChannelsLast { channels, pixels } => {
            swap(values, [param.len() / (channels * pixels), pixels, channels])?
        }
    };
    values.reshape(param.shape.as_slice())
}

fn param_from_torch(values: &Tensor, param: &Param) -> Result<Tensor> {
    let values = match param.layout {
        Layout::Same => values.contiguous()?,
        Layout::ChannelsLast { channels, pixels } => {
            swap(values, [param.len() / (channels * pixels), channels, pixels])?
        }
    };
    values.reshape(param.len())
}

impl DeviceModel {
    /// Samples in the form of the layers, one batch for each run.
    pub(super) fn input(&self, samples: &Tensor) -> Result<Tensor> {
        let samples = samples_from_torch(&samples.to_dtype(self.dtype)?.contiguous()?, self.network().input)?;
        let (_, rows, units) = samples.dims3()?;
        samples.broadcast_as((self.runs(), rows, units))
    }

    /// Parameter `index` of `run`, in PyTorch's shape and order.
    ///
    /// # Errors
    /// The device fails.
    pub fn param(&self, run: usize, index: usize) -> Result<Tensor> {
        let param = &self.network().params[index];
        param_to_torch(&self.params.get(run)?.narrow(0, param.start, param.len())?, param)
    }

    /// Replaces parameter `index` of `run` by a tensor in PyTorch's shape and order.
    ///
    /// # Errors
    /// The device fails, or the shape differs.
    pub fn set_param(&mut self, run: usize, index: usize, value: &Tensor) -> Result<()> {
        let param = &self.network().params[index];
        let value = param_from_torch(value, param)?.unsqueeze(0)?;
        self.params = self.params.slice_assign(&[run..run + 1, param.range()], &value)?;
        Ok(())
    }

    /// Gradient of parameter `index` of `run` from the last step, in PyTorch's shape and order.
    ///
    /// # Errors
    /// The device fails.
    ///
    /// # Panics
    /// If no step was taken.
    pub fn gradient(&self, run: usize, index: usize) -> Result<Tensor> {
        let param = &self.network().params[index];
        param_to_torch(&self.gradients().get(run)?.narrow(0, param.start, param.len())?, param)
    }
}
