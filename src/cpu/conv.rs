//! Convolutions on NHWC images: three products over images with their zeros around them.

use super::buffer::Buffer;
use super::contract::Contraction;
use super::places::{ColumnList, Columns, Level, RowList, Rows};

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
}

/// The places of a convolution's operands, worked out once.
///
/// A window's rows are runs of a padded image, so the sums run over the images themselves. The inputs' gradient falls
/// into `stride²` phases: the pixels of one phase see the same taps of the kernel, at a step of one output each.
#[derive(Clone, Debug)]
pub struct ConvPlan {
    shape: ConvShape,
    /// Height and width of a padded image: what the windows see of it.
    padded: [usize; 2],
    /// Each window's place in the padded images and in the outputs of a group.
    windows: RowList,
    /// Images of a group in the forward pass.
    group: usize,
    /// A kernel's rows in the first window and in the weights.
    taps: ColumnList,
    /// Height and width of a padded output, so that no pixel's sum has edges.
    spread: [usize; 2],
    /// Zeros before the first row and column of a padded output.
    lead: [usize; 2],
    phases: Vec<Phase>,
    /// Images of a group in the backward pass.
    back_group: usize,
    /// True if some pixels lie in no window, so that their gradient must be set to 0.
    gaps: bool,
}

/// Pixels that see the same taps.
#[derive(Clone, Debug)]
struct Phase {
    /// First tap in a kernel.
    first: usize,
    /// Taps in both directions.
    taps: [usize; 2],
    /// Each pixel's last window in the padded outputs, and its place in the images of a group.
    pixels: RowList,
}

/// Windows over which the weights' gradient is summed at once: more would round more.
const SUMMED_WINDOWS: usize = 800;

/// Rows of a product that are enough for small images to share it without loss.
const GROUP_ROWS: usize = 200;

/// Images of `rows` rows each that are multiplied together.
fn images_in_group(rows: usize) -> usize {
    (GROUP_ROWS / rows.max(1)).clamp(1, 48)
}

/// The places in each of so many images that lie `steps` apart.
fn in_each_image(
    images: usize,
    steps: [usize; 2],
    places: impl Iterator<Item = [usize; 2]> + Clone,
) -> impl Iterator<Item = [usize; 2]> {
    (0..images).flat_map(move |i| places.clone().map(move |[a, out]| [a + i * steps[0], out + i * steps[1]]))
}

impl ConvPlan {
    /// Works out the places for `shape`.
    pub fn new(shape: &ConvShape) -> Self {
        let &ConvShape { in_channels: c, out_channels: units, kernel, stride, padding, input, output } = shape;
        let padded = [0, 1].map(|axis| (output[axis] - 1) * stride + kernel[axis]);
        let image = padded[0] * padded[1] * c;
        let place = |[y, x]: [usize; 2]| [(y * padded[1] + x) * stride * c, (y * output[1] + x) * units];
        let group = images_in_group(shape.windows());
        let windows = in_each_image(group, [image, shape.windows() * units], grid(output).map(place)).collect();
        let row = kernel[1] * c;
        let taps = ColumnList::new(row, (0..kernel[0]).map(|ky| [ky * padded[1] * c, ky * row]));
        let lead = kernel.map(|size| size.div_ceil(stride) - 1);
        let spread = [0, 1].map(|axis| lead[axis] + output[axis].max((input[axis] + padding - 1) / stride + 1));
        let back_group = images_in_group(input[0] * input[1] / (stride * stride));
        let phase = |at| Phase::new(shape, at, lead, spread, back_group);
        let phases: Vec<Phase> = grid([stride; 2]).filter_map(phase).collect();
        let gaps = phases.iter().map(|phase| phase.pixels.count() / back_group).sum::<usize>() < input[0] * input[1];
        Self { shape: *shape, padded, windows, group, taps, spread, lead, phases, back_group, gaps }
    }

    /// Values of a padded image.
    pub fn padded_len(&self) -> usize {
        self.padded[0] * self.padded[1] * self.shape.in_channels
    }

    /// Copies `images` between the zeros of `padded`, which must be there already.
    pub fn pad(&self, images: &[f32], padded: &mut [f32]) {
        let ConvShape { in_channels: c, padding, input, .. } = self.shape;
        let seen = [0, 1].map(|axis| input[axis].min(self.padded[axis].saturating_sub(padding)));
        let images = images.chunks_exact(self.shape.input_len()).zip(padded.chunks_exact_mut(self.padded_len()));
        copy_windows(
            images,
            [input[1], self.padded[1]].map(|w| w * c),
            padding * (self.padded[1] + 1) * c,
            seen[0],
            seen[1] * c,
        );
    }

