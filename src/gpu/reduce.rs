//! Sums and extremes in stages: a GPU gives one block of threads to each result, and few long sums leave it idle.

use std::ops::Range;

use candle_core::{DType, Result, Tensor};

use super::cuda;
use crate::cpu::moments::HIGHER;

/// Σ over the rows' pixels, then over the rows: `[run, row·pixel, unit]` → `[run, unit]`.
pub fn unit_sums(t: &Tensor, rows: usize) -> Result<Tensor> {
    if t.dim(1)? == rows { t.sum(1) } else { by_pixel(t, rows)?.sum(2)?.sum(1) }
}

/// `[run, row·pixel, unit]` as `[run, row, pixel, unit]`.
pub fn by_pixel(t: &Tensor, rows: usize) -> Result<Tensor> {
    let (runs, all, units) = t.dims3()?;
    t.reshape((runs, rows, all / rows, units))
}

/// Means over each row's pixels: `[run, row·pixel, unit]` → `[run, row, unit]`.
pub fn mean_of_pixels(t: &Tensor, pixels: usize) -> Result<Tensor> {
    match cuda::mean_of_pixels(t, pixels)? {
        Some(mean) => Ok(mean),
        None => by_pixel(t, t.dim(1)? / pixels)?.mean(2),
    }
}

/// The gradient behind [`mean_of_pixels`].
pub fn mean_of_pixels_backward(gradient: &Tensor, pixels: usize) -> Result<Tensor> {
    if let Some(found) = cuda::mean_of_pixels_backward(gradient, pixels)? {
        return Ok(found);
    }
    let (runs, rows, units) = gradient.dims3()?;
    let part = gradient.affine(1.0 / pixels as f64, 0.0)?.unsqueeze(2)?;
    part.broadcast_as((runs, rows, pixels, units))?.contiguous()?.reshape((runs, rows * pixels, units))
}

/// Means over all of `dims`, which stay as dimensions of 1.
pub fn mean_over(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    dims.iter().try_fold(x.clone(), |x, &dim| x.mean_keepdim(dim))
}

/// Sums over all of `dims`, which stay as dimensions of 1.
pub fn sum_over(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    dims.iter().try_fold(x.clone(), |x, &dim| x.sum_keepdim(dim))
}

/// The higher powers of values, whose squares are there: x³ and x⁴, as [`crate::cpu::moments::powers`] has them of a number.
pub fn powers(x: &Tensor, squares: &Tensor) -> Result<[Tensor; HIGHER]> {
    Ok([squares.mul(x)?, squares.sqr()?])
}

/// Values that one block sums.
const CHUNK: usize = 1024;

/// Σ over the last dimension: `[run, n]` → `[run]`.
fn long_sums(t: &Tensor) -> Result<Tensor> {
    let whole = t.dim(1)? / CHUNK * CHUNK;
    if whole <= CHUNK {
        return t.sum(1);
    }
    let sums = split_last(&t.narrow(1, 0, whole)?, CHUNK)?.sum(2)?.sum(1)?;
    if whole == t.dim(1)? { Ok(sums) } else { sums + t.narrow(1, whole, t.dim(1)? - whole)?.sum(1)? }
}

/// Gradients of all parameters, `[run, part, value]` each, with their parts added up and side by side, `[run, value]`; and the
/// sum of all squares of each run, in `f64`.
pub fn join_gradients(gradients: &[Tensor]) -> Result<(Tensor, Tensor)> {
    if let Some(found) = cuda::join(gradients)? {
        return Ok(found);
    }
    let whole = |g: &Tensor| if g.dim(1)? == 1 { g.squeeze(1) } else { g.sum(1) };
    let joined = Tensor::cat(&gradients.iter().map(whole).collect::<Result<Vec<_>>>()?, 1)?;
    let squares = long_sums(&joined.to_dtype(DType::F64)?.sqr()?)?;
    Ok((joined, squares))
}

/// Σx² over each of `ranges` of three tensors `[run, value]`, in `f64`: `[tensor·run, range]`.
pub fn squares_of_ranges(tensors: [&Tensor; 3], ranges: &[Range<usize>]) -> Result<Tensor> {
    match cuda::squares_of_ranges(tensors, ranges)? {
        Some(squares) => Ok(squares),
        None => range_sums(&Tensor::cat(&tensors, 0)?.to_dtype(DType::F64)?.sqr()?, ranges),
    }
}

/// `[run, n]` as `[run, n/size, size]`, without a copy though the runs do not follow each other in memory.
pub fn split_last(t: &Tensor, size: usize) -> Result<Tensor> {
    windows_of(t, size, size)
}

