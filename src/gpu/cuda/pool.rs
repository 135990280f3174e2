//! Means over all pixels.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{Result, Tensor};

use super::launch::{Grid, Module, address, gpu, int, launch, name_of, unwritten};
use super::ptx;

const POOL: Module = Module { name: "initlab_pool", ptx: ptx::POOL };

#[repr(C)]
struct Mean {
    from: u64,
    to: u64,
    rows: i32,
    pixels: i32,
    units: i32,
}

// SAFETY: plain numbers, laid out as pool.cu has them.
unsafe impl DeviceRepr for Mean {}

const THREADS: usize = 256;

/// Means over each row's pixels: `[run, row·pixel, unit]` → `[run, row, unit]`.
pub fn mean_of_pixels(t: &Tensor, pixels: usize) -> Result<Option<Tensor>> {
    let (runs, all, units) = t.dims3()?;
    over_pixels("mean", t, [runs, all / pixels, units], [runs * (all / pixels), pixels, units])
}

/// The gradient of the values from that of their means.
pub fn mean_of_pixels_backward(gradient: &Tensor, pixels: usize) -> Result<Option<Tensor>> {
    let (runs, rows, units) = gradient.dims3()?;
    over_pixels("mean_backward", gradient, [runs, rows * pixels, units], [runs * rows, pixels, units])
}

fn over_pixels(kernel: &str, t: &Tensor, to: [usize; 3], [rows, pixels, units]: [usize; 3]) -> Result<Option<Tensor>> {
    let Some(device) = gpu(t) else { return Ok(None) };
    let (t, to) = (t.contiguous()?, unwritten(to.to_vec(), t)?);
    let call =
        Mean { from: address(&t)?, to: address(&to)?, rows: int(rows)?, pixels: int(pixels)?, units: int(units)? };
    let grid = Grid { blocks: [to.elem_count().div_ceil(THREADS), 1, 1], threads: [THREADS, 1], shared: 0 };
    // SAFETY: the one has `rows`·`units` values, the other `pixels` times as many.
    unsafe { launch(device, POOL, &format!("{kernel}_{}", name_of(t.dtype())), grid, &call)? };
    Ok(Some(to))
}