    /// Pre-activations without bias: `out` is `[images, windows, out_channels]`, `transposed` the weights as
    /// `[kernel height, width, in_channels, out_channels]`.
    pub fn forward(&self, padded: &[f32], transposed: &[f32], out: &mut [f32]) {
        let ConvShape { in_channels: c, out_channels: units, kernel, .. } = self.shape;
        let row = kernel[1] * c;
        let levels = [Level::ONCE, Level::new(kernel[0], self.padded[1] * c, row * units), Level::new(row, 1, units)];
        let groups = padded.chunks(self.group * self.padded_len());
        for (a, out) in groups.zip(out.chunks_mut(self.group * self.shape.windows() * units)) {
            let (rows, columns) = (Rows::Listed(&self.windows, out.len() / units), Columns::Even(units));
            Contraction { a, b: transposed, rows, columns, levels }.run(out, false);
        }
    }

    /// The gradient of the weights of some of the output channels, from channel `first` on: `weights` holds a patch for each.
    pub fn weight_gradient(&self, padded: &[f32], gradient: &[f32], first: usize, weights: &mut [f32]) {
        let ConvShape { in_channels: c, out_channels: units, stride, output, .. } = self.shape;
        let (image, out) = (self.padded_len(), self.shape.windows() * units);
        let rows = Rows::Even { count: weights.len() / self.shape.patch(), a: 1, out: self.shape.patch() };
        let at_once = (SUMMED_WINDOWS / self.shape.windows()).max(1);
        let blocks = padded.chunks(at_once * image).zip(gradient.chunks(at_once * out));
        for (i, (padded, gradient)) in blocks.enumerate() {
            let levels = [
                Level::new(gradient.len() / out, out, image),
                Level::new(output[0], output[1] * units, stride * self.padded[1] * c),
                Level::new(output[1], units, stride * c),
            ];
            let columns = Columns::Listed(&self.taps);
            Contraction { a: &gradient[first..], b: padded, rows, columns, levels }.run(weights, i > 0);
        }
    }

    /// The gradient of `images`, which are overwritten: the first of those whose outputs have `gradient`. `spread` is scratch of any content, kept to save allocations.
    pub fn input_gradient(&self, gradient: &[f32], weights: &[f32], spread: &mut Buffer, images: &mut [f32]) {
        let ConvShape { in_channels: c, out_channels: units, kernel, stride, output, .. } = self.shape;
        let (group, width) = (self.back_group, self.spread[1] * units);
        let (out_len, spread_len) = (self.shape.windows() * units, self.spread[0] * width);
        spread.resize(group * spread_len);
        spread.fill(0.0);
        if self.gaps {
            images.fill(0.0);
        }
        let start = self.lead[0] * width + self.lead[1] * units;
        let (image, groups) = (self.shape.input_len(), gradient.chunks(group * out_len));
        for (gradient, images) in groups.zip(images.chunks_mut(group * image)) {
            let pairs = gradient.chunks_exact(out_len).zip(spread.chunks_exact_mut(spread_len));
            copy_windows(pairs, [output[1] * units, width], start, output[0], output[1] * units);
            for phase in &self.phases {
                let levels = [
                    Level { count: phase.taps[0], a: -(width as isize), b: (stride * kernel[1] * c) as isize },
                    Level { count: phase.taps[1], a: -(units as isize), b: (stride * c) as isize },
                    Level::new(units, 1, self.shape.patch()),
                ];
                let rows = phase.pixels.count() / group * (images.len() / image);
                let (rows, columns) = (Rows::Listed(&phase.pixels, rows), Columns::Even(c));
                Contraction { a: spread, b: &weights[phase.first..], rows, columns, levels }.run(images, false);
            }
        }
    }
}

impl Phase {
    /// The pixels at `phase` within a step of the windows, with their padding; `None` if they see no tap, or if there are none.
    fn new(shape: &ConvShape, phase: [usize; 2], lead: [usize; 2], spread: [usize; 2], images: usize) -> Option<Self> {
        let &ConvShape { in_channels: c, out_channels: units, kernel, stride, padding, input, .. } = shape;
        let taps = [0, 1].map(|axis| kernel[axis].saturating_sub(phase[axis]).div_ceil(stride));
        let place = |[y, x]: [usize; 2]| {
            let [oy, ox] = [(y + padding) / stride + lead[0], (x + padding) / stride + lead[1]];
            [(oy * spread[1] + ox) * units, (y * input[1] + x) * c]
        };
        let seen = grid(input).filter(|at| [0, 1].iter().all(|&axis| (at[axis] + padding) % stride == phase[axis]));
        let steps = [spread[0] * spread[1] * units, shape.input_len()];
        let pixels: RowList = in_each_image(images, steps, seen.map(place)).collect();
        let first = (phase[0] * kernel[1] + phase[1]) * c;
        (taps[0] * taps[1] * pixels.count() > 0).then_some(Self { first, taps, pixels })
    }
}

