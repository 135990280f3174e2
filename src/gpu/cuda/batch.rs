//! The two ends of a step: images of a batch, and the loss of its outputs.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Device, Result, Tensor};

use super::launch::{Grid, Module, address, gpu, int, launch, name_of, unwritten, unwritten_of};
use super::ptx;
use crate::gpu::loss::Measured;

const BATCH: Module = Module { name: "initlab_batch", ptx: ptx::BATCH };

#[repr(C)]
struct Images {
    bytes: u64,
    indices: u64,
    images: u64,
    scale: f32,
    offset: f32,
    pixels: i32,
    len: i64,
}

#[repr(C)]
struct CrossEntropy {
    outputs: u64,
    labels: u64,
    gradient: u64,
    loss: u64,
    correct: u64,
    scale: f64,
    rows: i32,
    classes: i32,
}

// SAFETY: plain numbers, laid out as batch.cu has them.
unsafe impl DeviceRepr for Images {}
// SAFETY: likewise.
unsafe impl DeviceRepr for CrossEntropy {}

const THREADS: usize = 256;

/// Images (bytes, `[image, pixel]`) by index as numbers, times `scale` plus `offset`. The indices must be within.
pub fn images(bytes: &Tensor, indices: &Tensor, scale: f64, offset: f64) -> Result<Option<Tensor>> {
    let Device::Cuda(device) = bytes.device() else { return Ok(None) };
    let (count, pixels) = (indices.dim(0)?, bytes.dim(1)?);
    let images = unwritten_of((count, pixels), DType::F32, bytes)?;
    let len = count * pixels;
    let call = Images {
        bytes: address(bytes)?,
        indices: address(indices)?,
        images: address(&images)?,
        scale: scale as f32,
        offset: offset as f32,
        pixels: int(pixels)?,
        len: len as i64,
    };
    let grid = Grid { blocks: [len.div_ceil(4 * THREADS).clamp(1, 1 << 16), 1, 1], threads: [THREADS, 1], shared: 0 };
    // SAFETY: the caller answers for the indices; there is room for every image.
    unsafe { launch(device, BATCH, "images", grid, &call)? };
    Ok(Some(images))
}

/// Cross-entropy of the softmax of outputs `[run, row, class]` against labels `[run, row]`.
pub fn cross_entropy(outputs: &Tensor, labels: &Tensor, scale: f64) -> Result<Option<Measured>> {
    let Some(device) = gpu(outputs) else { return Ok(None) };
    let [outputs, labels] = [outputs.contiguous()?, labels.contiguous()?];
    let (runs, rows, classes) = outputs.dims3()?;
    let gradient = unwritten(outputs.shape(), &outputs)?;
    let [loss, correct] = [unwritten_of(runs, DType::F64, &outputs)?, unwritten_of(runs, DType::F64, &outputs)?];
    int(rows * classes)?;
    let call = CrossEntropy {
        outputs: address(&outputs)?,
        labels: address(&labels)?,
        gradient: address(&gradient)?,
        loss: address(&loss)?,
        correct: address(&correct)?,
        scale,
        rows: int(rows)?,
        classes: int(classes)?,
    };
    let threads = rows.next_multiple_of(32).clamp(32, 512);
    let grid = Grid { blocks: [runs, 1, 1], threads: [threads, 1], shared: 0 };
    // SAFETY: outputs and gradient have `runs`·`rows`·`classes` values, the labels one for each row, the sums one for each run.
    unsafe { launch(device, BATCH, &format!("cross_entropy_{}", name_of(outputs.dtype())), grid, &call)? };
    Ok(Some(Measured { loss, correct, gradient }))
}
