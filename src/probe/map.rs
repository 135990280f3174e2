//! Second moments pixel by pixel through a convolution: which taps of a window fall inside the image.

use crate::cpu::conv::ConvShape;

/// The windows of a convolution, with the share of a weight's variance that each tap has: equal shares, or everything at
/// the centre (delta-orthogonal weights). The shares of a window sum to 1; taps on the padding meet zeros.
pub(super) struct Taps<'a> {
    /// Geometry.
    pub shape: &'a ConvShape,
    /// True if the centre has everything.
    pub centre_only: bool,
}

impl Taps<'_> {
    /// From input pixels to windows: the mean over each window's taps.
    pub fn gather(&self, map: &[f64]) -> Vec<f64> {
        let mut windows = vec![0.0; self.shape.windows()];
        self.each(|window, pixel, share| windows[window] += share * map[pixel]);
        windows
    }

    /// From windows to input pixels: the sum over the taps that meet a pixel.
    pub fn scatter(&self, map: &[f64]) -> Vec<f64> {
        let mut pixels = vec![0.0; self.shape.input[0] * self.shape.input[1]];
        self.each(|window, pixel, share| pixels[pixel] += share * map[window]);
        pixels
    }

    /// Share of the taps that fall inside the image, on average over windows.
    pub fn inside(&self) -> f64 {
        let windows = self.gather(&vec![1.0; self.shape.input[0] * self.shape.input[1]]);
        windows.iter().sum::<f64>() / windows.len() as f64
    }

    /// Taps that meet a pixel, over those of a window, on average over pixels.
    pub fn met(&self) -> f64 {
        let pixels = self.scatter(&vec![1.0; self.shape.windows()]);
        pixels.iter().sum::<f64>() / pixels.len() as f64
    }

    /// Calls `see(window, pixel, share)` for every tap inside the image.
    fn each(&self, mut see: impl FnMut(usize, usize, f64)) {
        let ConvShape { kernel, stride, padding, input, output, .. } = *self.shape;
        let share = if self.centre_only { 1.0 } else { 1.0 / (kernel[0] * kernel[1]) as f64 };
        let taps = |axis: usize| {
            let centre = kernel[axis] / 2;
            if self.centre_only { centre..centre + 1 } else { 0..kernel[axis] }
        };
        // Positions count from the padding's corner, so that none is negative.
        let inside = |at: usize, axis: usize| at.checked_sub(padding).filter(|&at| at < input[axis]);
        for y in 0..output[0] {
            for x in 0..output[1] {
                for row in taps(0).filter_map(|tap| inside(y * stride + tap, 0)) {
                    for column in taps(1).filter_map(|tap| inside(x * stride + tap, 1)) {
                        see(y * output[1] + x, row * input[1] + column, share);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_takes_taps_from_windows_and_stride_takes_windows_from_pixels() {
        // Of 16 windows of 3×3 on 4×4 pixels, 4 at corners keep 4 taps, 8 at edges 6, 4 all 9: 100 of 144.
        let same = ConvShape::square(3, 1, 1, 4);
        let taps = Taps { shape: &same, centre_only: false };
        assert!((taps.inside() - 100.0 / 144.0).abs() < 1e-12 && (taps.met() - 100.0 / 144.0).abs() < 1e-12);
        let strided = ConvShape::square(2, 2, 0, 6);
        let taps = Taps { shape: &strided, centre_only: false };
        assert!((taps.inside() - 1.0).abs() < 1e-12 && (taps.met() - 0.25).abs() < 1e-12);
        let delta = Taps { shape: &same, centre_only: true };
        let map: Vec<f64> = (0..16).map(f64::from).collect();
        assert_eq!((delta.gather(&map), delta.scatter(&map)), (map.clone(), map));
    }

    #[test]
    fn gathering_and_scattering_are_each_others_transpose() {
        let shape = ConvShape::square(3, 2, 1, 7);
        let taps = Taps { shape: &shape, centre_only: false };
        let pixels: Vec<f64> = (0..49).map(|i| f64::from(i * 7 % 11)).collect();
        let windows: Vec<f64> = (0..16).map(|i| f64::from(i * 5 % 7)).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((dot(&taps.gather(&pixels), &windows) - dot(&pixels, &taps.scatter(&windows))).abs() < 1e-9);
    }
}
