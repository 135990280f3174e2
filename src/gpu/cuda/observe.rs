//! Statistics of many tensors in two launches.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{DType, Result, Tensor};

use super::launch::{Grid, Module, address, gpu, in_pieces, int, launch, name_of, unwritten_of};
use super::ptx;

const OBSERVE: Module = Module { name: "initlab_observe", ptx: ptx::OBSERVE };

/// Tensors of a launch, as observe.cu has it.
const MOST: usize = 64;

/// Sums of a tensor, as observe.cu has it.
const SUMS: usize = 5;

/// Units that a block can mark.
const MOST_UNITS: usize = 8192;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ObservedLayer {
    values: u64,
    ends: u64,
    live: u64,
    near: f64,
    run: i64,
    len: i32,
    units: i32,
}

#[repr(C)]
struct Observation {
    tensors: [ObservedLayer; MOST],
    parts: u64,
    sums: u64,
    count: i32,
    blocks: i32,
}

#[repr(C)]
struct Histogram {
    values: u64,
    counts: u64,
    low: f64,
    high: f64,
    scale: f64,
    run: i64,
    len: i32,
    bins: i32,
    count: i32,
}

// SAFETY: plain numbers, laid out as observe.cu has them.
unsafe impl DeviceRepr for Observation {}
// SAFETY: likewise.
unsafe impl DeviceRepr for Histogram {}

const THREADS: usize = 256;

/// Values of a block.
const COUNT: usize = 32 * THREADS;

/// Of each tensor `[run, row·pixel, unit]` with its threshold Σx, Σx², least, greatest and the count of near zeros,
/// `[tensor, sum, run]` in `f64`; and a 1 for each unit of each run of which some value lies within the run's ends, for
/// those of the tensors that have ends, one behind the other.
pub fn observe(
    tensors: &[(&Tensor, f64)],
    ends: &[Option<Vec<(f64, f64)>>],
) -> Result<Option<(Tensor, Option<Tensor>)>> {
    let Some((like, _)) = tensors.first() else { return Ok(None) };
    let Some(device) = gpu(like) else { return Ok(None) };
    let units: Vec<usize> = tensors.iter().map(|(t, _)| t.dim(2)).collect::<Result<_>>()?;
    let marked: Vec<usize> = (0..tensors.len()).filter(|&i| ends.get(i).is_some_and(Option::is_some)).collect();
    if marked.iter().any(|&i| units[i] > MOST_UNITS) {
        return Ok(None);
    }
    let runs = like.dim(0)?;
    let live: usize = marked.iter().map(|&i| runs * units[i]).sum();
    let live = if live == 0 { None } else { Some(Tensor::zeros(live, DType::U32, like.device())?) };
    let numbers: Vec<f64> = ends.iter().flatten().flatten().flat_map(|&(low, high)| [low, high]).collect();
    let limits = if live.is_some() { Some(Tensor::new(numbers, like.device())?) } else { None };
    let sums = unwritten_of((tensors.len(), SUMS, runs), DType::F64, like)?;

    let (mut next_live, mut next_ends) =
        (live.as_ref().map_or(Ok(0), address)?, limits.as_ref().map_or(Ok(0), address)?);
    for (at, tensors) in tensors.chunks(MOST).enumerate() {
        let mut list = [ObservedLayer::default(); MOST];
        let mut kept = Vec::with_capacity(tensors.len());
        let (mut longest, mut widest) = (0, 0);
        for (place, (to, (tensor, near))) in list.iter_mut().zip(tensors).enumerate() {
            let i = at * MOST + place;
            let t;
            (*to, t) = entry(tensor, *near)?;
            longest = longest.max(t.elem_count() / runs);
            if marked.contains(&i) {
                (to.live, to.ends) = (next_live, next_ends);
                next_live += (runs * units[i] * size_of::<u32>()) as u64;
                next_ends += (runs * size_of::<[f64; 2]>()) as u64;
                widest = widest.max(units[i]);
            }
            kept.push(t);
        }
        let blocks = longest.div_ceil(COUNT);
        let parts = unwritten_of((tensors.len(), runs, blocks, SUMS), DType::F64, like)?;
        let call = Observation {
            tensors: list,
            parts: address(&parts)?,
            sums: address(&sums)? + (at * MOST * SUMS * runs * size_of::<f64>()) as u64,
            count: int(COUNT)?,
            blocks: int(blocks)?,
        };
        let shared = widest * size_of::<u32>();
        let grid = Grid { blocks: [blocks, runs, tensors.len()], threads: [THREADS, 1], shared };
        // SAFETY: the list names tensors with these sizes, and for those with ends their places among ends and marks.
        unsafe { launch(device, OBSERVE, &format!("observe_{}", name_of(like.dtype())), grid, &call)? };
        let grid = Grid { blocks: [runs, tensors.len(), 1], threads: [32, 1], shared: 0 };
        // SAFETY: the parts were just written; the sums have room for these tensors.
        unsafe { launch(device, OBSERVE, "observe_sums", grid, &call)? };
    }
    Ok(Some((sums, live)))
}

/// A tensor's entry in the list of a launch, and the tensor as the kernel reads it.
fn entry(t: &Tensor, near: f64) -> Result<(ObservedLayer, Tensor)> {
    let (runs, _, units) = t.dims3()?;
    let (t, apart) = in_pieces(t)?;
    let len = int(t.elem_count() / runs)?;
    let (values, run, units) = (address(&t)?, apart as i64, int(units)?);
    Ok((ObservedLayer { values, near, run, len, units, ..ObservedLayer::default() }, t))
}

/// Counts of h in equal bins over `[low, high]`, with one bin more on either side, `[run, bin]`.
pub fn histogram(h: &Tensor, bins: usize, (low, high): (f64, f64)) -> Result<Option<Tensor>> {
    let Some(device) = gpu(h) else { return Ok(None) };
    if bins + 2 > MOST_UNITS {
        return Ok(None);
    }
    let runs = h.dim(0)?;
    let counts = Tensor::zeros((runs, bins + 2), DType::U32, h.device())?;
    let (h, apart) = in_pieces(h)?;
    let len = h.elem_count() / runs;
    let call = Histogram {
        values: address(&h)?,
        counts: address(&counts)?,
        low,
        high,
        scale: bins as f64 / (high - low),
        run: apart as i64,
        len: int(len)?,
        bins: int(bins)?,
        count: int(COUNT)?,
    };
    let shared = (bins + 2) * size_of::<u32>();
    let grid = Grid { blocks: [len.div_ceil(COUNT), runs, 1], threads: [THREADS, 1], shared };
    // SAFETY: h has `len` values for each run, the counts `bins` + 2.
    unsafe { launch(device, OBSERVE, &format!("histogram_{}", name_of(h.dtype())), grid, &call)? };
    Ok(Some(counts))
}