/// `[run, n]` as `[run, count, size]`: stretches of `size` values that begin `step` apart.
fn windows_of(t: &Tensor, size: usize, step: usize) -> Result<Tensor> {
    let (runs, n) = t.dims2()?;
    // candle counts the windows in f32, which is exact up to here.
    if n <= 1 << 24 {
        return t.unfold(1, size, step);
    }
    debug_assert_eq!(size, step, "only splits are this long");
    t.contiguous()?.reshape((runs, n / size, size))
}

/// Σ over each of `ranges` of the last dimension: `[run, n]` → `[run, range]`. Ranges of equal length at equal distances, such as
/// the weights of a deep net's equal layers, are summed together.
fn range_sums(t: &Tensor, ranges: &[Range<usize>]) -> Result<Tensor> {
    let mut left: Vec<usize> = (0..ranges.len()).collect();
    let (mut parts, mut order) = (Vec::new(), Vec::new());
    while let Some(&first) = left.first() {
        let group = evenly_spaced(ranges, &left);
        let (start, len) = (ranges[first].start, ranges[first].len());
        let step = group.get(1).map_or(len, |&second| ranges[second].start - start);
        let stretch = t.narrow(1, start, (group.len() - 1) * step + len)?;
        parts.push(windows_of(&stretch, len, step)?.sum(2)?);
        left.retain(|i| !group.contains(i));
        order.extend(group);
    }
    let mut place = vec![0u32; ranges.len()];
    order.iter().zip(0u32..).for_each(|(&range, at)| place[range] = at);
    let sums = Tensor::cat(&parts, 1)?;
    if order.is_sorted() { Ok(sums) } else { sums.index_select(&Tensor::new(place, t.device())?, 1) }
}

/// The first of `left` with those after it that have its length and follow at one distance.
fn evenly_spaced(ranges: &[Range<usize>], left: &[usize]) -> Vec<usize> {
    let first = &ranges[left[0]];
    let mut group = vec![left[0]];
    for &i in &left[1..] {
        let (start, last) = (ranges[i].start, ranges[group[group.len() - 1]].start);
        let step = if group.len() > 1 { ranges[group[1]].start - first.start } else { start - first.start };
        let fits = ranges[i].len() == first.len() && start - last == step;
        if fits && start + first.len() - first.start <= 1 << 24 {
            group.push(i);
        }
    }
    group
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn counting(runs: usize, n: usize) -> Tensor {
        Tensor::arange(0f64, (runs * n) as f64, &Device::Cpu).unwrap().reshape((runs, n)).unwrap()
    }

    #[test]
    fn sums_of_ranges_come_in_the_ranges_order_wherever_the_ranges_lie() {
        let equal_layers = [0..7, 7..9, 9..13, 13..15, 15..19, 19..21, 21..24, 24..25];
        let uneven = [0..3, 4..7, 9..12, 12..15];
        for ranges in [&equal_layers[..], &uneven, &uneven[1..2], &[0..12, 12..25]] {
            let t = counting(3, 25);
            let got = range_sums(&t, ranges).unwrap().to_vec2::<f64>().unwrap();
            for (run, got) in got.iter().enumerate() {
                let want: Vec<f64> =
                    ranges.iter().map(|r| r.clone().map(|i| (run * 25 + i) as f64).sum::<f64>()).collect();
                assert_eq!(got, &want, "{ranges:?}");
            }
        }
    }

    #[test]
    fn equal_layers_are_summed_in_one_group() {
        let ranges = [0..7, 7..9, 9..13, 13..15, 15..19, 19..21, 21..25];
        assert_eq!(evenly_spaced(&ranges, &[2, 3, 4, 5, 6]), [2, 4, 6]);
        assert_eq!(evenly_spaced(&ranges, &[1, 3, 5]), [1, 3, 5]);
    }

    #[test]
    fn powers_are_those_of_each_number() {
        let values = [0.0, -1.5, 0.1, -3.7e-30, 2.3e30];
        let x = Tensor::new(&values, &Device::Cpu).unwrap();
        let found = powers(&x, &x.sqr().unwrap()).unwrap();
        for (power, found) in found.iter().enumerate() {
            let want = values.map(|x| crate::cpu::moments::powers(x)[power]);
            assert_eq!(found.to_vec1::<f64>().unwrap(), want);
        }
    }

    #[test]
    fn long_sums_lose_nothing_between_their_stages() {
        for n in [1, 1023, 1024, 2048, 2049, 5000] {
            let t = Tensor::ones((2, n), DType::F64, &Device::Cpu).unwrap();
            assert_eq!(long_sums(&t).unwrap().to_vec1::<f64>().unwrap(), [n as f64; 2]);
        }
    }
}
