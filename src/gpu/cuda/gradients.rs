//! Gradients of all parameters in one tensor, and sums of squares.

use std::ops::Range;

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};

use super::launch::{Grid, Module, address, gpu, int, launch, name_of, unwritten, unwritten_of};
use super::ptx;

const GRADIENTS: Module = Module { name: "initlab_gradients", ptx: ptx::GRADIENTS };

/// Gradients of a launch, as gradients.cu has it.
const MOST: usize = 64;

#[repr(C)]
#[derive(Clone, Copy)]
struct Gradient {
    parts: u64,
    count: i32,
    len: i32,
    start: i32,
}

#[repr(C)]
struct Join {
    gradients: [Gradient; MOST],
    joined: u64,
    squares: u64,
    count: i32,
    begin: i32,
    end: i32,
    values: i32,
    block: i32,
    blocks: i32,
}

#[repr(C)]
struct Norms {
    values: [u64; 3],
    ranges: u64,
    squares: u64,
    len: i32,
}

// SAFETY: plain numbers, laid out as gradients.cu has them.
unsafe impl DeviceRepr for Join {}
// SAFETY: likewise.
unsafe impl DeviceRepr for Norms {}

const THREADS: usize = 256;

/// Gradients `[run, part, value]` with their parts added up, side by side in `[run, value]`; and the sum of all squares
/// of each run.
pub fn join(gradients: &[Tensor]) -> Result<Option<(Tensor, Tensor)>> {
    let Some(first) = gradients.first() else { return Ok(None) };
    let Some(device) = gpu(first) else { return Ok(None) };
    let gradients: Vec<Tensor> = gradients.iter().map(Tensor::contiguous).collect::<Result<_>>()?;
    let sizes: Vec<usize> = gradients.iter().map(|g| g.dim(2)).collect::<Result<_>>()?;
    let (runs, values) = (first.dim(0)?, sizes.iter().sum::<usize>());
    let blocks_of = |sizes: &[usize]| sizes.iter().sum::<usize>().div_ceil(THREADS);
    let blocks: usize = sizes.chunks(MOST).map(blocks_of).sum();
    let joined = unwritten((runs, values), first)?;
    let squares = unwritten_of((runs, blocks), DType::F64, first)?;
    let (mut begin, mut block) = (0, 0);
    for (gradients, sizes) in gradients.chunks(MOST).zip(sizes.chunks(MOST)) {
        let mut list = [Gradient { parts: 0, count: 0, len: 0, start: 0 }; MOST];
        let mut end = begin;
        for ((to, gradient), &len) in list.iter_mut().zip(gradients).zip(sizes) {
            *to =
                Gradient { parts: address(gradient)?, count: int(gradient.dim(1)?)?, len: int(len)?, start: int(end)? };
            end += len;
        }
        let call = Join {
            gradients: list,
            joined: address(&joined)?,
            squares: address(&squares)?,
            count: int(gradients.len())?,
            begin: int(begin)?,
            end: int(end)?,
            values: int(values)?,
            block: int(block)?,
            blocks: int(blocks)?,
        };
        let grid = Grid { blocks: [blocks_of(sizes), runs, 1], threads: [THREADS, 1], shared: 0 };
        // SAFETY: the list names gradients with these lengths; `joined` and `squares` have room for all of them.
        unsafe { launch(device, GRADIENTS, &format!("join_{}", name_of(first.dtype())), grid, &call)? };
        (begin, block) = (end, block + blocks_of(sizes));
    }
    Ok(Some((joined, squares.sum(1)?)))
}

/// Σx² over each range of three tensors `[run, value]`: `[tensor·run, range]` in `f64`.
pub fn squares_of_ranges(tensors: [&Tensor; 3], ranges: &[Range<usize>]) -> Result<Option<Tensor>> {
    let Some(device) = gpu(tensors[0]) else { return Ok(None) };
    let tensors = [tensors[0].contiguous()?, tensors[1].contiguous()?, tensors[2].contiguous()?];
    let (runs, values) = tensors[0].dims2()?;
    let ends: Vec<u32> = ranges.iter().flat_map(|range| [range.start as u32, range.end as u32]).collect();
    let ends = Tensor::new(ends, tensors[0].device())?;
    let squares = unwritten_of((3 * runs, ranges.len()), DType::F64, &tensors[0])?;
    let call = Norms {
        values: [address(&tensors[0])?, address(&tensors[1])?, address(&tensors[2])?],
        ranges: address(&ends)?,
        squares: address(&squares)?,
        len: int(values)?,
    };
    let grid = Grid { blocks: [ranges.len(), runs, 3], threads: [THREADS, 1], shared: 0 };
    // SAFETY: the ranges lie within the `values` of each run; the squares have a place for each.
    unsafe { launch(device, GRADIENTS, &format!("norms_{}", name_of(tensors[0].dtype())), grid, &call)? };
    Ok(Some(squares))
}
