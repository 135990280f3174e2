//! The layers' operations on candle tensors, forwards and backwards, for any device and float type.
//!
//! The slice kernels do the same for `f32` on the CPU; here nothing is assumed about where the numbers lie. Every tensor of
//! activations is `[run, row·pixel, unit]`: the runs of a cohort side by side, images with their channels last, a vector
//! as an image of one pixel. So a batched matrix product serves a layer of all runs at once. On a
//! GPU these nets are bound by the number of launches: operations are chosen to be few, and numbers that they need
//! (indices, thresholds) are uploaded once. candle's own backward passes are not used: several are wrong (pooling,
//! relu′(0)) or missing for strided windows.
//!
//! What candle's kernels do slowly on a GPU, ours do there (`cuda`): each operation asks for them first and goes through candle's
//! tensors otherwise.

pub mod activated;
#[cfg_attr(not(feature = "cuda"), path = "gpu/no_cuda.rs")]
pub(crate) mod cuda;
#[cfg(feature = "candle-datasets")]
pub mod dataset;
pub mod loss;
mod module;
pub mod norm;
pub mod phi;
pub mod reduce;
pub mod windows;

pub use activated::Phi;
pub use windows::Windows;

use candle_core::{DType, Result, Tensor};

/// Images (bytes, `[image, pixel]`) by index as `f32`, times `scale` plus `offset`. The indices must be within.
///
/// # Errors
/// The device fails.
pub fn gather_images(bytes: &Tensor, indices: &Tensor, scale: f64, offset: f64) -> Result<Tensor> {
    match cuda::images(bytes, indices, scale, offset)? {
        Some(images) => Ok(images),
        None => bytes.index_select(indices, 0)?.to_dtype(DType::F32)?.affine(scale, offset),
    }
}

/// [`gather_images`] of images whose values are `[channel, pixel]`, with a scale and an offset for each channel.
///
/// # Errors
/// The device fails.
pub fn gather_channels(bytes: &Tensor, indices: &Tensor, affine: &[(f64, f64)]) -> Result<Tensor> {
    let images = bytes.index_select(indices, 0)?.to_dtype(DType::F32)?;
    let (count, values) = images.dims2()?;
    let each = |of: fn(&(f64, f64)) -> f64| {
        let list: Vec<f32> = affine.iter().map(|pair| of(pair) as f32).collect();
        Tensor::from_vec(list, (1, affine.len(), 1), bytes.device())
    };
    let planes = images.reshape((count, affine.len(), values / affine.len()))?;
    planes.broadcast_mul(&each(|pair| pair.0)?)?.broadcast_add(&each(|pair| pair.1)?)?.reshape((count, values))
}

/// `t` as `[a, b, c]` with the last two dimensions exchanged; without a copy where one of them is 1.
///
/// # Errors
/// The device fails.
pub fn swap(t: &Tensor, [a, b, c]: [usize; 3]) -> Result<Tensor> {
    if b == 1 || c == 1 {
        return t.reshape((a, c, b));
    }
    t.reshape((a, b, c))?.transpose(1, 2)?.contiguous()
}
