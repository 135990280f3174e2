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
                        let x0 = (ox * shape.stride + kx0).saturating_sub(shape.padding);
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
                        let x0 = (ox * shape.stride + kx0).saturating_sub(shape.padding);
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
