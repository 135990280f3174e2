//! Convolution and pooling windows as gathers: one launch finds every patch, one the way back.

use candle_core::{DType, Device, Result, Tensor};

use crate::cpu::conv::ConvShape;

/// An index that gathers a zero (candle's `index_select` has it so on every device).
const NOWHERE: u32 = u32::MAX;

/// The windows of a layer: which pixel each tap of each window sees, and which taps saw each pixel.
pub struct Windows {
    shape: ConvShape,
    /// `[window·tap]`: the pixel, or nowhere in the padding.
    pixels: Tensor,
    /// `[pixel·reach]`: the places in `pixels` that hold this pixel, filled up with nowhere.
    places: Tensor,
    /// The most places of a pixel.
    reach: usize,
    /// `[1, window, tap, 1]`: 0 within the image and −∞ outside; absent without padding.
    outside: Option<Tensor>,
    /// `[1, 1, tap, 1]`: each tap's number.
    numbers: Tensor,
}

impl Windows {
    /// Finds the pixels of every window.
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(shape: ConvShape, dtype: DType, device: &Device) -> Result<Self> {
        let pixels = pixels_of(&shape);
        let (places, reach) = places_of(&pixels, shape.input[0] * shape.input[1]);
        let taps = shape.kernel[0] * shape.kernel[1];
        let outside = if pixels.contains(&NOWHERE) {
            let values: Vec<f64> = pixels.iter().map(|&p| if p == NOWHERE { f64::NEG_INFINITY } else { 0.0 }).collect();
            Some(Tensor::from_vec(values, (1, shape.windows(), taps, 1), device)?.to_dtype(dtype)?)
        } else {
            None
        };
        let numbers = Tensor::arange(0u32, taps as u32, device)?.to_dtype(dtype)?.reshape((1, 1, taps, 1))?;
        Ok(Self {
            shape,
            pixels: Tensor::new(pixels, device)?,
            places: Tensor::new(places, device)?,
            reach,
            outside,
            numbers,
        })
    }

    fn taps(&self) -> usize {
        self.shape.kernel[0] * self.shape.kernel[1]
    }

    /// Gathers the pixel that each tap sees: `[run, row·pixel, channel]` → `[run·row, window, tap, channel]`.
    fn gather(&self, x: &Tensor) -> Result<Tensor> {
        let (channels, inputs) = (self.shape.in_channels, self.shape.input[0] * self.shape.input[1]);
        let images = x.elem_count() / (inputs * channels);
        launchable(images * self.pixels.elem_count() * channels)?;
        let seen = x.reshape((images, inputs, channels))?.index_select(&self.pixels, 1)?;
        seen.reshape((images, self.shape.windows(), self.taps(), channels))
    }

    /// The adjoint of [`Windows::gather`]: each pixel's sum over the taps that saw it, for `runs` runs.
    fn scatter(&self, taps: &Tensor, runs: usize) -> Result<Tensor> {
        let (channels, inputs) = (self.shape.in_channels, self.shape.input[0] * self.shape.input[1]);
        let images = taps.elem_count() / (self.pixels.elem_count() * channels);
        launchable(images * self.places.elem_count() * channels)?;
        let taps = taps.contiguous()?.reshape((images, self.pixels.elem_count(), channels))?;
        let found = taps.index_select(&self.places, 1)?.reshape((images, inputs, self.reach, channels))?;
        found.sum(2)?.reshape((runs, images / runs * inputs, channels))
    }

    /// Patches as rows, `[run, row·window, patch]`, ordered as [`ConvShape::patch`] has it.
    pub fn patches(&self, x: &Tensor) -> Result<Tensor> {
        let runs = x.dim(0)?;
        self.gather(x)?.reshape((runs, (), self.shape.patch()))
    }

    /// The gradient of the images from that of their patches.
    pub fn patches_backward(&self, patches: &Tensor) -> Result<Tensor> {
        self.scatter(patches, patches.dim(0)?)
    }

    /// Maximum over each window, and the tap that held the first of the largest (`[run·row, window, 1, channel]`).
    pub fn max(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let mut taps = self.gather(x)?;
        if let Some(outside) = &self.outside {
            taps = taps.broadcast_add(outside)?;
        }
        let tap = |i: usize| taps.narrow(2, i, 1)?.contiguous();
        let mut best = tap(0)?;
        let mut chosen = best.zeros_like()?;
        for i in 1..self.taps() {
            let tap = tap(i)?;
            // NaN is larger than everything, as in PyTorch: a diverged run must not hide behind a pool.
            let larger = tap.gt(&best)?.maximum(&tap.ne(&tap)?)?;
            best = larger.where_cond(&tap, &best)?;
            chosen = larger.where_cond(&self.numbers.narrow(2, i, 1)?.broadcast_as(best.shape())?, &chosen)?;
        }
        Ok((best.reshape((x.dim(0)?, (), self.shape.in_channels))?, chosen))
    }

