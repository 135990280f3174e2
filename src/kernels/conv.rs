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

dispatch! {
    /// Writes the patches of `images` (NHWC, whole images) as rows of `[images·windows, patch]`.
    pub fn im2col(shape: &ConvShape, images: &[f32], patches: &mut [f32]) {
        let c = shape.in_channels;
        let row = shape.kernel[1] * c;
        let mut patch = patches.chunks_exact_mut(shape.patch());
        for image in images.chunks_exact(shape.input_len()) {
            for oy in 0..shape.output[0] {
                let (ky0, ky1) = shape.taps(oy * shape.stride, shape.kernel[0], shape.input[0]);
                for ox in 0..shape.output[1] {
                    let (kx0, kx1) = shape.taps(ox * shape.stride, shape.kernel[1], shape.input[1]);
                    let out = patch.next().expect("a patch for every window");
                    out[..ky0 * row].fill(0.0);
                    out[ky1 * row..].fill(0.0);
                    for ky in ky0..ky1 {
                        let y = oy * shape.stride + ky - shape.padding;
                        let line = &mut out[ky * row..][..row];
                        let x0 = shape.first_pixel(ox * shape.stride + kx0, shape.input[1]);
                        let from = &image[(y * shape.input[1] + x0) * c..][..(kx1 - kx0) * c];
                        line[..kx0 * c].fill(0.0);
                        line[kx1 * c..].fill(0.0);
                        copy(&mut line[kx0 * c..kx1 * c], from);
                    }
                }
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

/// Short copies in registers: a call of `memcpy` costs more than the few values of a kernel row.
#[inline(always)]
fn copy(to: &mut [f32], from: &[f32]) {
    let mut to = to.chunks_exact_mut(8);
    let mut from = from.chunks_exact(8);
    for (t, f) in (&mut to).zip(&mut from) {
        let f: &[f32; 8] = f.try_into().expect("chunks of eight");
        t.copy_from_slice(f);
    }
    to.into_remainder().iter_mut().zip(from.remainder()).for_each(|(t, &f)| *t = f);
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
            let mut patches = vec![f32::NAN; 2 * shape.windows() * shape.patch()];
            im2col(&shape, &images, &mut patches);
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
            let (mut patches, mut images) = (vec![f32::NAN; y.len()], vec![f32::NAN; x.len()]);
            im2col(&shape, &x, &mut patches);
            col2im(&shape, &y, &mut images);
            let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
            assert_eq!(inner(&patches, &y), inner(&x, &images), "{shape:?}");
        }
    }
}
