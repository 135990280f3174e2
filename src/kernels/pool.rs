//! Pooling windows over NHWC images.

use super::conv::ConvShape;

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
        out.fill(f32::NEG_INFINITY);
        for_each_tap(shape, |window, pixel| {
            for channel in 0..c {
                let (from, to) = (pixel * c + channel, window * c + channel);
                let first = out[to] == f32::NEG_INFINITY;
                if image[from] > out[to] || image[from].is_nan() || first {
                    out[to] = image[from];
                    chosen[to] = from as u32;
                }
            }
        });
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