    /// The gradient of the images behind [`Windows::max`].
    pub fn max_backward(&self, chosen: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let here = chosen.broadcast_eq(&self.numbers)?;
        let spread = gradient.reshape(chosen.shape())?.broadcast_as(here.shape())?;
        let nothing = gradient.zeros_like()?.reshape(chosen.shape())?.broadcast_as(here.shape())?;
        self.scatter(&here.where_cond(&spread, &nothing)?, gradient.dim(0)?)
    }

    /// Mean over each window.
    pub fn average(&self, x: &Tensor) -> Result<Tensor> {
        self.gather(x)?.mean(2)?.reshape((x.dim(0)?, (), self.shape.in_channels))
    }

    /// The gradient of the images behind [`Windows::average`].
    pub fn average_backward(&self, gradient: &Tensor) -> Result<Tensor> {
        let (windows, taps, channels) = (self.shape.windows(), self.taps(), self.shape.in_channels);
        let images = gradient.elem_count() / (windows * channels);
        let part = gradient.affine(1.0 / taps as f64, 0.0)?.reshape((images, windows, 1, channels))?;
        self.scatter(&part.broadcast_as((images, windows, taps, channels))?, gradient.dim(0)?)
    }
}

/// candle's kernels count values in 32 bits.
fn launchable(values: usize) -> Result<()> {
    if u32::try_from(values).is_ok() {
        return Ok(());
    }
    candle_core::bail!(
        "the patches of a batch have {values} values, more than 2^32 − 1; use smaller batches or cohorts"
    )
}

/// The pixel that each tap of each window sees.
fn pixels_of(shape: &ConvShape) -> Vec<u32> {
    let [height, width] = shape.input;
    let inside = |start: usize, tap: usize, size: usize| {
        (start * shape.stride + tap).checked_sub(shape.padding).filter(|&at| at < size)
    };
    let mut pixels = Vec::with_capacity(shape.windows() * shape.kernel[0] * shape.kernel[1]);
    for row in 0..shape.output[0] {
        for column in 0..shape.output[1] {
            for i in 0..shape.kernel[0] {
                for j in 0..shape.kernel[1] {
                    let pixel = inside(row, i, height).zip(inside(column, j, width));
                    pixels.push(pixel.map_or(NOWHERE, |(y, x)| (y * width + x) as u32));
                }
            }
        }
    }
    pixels
}

/// For each of `count` pixels the places that hold it, filled up to the most that any has, and that number.
fn places_of(pixels: &[u32], count: usize) -> (Vec<u32>, usize) {
    let mut places = vec![Vec::new(); count];
    for (place, &pixel) in pixels.iter().enumerate().filter(|&(_, &pixel)| pixel != NOWHERE) {
        places[pixel as usize].push(place as u32);
    }
    let reach = places.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for places in &mut places {
        places.resize(reach, NOWHERE);
    }
    (places.concat(), reach)
}

#[cfg(test)]
impl ConvShape {
    /// One channel on a square image, for tests.
    pub(crate) fn square(kernel: usize, stride: usize, padding: usize, size: usize) -> Self {
        let output = (size + 2 * padding - kernel) / stride + 1;
        Self {
            in_channels: 1,
            out_channels: 1,
            kernel: [kernel; 2],
            stride,
            padding,
            input: [size; 2],
            output: [output; 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_needs_a_pixel_no_more_often_than_windows_overlap() {
        for (kernel, stride, padding, size, reach) in
            [(3, 2, 1, 8, 4), (3, 1, 1, 8, 9), (5, 2, 2, 28, 9), (2, 2, 0, 8, 1), (1, 1, 0, 5, 1)]
        {
            let pixels = pixels_of(&ConvShape::square(kernel, stride, padding, size));
            assert_eq!(places_of(&pixels, size * size).1, reach, "{kernel} by {stride}");
        }
    }

    #[test]
    fn gather_and_scatter_are_adjoint() {
        let (shape, cpu) = (ConvShape::square(3, 2, 1, 7), Device::Cpu);
        let windows = Windows::new(shape, DType::F64, &cpu).unwrap();
        let wave =
            |n: usize, f: f64| Tensor::new((0..n).map(|i| (i as f64 * f).sin()).collect::<Vec<_>>(), &cpu).unwrap();
        let x = wave(2 * 3 * 49, 0.7).reshape((2, 3 * 49, 1)).unwrap();
        let g = wave(2 * 3 * 16 * 9, 1.3).reshape((2, 3 * 16, 9)).unwrap();
        let dot = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        let (forward, back) = (windows.patches(&x).unwrap(), windows.patches_backward(&g).unwrap());
        assert!((dot(&forward, &g) - dot(&x, &back)).abs() < 1e-12);
    }
}