/// Rows and columns of a grid, row by row.
fn grid([height, width]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> + Clone {
    (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
}

/// Copies the first `len` values of the first `rows` rows of each image to the other image of its pair, from `start` on;
/// `widths` are the rows' lengths in both.
#[inline]
fn copy_windows<'a>(
    images: impl Iterator<Item = (&'a [f32], &'a mut [f32])>,
    widths: [usize; 2],
    start: usize,
    rows: usize,
    len: usize,
) {
    if rows * len == 0 {
        return;
    }
    for (from, to) in images {
        let lines = from.chunks_exact(widths[0]).zip(to[start..].chunks_mut(widths[1]));
        lines.take(rows).for_each(|(from, to)| to[..len].copy_from_slice(&from[..len]));
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

    fn integers(name: &str, n: usize) -> Vec<f32> {
        standard_normals(&mut rng(0, name), n).into_iter().map(|x| (2.0 * x).round() as f32).collect()
    }

    /// Calls `f` with the place in an image and in a patch of every tap of every window, and the window.
    fn for_each_tap(shape: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
        for (window, [oy, ox]) in grid(shape.output).enumerate() {
            for (tap, [ky, kx]) in grid(shape.kernel).enumerate() {
                let y = (oy * shape.stride + ky).checked_sub(shape.padding).filter(|&y| y < shape.input[0]);
                let x = (ox * shape.stride + kx).checked_sub(shape.padding).filter(|&x| x < shape.input[1]);
                let Some((y, x)) = y.zip(x) else { continue };
                for channel in 0..shape.in_channels {
                    f(
                        (y * shape.input[1] + x) * shape.in_channels + channel,
                        tap * shape.in_channels + channel,
                        window,
                    );
                }
            }
        }
    }

    /// All values are small integers, so that every sum is exact in any order.
    #[test]
    fn the_three_products_are_those_of_the_definition() {
        for (geometry, units) in SHAPES.into_iter().flat_map(|geometry| [1, 3, 8, 17].map(|units| (geometry, units))) {
            let shape = ConvShape { out_channels: units, ..shape(geometry) };
            let (n, patch, windows) = (51, shape.patch(), shape.windows());
            let images = integers("images", n * shape.input_len());
            let (weights, dz) = (integers("weights", units * patch), integers("dz", n * windows * units));
            let mut transposed = vec![0.0; weights.len()];
            crate::cpu::pool::transpose_images(&weights, units, patch, &mut transposed);
            let (mut want, mut want_dw, mut want_dx) =
                (vec![0.0; dz.len()], vec![0.0; weights.len()], vec![0.0; images.len()]);
            for image in 0..n {
                let (x0, z0) = (image * shape.input_len(), image * windows * units);
                for_each_tap(&shape, |x, tap, window| {
                    for unit in 0..units {
                        let (z, w) = (z0 + window * units + unit, unit * patch + tap);
                        want[z] += images[x0 + x] * weights[w];
                        want_dw[w] += images[x0 + x] * dz[z];
                        want_dx[x0 + x] += weights[w] * dz[z];
                    }
                });
            }
            let plan = ConvPlan::new(&shape);
            let mut padded = vec![0.0; n * plan.padded_len()];
            plan.pad(&images, &mut padded);
            let (mut z, mut dw, mut dx) = (vec![f32::NAN; dz.len()], vec![f32::NAN; weights.len()], images.clone());
            plan.forward(&padded, &transposed, &mut z);
            assert_eq!(z, want, "{shape:?}: forward");
            let half = units / 2 * patch;
            plan.weight_gradient(&padded, &dz, units / 2, &mut dw[half..]);
            if half > 0 {
                plan.weight_gradient(&padded, &dz, 0, &mut dw[..half]);
            }
            assert_eq!(dw, want_dw, "{shape:?}: weights' gradient");
            // Once all together, and once in parts, which get the outputs' gradients from their own on.
            plan.input_gradient(&dz, &weights, &mut Buffer::from(&[f32::NAN; 3][..]), &mut dx);
            let part = 20 * shape.input_len();
            plan.input_gradient(&dz, &weights, &mut Buffer::default(), &mut dx[..part]);
            plan.input_gradient(&dz[20 * windows * units..], &weights, &mut Buffer::default(), &mut dx[part..]);
            assert_eq!(dx, want_dx, "{shape:?}: inputs' gradient");
        }
    }
}
