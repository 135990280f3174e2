//! Moving data for convolutions: images as NHWC, patches as matrix rows.

/// The geometry of a 2-D convolution on one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Step between windows, in both directions.
    pub stride: usize,
    /// Zeros around the image, on every side.
    pub padding: usize,
    /// Input height and width.
    pub input: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
}

impl ConvShape {
    /// Values in a patch: kernel height × width × input channels, in this order.
    pub fn patch(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.in_channels
    }

    /// Windows of one image.
    pub fn windows(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Values of one input image.
    pub fn input_len(&self) -> usize {
        self.input[0] * self.input[1] * self.in_channels
    }

    /// For the window that starts at padded coordinate `start` on an axis of `size`: the kernel taps inside the image.
    #[inline(always)]
    fn taps(&self, start: usize, kernel: usize, size: usize) -> (usize, usize) {
        let first = self.padding.saturating_sub(start).min(kernel);
        let last = (size + self.padding).saturating_sub(start).min(kernel);
        (first, last.max(first))
    }

    /// The pixel at padded coordinate `at` on an axis of `size`. With much padding a window may lie wholly outside the
    /// image: then no tap is inside, and what it would start from is held within bounds.
    #[inline(always)]
    fn first_pixel(&self, at: usize, size: usize) -> usize {
        at.saturating_sub(self.padding).min(size)
    }
}

/// Values behind the last patch that [`im2col`] may overwrite: it copies in eights.
pub const PATCH_SLACK: usize = 8;

dispatch! {
    /// Writes the patches of `images` (NHWC, whole images) as rows of `[images·windows, patch]`, followed by
    /// [`PATCH_SLACK`] values of any content. `padded` is scratch of any content, kept to save allocations.
    pub fn im2col(shape: &ConvShape, images: &[f32], patches: &mut [f32], padded: &mut Vec<f32>) {
        let c = shape.in_channels;
        // With its zeros written around it, an image has no edges that the windows need to know of.
        let [height, width] = [0, 1].map(|axis| (shape.output[axis] - 1) * shape.stride + shape.kernel[axis]);
        padded.clear();
        padded.resize(height * width * c + PATCH_SLACK, 0.0);
        let seen = [height, width].map(|size| size.saturating_sub(shape.padding));
        let (rows, cols) = (shape.input[0].min(seen[0]), shape.input[1].min(seen[1]));
        let per_image = shape.windows() * shape.patch();
        for (i, image) in images.chunks_exact(shape.input_len()).enumerate() {
            if cols > 0 {
                for (y, line) in image.chunks_exact(shape.input[1] * c).take(rows).enumerate() {
                    let at = ((y + shape.padding) * width + shape.padding) * c;
                    padded[at..at + cols * c].copy_from_slice(&line[..cols * c]);
                }
            }
            let patches = &mut patches[i * per_image..(i + 1) * per_image + PATCH_SLACK];
            match (shape.kernel[1] * c).div_ceil(8) {
                1 => copy_windows::<1>(shape, padded, width, patches),
                3 => copy_windows::<3>(shape, padded, width, patches),
                6 => copy_windows::<6>(shape, padded, width, patches),
                _ => copy_windows::<0>(shape, padded, width, patches),
            }
        }
    }
}

/// Copies each row of each window in so many eights, or as many as it takes if `EIGHTS` is 0. The last may write past its
/// row: what stands there is written next.
#[inline(always)]
fn copy_windows<const EIGHTS: usize>(shape: &ConvShape, padded: &[f32], width: usize, patches: &mut [f32]) {
    let c = shape.in_channels;
    let row = shape.kernel[1] * c;
    let eights = if EIGHTS == 0 { row.div_ceil(8) } else { EIGHTS };
    let mut to = 0;
    for oy in 0..shape.output[0] {
        for ox in 0..shape.output[1] {
            let mut from = (oy * shape.stride * width + ox * shape.stride) * c;
            for _ in 0..shape.kernel[0] {
                patches[to..to + 8 * eights].copy_from_slice(&padded[from..from + 8 * eights]);
                to += row;
                from += width * c;
            }
        }
    }
}

dispatch! {
    /// Adds rows of `[images·windows, patch]` back onto the pixels they came from; `images` is overwritten.
    pub fn col2im(shape: &ConvShape, patches: &[f32], images: &mut [f32]) {
        let c = shape.in_channels;
        let row = shape.kernel[1] * c;
        let mut patch = patches.chunks_exact(shape.patch());
        for image in images.chunks_exact_mut(shape.input_len()) {
            image.fill(0.0);
            for oy in 0..shape.output[0] {
                let (ky0, ky1) = shape.taps(oy * shape.stride, shape.kernel[0], shape.input[0]);
                for ox in 0..shape.output[1] {
                    let (kx0, kx1) = shape.taps(ox * shape.stride, shape.kernel[1], shape.input[1]);
                    let from = patch.next().expect("a patch for every window");
                    for ky in ky0..ky1 {
                        let y = oy * shape.stride + ky - shape.padding;
                        let x0 = shape.first_pixel(ox * shape.stride + kx0, shape.input[1]);
                        let line = &from[ky * row + kx0 * c..ky * row + kx1 * c];
                        let to = &mut image[(y * shape.input[1] + x0) * c..][..(kx1 - kx0) * c];
                        to.iter_mut().zip(line).for_each(|(t, &f)| *t += f);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{rng, standard_normals};

    /// Input size, channels, kernel, stride, padding.
    type Geometry = ([usize; 2], usize, [usize; 2], usize, usize);
    const SHAPES: [Geometry; 14] = [
        ([4, 4], 1, [3, 3], 1, 0),
        ([4, 4], 1, [3, 3], 1, 1),
        ([5, 7], 3, [3, 3], 2, 1),
        ([7, 5], 2, [5, 5], 2, 2),
        ([6, 6], 4, [1, 1], 1, 0),
        ([6, 6], 4, [1, 1], 3, 0),
        ([5, 4], 2, [2, 3], 1, 0),
        ([5, 4], 2, [3, 2], 2, 1),
        ([3, 3], 9, [3, 3], 1, 0),
        ([3, 8], 1, [1, 5], 1, 2),
        ([4, 9], 8, [4, 2], 5, 0),
        // Padding beyond the kernel: some windows see nothing of the image.
        ([3, 4], 2, [1, 1], 1, 2),
        ([3, 4], 1, [2, 3], 1, 4),
        ([2, 2], 3, [3, 3], 4, 5),
    ];

    fn shape((input, channels, kernel, stride, padding): Geometry) -> ConvShape {
        let output = [0, 1].map(|axis| (input[axis] + 2 * padding - kernel[axis]) / stride + 1);
        ConvShape { in_channels: channels, out_channels: 1, kernel, stride, padding, input, output }
    }

    #[test]
    fn a_patch_holds_the_pixels_of_its_window_and_zeros_outside() {
        for (input, c, kernel, stride, padding) in SHAPES {
            let shape = shape((input, c, kernel, stride, padding));
            let images = standard_normals(&mut rng(0, "images"), 2 * shape.input_len());
            let images: Vec<f32> = images.iter().map(|&x| x as f32).collect();
            let mut patches = vec![f32::NAN; 2 * shape.windows() * shape.patch() + PATCH_SLACK];
            im2col(&shape, &images, &mut patches, &mut vec![f32::NAN; 3]);
            let mut at = 0;
            for image in images.chunks_exact(shape.input_len()) {
                for (oy, ox) in (0..shape.output[0]).flat_map(|oy| (0..shape.output[1]).map(move |ox| (oy, ox))) {
                    for (ky, kx) in (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx))) {
                        let y = (oy * stride + ky).checked_sub(padding).filter(|&y| y < input[0]);
                        let x = (ox * stride + kx).checked_sub(padding).filter(|&x| x < input[1]);
                        for channel in 0..c {
                            let want = y.zip(x).map_or(0.0, |(y, x)| image[(y * input[1] + x) * c + channel]);
                            assert_eq!(patches[at], want, "{shape:?}: window {oy},{ox}, tap {ky},{kx}");
                            at += 1;
                        }
                    }
                }
            }
        }
    }

    /// ⟨im2col(x), y⟩ = ⟨x, col2im(y)⟩, exactly, since the values are small integers.
    #[test]
    fn col2im_is_the_adjoint_of_im2col() {
        for geometry in SHAPES {
            let shape = shape(geometry);
            let integers = |name: &str, n: usize| -> Vec<f32> {
                standard_normals(&mut rng(0, name), n).into_iter().map(|x| (4.0 * x).round() as f32).collect()
            };
            let x = integers("x", 2 * shape.input_len());
            let y = integers("y", 2 * shape.windows() * shape.patch());
            let mut patches = vec![f32::NAN; y.len() + PATCH_SLACK];
            let mut images = vec![f32::NAN; x.len()];
            im2col(&shape, &x, &mut patches, &mut Vec::new());
            col2im(&shape, &y, &mut images);
            let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            assert_eq!(inner(&patches, &y), inner(&x, &images), "{shape:?}");
        }
    }
}
