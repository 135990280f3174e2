//! From a tensor to the sums behind its statistics, on the device where it lies.

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor};

use crate::cpu::histogram::histogram as count;
use crate::cpu::live::LiveUnits;
use crate::cpu::moments::Sums;
use crate::gpu::reduce::powers;
use crate::watch::slices;

/// Runs `f` on a tensor's values: without a copy where they are `f32` in one piece in the host's memory.
pub fn with_values<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let (start, end) = layout.contiguous_offsets().expect("the tensor is contiguous");
    let Storage::Cpu(CpuStorage::F32(values)) = &*storage else {
        candle_core::bail!("a tensor of f32 on the CPU has its values in the host's memory")
    };
    Ok(f(&values[start..end]))
}

/// The sums of all values; those of |x| below `near_zero` are counted, and the higher powers taken if `higher`.
pub fn sums(tensor: &Tensor, near_zero: f32, higher: bool) -> Result<Sums> {
    if !tensor.device().is_cpu() {
        return on_device(tensor, near_zero, higher);
    }
    with_values(tensor, |values| slices::sums(values, near_zero, higher))
}

/// Sums by operations on the tensor, so that a few numbers leave a GPU and not the tensor.
fn on_device(tensor: &Tensor, near_zero: f32, higher: bool) -> Result<Sums> {
    let flat = tensor.detach().flatten_all()?.to_dtype(DType::F64)?;
    let squares = flat.sqr()?;
    let near = flat.abs()?.lt(f64::from(near_zero))?.to_dtype(DType::F64)?;
    let mut parts = vec![flat.sum_all()?, squares.sum_all()?, flat.min(0)?, flat.max(0)?, near.sum_all()?];
    let firsts = parts.len();
    if higher {
        parts.extend(powers(&flat, &squares)?.iter().map(Tensor::sum_all).collect::<Result<Vec<_>>>()?);
    }
    let numbers = Tensor::stack(&parts, 0)?.to_vec1::<f64>()?;
    let n = flat.elem_count() as u64;
    let mut sums =
        Sums { n, sum: numbers[0], sum_of_squares: numbers[1], near_zero: numbers[4] as u64, ..Sums::default() };
    sums.join_extremes(numbers[2] as f32, numbers[3] as f32);
    if higher {
        (sums.higher, sums.higher_n) = (std::array::from_fn(|power| numbers[firsts + power]), n);
    }
    Ok(sums)
}

/// The dimension of a tensor's units: the channels of images `[batch, channel, …]`, else the last one.
pub fn unit_dim(rank: usize) -> Option<usize> {
    match rank {
        0 | 1 => None,
        2 | 3 => Some(rank - 1),
        _ => Some(1),
    }
}

/// Marks the units of which some value lies strictly between `low` and `high`.
pub fn live_between(z: &Tensor, dim: usize, ends: (f32, f32)) -> Result<LiveUnits> {
    let (units, inner) = (z.dim(dim)?, z.dims()[dim + 1..].iter().product::<usize>());
    with_values(z, |values| slices::live_between(values, [units, inner], ends))
}

/// Marks the units whose values are not all the same: one that answers alike to every sample lets no gradient through.
pub fn live_varying(h: &Tensor, dim: usize) -> Result<LiveUnits> {
    let (units, inner) = (h.dim(dim)?, h.dims()[dim + 1..].iter().product::<usize>());
    with_values(h, |values| slices::live_varying(values, [units, inner]))
}

/// Counts in equal bins over `range`, with one bin more on either side.
pub fn histogram(h: &Tensor, bins: usize, (low, high): (f32, f32)) -> Result<Vec<u64>> {
    with_values(h, |values| {
        let mut counts = vec![0; bins + 2];
        count(&mut counts, values, low, high);
        counts
    })
}

/// Σx², in `f64`.
pub fn square_sum(tensor: &Tensor) -> Result<f64> {
    if !tensor.device().is_cpu() || tensor.dtype() != DType::F32 {
        return tensor.detach().to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar();
    }
    with_values(tensor, slices::square_sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 * 0.7).sin() * 2.0 - 0.3).collect()
    }

    #[test]
    fn a_devices_sums_are_those_of_the_slices() {
        for dtype in [DType::F32, DType::BF16, DType::F64] {
            let tensor = Tensor::from_vec(noise(120), (4, 5, 3, 2), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let tensor = tensor.transpose(1, 3).unwrap();
            let (slices, device) = (sums(&tensor, 0.5, true).unwrap(), on_device(&tensor, 0.5, true).unwrap());
            assert_eq!((slices.n, slices.near_zero), (device.n, device.near_zero));
            assert_eq!((slices.min, slices.max), (device.min, device.max));
            for (a, b) in [(slices.mean(), device.mean()), (slices.std(), device.std())] {
                assert!((a - b).abs() < 1e-6, "{dtype:?}: {a} and {b}");
            }
            assert!((slices.kurtosis().unwrap() - device.kurtosis().unwrap()).abs() < 1e-5);
        }
    }

    #[test]
    fn nan_is_seen_on_the_slices_and_on_a_device() {
        let tensor = Tensor::new(&[1.0f32, f32::NAN, 3.0], &Device::Cpu).unwrap();
        for sums in [sums(&tensor, 0.5, false), on_device(&tensor, 0.5, false)] {
            let sums = sums.unwrap();
            assert!(sums.has_nan() && sums.min.is_nan() && sums.max.is_nan(), "{sums:?}");
        }
    }

    #[test]
    fn live_units_are_found_along_the_channels_or_the_last_dimension() {
        // Two images of three channels of four pixels: channel 1 is never above zero, channel 2 once.
        let mut values = vec![1.0f32; 24];
        values[4..8].fill(-1.0);
        values[16..20].fill(-2.0);
        values[8..12].fill(0.0);
        values[20..24].copy_from_slice(&[0.0, 0.0, 0.1, 0.0]);
        let images = Tensor::from_vec(values, (2, 3, 2, 2), &Device::Cpu).unwrap();
        let dim = unit_dim(4).unwrap();
        let live = live_between(&images, dim, (0.0, f32::INFINITY)).unwrap();
        assert_eq!(live.iter().collect::<Vec<_>>(), [true, false, true]);
        let varying = live_varying(&images.relu().unwrap(), dim).unwrap();
        assert_eq!(varying.iter().collect::<Vec<_>>(), [false, false, true], "a constant unit does not vary");
        let rows = images.reshape((8, 3)).unwrap();
        assert_eq!(live_between(&rows, unit_dim(2).unwrap(), (0.0, 0.05)).unwrap().count(), 0);
        assert_eq!([0, 1, 2, 3, 4, 5].map(unit_dim), [None, None, Some(1), Some(2), Some(1), Some(1)]);
    }
}
