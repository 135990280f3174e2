//! Pooling windows over NHWC images.

use super::conv::ConvShape;

/// No pixel of the window was seen yet.
const NONE: u32 = u32::MAX;

dispatch! {
    /// Maximum of each window; `chosen` gets the position within the image of the first maximum (as PyTorch's CPU code
    /// chooses among equals), for the backward pass. The geometry is that of a convolution with as many output as input
    /// channels; padding never wins.
    pub fn max_forward(shape: &ConvShape, images: &[f32], out: &mut [f32], chosen: &mut [u32]) {
        let c = shape.in_channels;
        let per_image = shape.windows() * c;
        for ((image, out), chosen) in images
            .chunks_exact(shape.input_len())
            .zip(out.chunks_exact_mut(per_image))
            .zip(chosen.chunks_exact_mut(per_image))
        {
            // A window of nothing but −∞ has a first maximum too, so what stands first is seen by its place, not its value.
            chosen.fill(NONE);
            for_each_tap(shape, |window, pixel| {
                let (out, chosen) = (&mut out[window * c..][..c], &mut chosen[window * c..][..c]);
                let channels = (pixel * c) as u32..;
                for (((&x, best), chosen), from) in image[pixel * c..][..c].iter().zip(out).zip(chosen).zip(channels) {
                    // Without a branch, so that channels are compared side by side.
                    let higher = (*chosen == NONE) | (x > *best) | x.is_nan();
                    *best = if higher { x } else { *best };
                    *chosen = if higher { from } else { *chosen };
                }
            });
        }
    }
}

/// Sends each window's gradient to the pixel that was its maximum.
pub fn max_backward(shape: &ConvShape, gradient: &[f32], chosen: &[u32], images: &mut [f32]) {
    let per_image = shape.windows() * shape.in_channels;
    images.fill(0.0);
    for ((image, gradient), chosen) in images
        .chunks_exact_mut(shape.input_len())
        .zip(gradient.chunks_exact(per_image))
        .zip(chosen.chunks_exact(per_image))
    {
        gradient.iter().zip(chosen).for_each(|(&g, &at)| image[at as usize] += g);
    }
}

