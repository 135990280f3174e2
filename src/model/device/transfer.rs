//! Transfers between host and device: results in one copy, constants once.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

/// Numbers on their way to the host, all in one copy.
#[derive(Default)]
pub struct Transfer {
    parts: Vec<Tensor>,
    len: usize,
}

impl Transfer {
    /// Takes a tensor along; its numbers, as `f64`, will lie in the returned range.
    pub fn add(&mut self, t: &Tensor) -> Result<Range<usize>> {
        let part = t.flatten_all()?.to_dtype(DType::F64)?;
        let start = self.len;
        self.len += part.elem_count();
        self.parts.push(part);
        Ok(start..self.len)
    }

    /// Copies everything.
    pub fn fetch(self) -> Result<Vec<f64>> {
        if self.parts.is_empty() { Ok(Vec::new()) } else { Tensor::cat(&self.parts, 0)?.to_vec1() }
    }
}

/// While this lives, what candle uploads for a launch (dimensions, strides, small numbers) is kept on the GPU and not
/// uploaded again: within a step these are the same every time. Data of a batch must be uploaded outside.
pub fn keep_constants(device: &Device) -> impl Sized + use<> {
    #[cfg(feature = "cuda")]
    let guard = device.as_cuda_device().ok().map(|device| device.enable_cuda_graph_htod_cache());
    #[cfg(not(feature = "cuda"))]
    let guard = device.is_cpu();
    guard
}