/// Mean of each window (no padding).
pub fn average_forward(shape: &ConvShape, images: &[f32], out: &mut [f32]) {
    let c = shape.in_channels;
    let scale = 1.0 / (shape.kernel[0] * shape.kernel[1]) as f32;
    for (image, out) in images.chunks_exact(shape.input_len()).zip(out.chunks_exact_mut(shape.windows() * c)) {
        out.fill(0.0);
        for_each_tap(shape, |window, pixel| {
            let to = &mut out[window * c..][..c];
            to.iter_mut().zip(&image[pixel * c..][..c]).for_each(|(t, &x)| *t += x);
        });
        out.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Spreads each window's gradient evenly over its pixels.
pub fn average_backward(shape: &ConvShape, gradient: &[f32], images: &mut [f32]) {
    let c = shape.in_channels;
    let scale = 1.0 / (shape.kernel[0] * shape.kernel[1]) as f32;
    images.fill(0.0);
    for (image, gradient) in images.chunks_exact_mut(shape.input_len()).zip(gradient.chunks_exact(shape.windows() * c))
    {
        for_each_tap(shape, |window, pixel| {
            let to = &mut image[pixel * c..][..c];
            to.iter_mut().zip(&gradient[window * c..][..c]).for_each(|(t, &g)| *t += g * scale);
        });
    }
}

/// Calls `f(window, pixel)` for every pixel of every window, windows in order.
#[inline(always)]
fn for_each_tap(shape: &ConvShape, mut f: impl FnMut(usize, usize)) {
    let [height, width] = shape.input;
    for oy in 0..shape.output[0] {
        for ox in 0..shape.output[1] {
            for y in window(oy, shape.kernel[0], height, shape) {
                for x in window(ox, shape.kernel[1], width, shape) {
                    f(oy * shape.output[1] + ox, y * width + x);
                }
            }
        }
    }
}

/// The pixels of the window at `index` on one axis, without the padding.
fn window(index: usize, kernel: usize, size: usize, shape: &ConvShape) -> std::ops::Range<usize> {
    let start = index * shape.stride;
    start.saturating_sub(shape.padding)..(start + kernel).saturating_sub(shape.padding).min(size)
}

/// Mean over all pixels of each image: NHWC in, `[images, channels]` out.
pub fn global_average_forward(images: &[f32], pixels: usize, channels: usize, out: &mut [f32]) {
    let scale = 1.0 / pixels as f32;
    for (image, out) in images.chunks_exact(pixels * channels).zip(out.chunks_exact_mut(channels)) {
        out.fill(0.0);
        for pixel in image.chunks_exact(channels) {
            out.iter_mut().zip(pixel).for_each(|(o, &x)| *o += x);
        }
        out.iter_mut().for_each(|o| *o *= scale);
    }
}

/// Spreads the gradient of each channel's mean over its pixels.
pub fn global_average_backward(gradient: &[f32], pixels: usize, channels: usize, images: &mut [f32]) {
    let scale = 1.0 / pixels as f32;
    for (image, gradient) in images.chunks_exact_mut(pixels * channels).zip(gradient.chunks_exact(channels)) {
        for pixel in image.chunks_exact_mut(channels) {
            pixel.iter_mut().zip(gradient).for_each(|(x, &g)| *x = g * scale);
        }
    }
}

/// Reorders images between NHWC (`pixels` × `channels`) and NCHW, as PyTorch's `flatten` sees them.
pub fn transpose_images(from: &[f32], rows: usize, cols: usize, to: &mut [f32]) {
    for (from, to) in from.chunks_exact(rows * cols).zip(to.chunks_exact_mut(rows * cols)) {
        for i in 0..rows {
            for j in 0..cols {
                to[j * rows + i] = from[i * cols + j];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Square windows over NHWC images.
    fn shape(input: [usize; 2], channels: usize, kernel: usize, stride: usize, padding: usize) -> ConvShape {
        let output = input.map(|size| (size + 2 * padding - kernel) / stride + 1);
        let (in_channels, kernel) = (channels, [kernel; 2]);
        ConvShape { in_channels, out_channels: channels, kernel, stride, padding, input, output }
    }

    #[test]
    fn the_first_of_equal_maxima_is_chosen() {
        let (nan, low) = (f32::NAN, f32::NEG_INFINITY);
        for (values, best, at) in [
            ([1.0, 1.0, 1.0, 1.0], 1.0, 0),
            ([0.0, 2.0, 2.0, 1.0], 2.0, 1),
            ([-3.0, -3.0, -4.0, -3.0], -3.0, 0),
            ([0.0, -0.0, 0.0, -1.0], 0.0, 0),
            ([low, low, low, low], low, 0),
            ([low, low, 5.0, 5.0], 5.0, 2),
            ([1.0, nan, 2.0, 3.0], nan, 1),
        ] {
            let (mut out, mut chosen) = ([0.0], [9]);
            max_forward(&shape([2, 2], 1, 2, 2, 0), &values, &mut out, &mut chosen);
            assert!(out[0] == best || (out[0].is_nan() && best.is_nan()), "{values:?}: maximum {}", out[0]);
            assert_eq!(chosen[0], at, "{values:?}: chosen position");
        }
    }

    #[test]
    fn padding_never_wins_and_gets_no_gradient() {
        let shape = shape([2, 3], 2, 3, 2, 1);
        // Channel 0 counts up from −6, channel 1 down from −1: zeros would win every window.
        let images: Vec<f32> = (0..6).flat_map(|i| [i as f32 - 6.0, -1.0 - i as f32]).collect();
        let (mut out, mut chosen) = ([0.0; 4], [0; 4]);
        max_forward(&shape, &images, &mut out, &mut chosen);
        assert_eq!((out, chosen), ([-2.0, -1.0, -1.0, -2.0], [8, 1, 10, 3]));
        let mut back = [f32::NAN; 12];
        max_backward(&shape, &[1.0, 2.0, 3.0, 4.0], &chosen, &mut back);
        assert_eq!(back, [0.0, 2.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 3.0, 0.0]);
    }

    #[test]
    fn a_pixel_that_wins_two_windows_gets_both_gradients() {
        let (mut out, mut chosen, mut back) = ([0.0; 2], [0; 2], [f32::NAN; 6]);
        let shape = shape([2, 3], 1, 2, 1, 0);
        max_forward(&shape, &[0.0, 7.0, 1.0, 2.0, 3.0, 4.0], &mut out, &mut chosen);
        max_backward(&shape, &[0.5, 0.25], &chosen, &mut back);
        assert_eq!(back, [0.0, 0.75, 0.0, 0.0, 0.0, 0.0]);
    }

    /// ⟨pool(x), y⟩ = ⟨x, pool′(y)⟩: both are exact on these small integers, with windows of 4 and 16 pixels.
    #[test]
    fn the_backward_pass_of_an_average_is_its_adjoint() {
        for (input, channels, kernel, stride) in
            [([4, 4], 1, 2, 2), ([5, 7], 3, 2, 2), ([5, 7], 3, 2, 1), ([9, 4], 2, 4, 3), ([3, 5], 1, 1, 2)]
        {
            let shape = shape(input, channels, kernel, stride, 0);
            let integers =
                |n: usize, factor: usize| (0..n).map(|i| (i * factor % 23) as f32 - 11.0).collect::<Vec<_>>();
            let (x, y) = (integers(2 * shape.input_len(), 7), integers(2 * shape.windows() * channels, 5));
            let (mut out, mut back) = (vec![f32::NAN; y.len()], vec![f32::NAN; x.len()]);
            average_forward(&shape, &x, &mut out);
            average_backward(&shape, &y, &mut back);
            let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert_eq!(inner(&out, &y), inner(&x, &back), "{shape:?}");
        }
    }

    #[test]
    fn the_mean_over_all_pixels_spreads_its_gradient_evenly() {
        let (mut out, mut back) = ([f32::NAN; 4], [f32::NAN; 16]);
        let images: Vec<f32> = (0..16).map(|i| i as f32).collect();
        global_average_forward(&images, 4, 2, &mut out);
        assert_eq!(out, [3.0, 4.0, 11.0, 12.0]);
        global_average_backward(&[4.0, 8.0, 12.0, 16.0], 4, 2, &mut back);
        assert_eq!(back, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0]);
    }

    #[test]
    fn a_transpose_reorders_each_image_and_back() {
        let mut channels_first = [0.0; 12];
        let channels_last = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0, 5.0, 50.0, 6.0, 60.0];
        transpose_images(&channels_last, 3, 2, &mut channels_first);
        assert_eq!(channels_first, [1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 4.0, 5.0, 6.0, 40.0, 50.0, 60.0]);
        let mut again = [0.0; 12];
        transpose_images(&channels_first, 2, 3, &mut again);
        assert_eq!(again, channels_last);
    }
}
