//! Bias, activation and statistics of a layer's output in one walk over it, block by block in the nearest cache.

use super::math;
use super::moments::{self, Sums};
use crate::activation::{Activation, ReluForm, SELU_ALPHA, SELU_LAMBDA};

/// What is recorded about one layer in one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// The pre-activation z.
    pub pre_activation: Sums,
    /// The activation h = φ(z).
    pub activation: Sums,
    /// The loss's gradient with respect to h.
    pub gradient: Sums,
    /// For each unit (column) whether some row let gradient through, i.e. |φ′(z)| was not negligible.
    pub live: Vec<u32>,
    /// Histogram of h; empty if none is wanted.
    pub histogram: Vec<u64>,
}

/// What to look for while watching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchSettings {
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f32,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f32,
    /// Limits of the histogram.
    pub histogram_range: (f32, f32),
}

/// Slopes below this count as no slope at all when dead units are looked for.
pub const NEGLIGIBLE_SLOPE: f64 = 1e-3;

/// The open interval of pre-activations outside which |φ′| ≤ [`NEGLIGIBLE_SLOPE`].
pub fn live_interval(activation: Activation) -> (f32, f32) {
    let everywhere = (f32::NEG_INFINITY, f32::INFINITY);
    if let Some(ReluForm { leak, shift, max }) = activation.relu_form() {
        let low = if leak.abs() <= NEGLIGIBLE_SLOPE { 0.0 } else { f32::NEG_INFINITY };
        return (low, (max + shift) as f32);
    }
    // Beyond ±limit the slope of each of these only falls further: found by walking inwards from where it is 0.
    let edge = |sign: f64| {
        let mut z = 12.0;
        while activation.derivative(sign * z).abs() <= NEGLIGIBLE_SLOPE {
            z -= 1e-3;
        }
        (sign * z) as f32
    };
    match activation {
        Activation::Tanh | Activation::Sigmoid => (edge(-1.0), edge(1.0)),
        Activation::Identity => everywhere,
        _ => (edge(-1.0), f32::INFINITY),
    }
}

/// Whether φ′ can be read off h = φ(z), so that h may overwrite z.
pub fn slope_from_output(activation: Activation) -> bool {
    match activation {
        Activation::Identity | Activation::Relu | Activation::Tanh | Activation::Sigmoid | Activation::Selu => true,
        Activation::LeakyRelu { leak } => leak >= 0.0,
        Activation::Elu { alpha } => alpha > 0.0,
        _ => false,
    }
}

/// Values in a block: with a few passes over each, z and h together stay in a 32 KiB cache.
const BLOCK: usize = 2048;

/// Adds the bias and applies φ: `z` holds pre-activations without bias in rows of `cols`, and gets the bias; h goes to
/// `h`, or over `z` if `h` is `None` (allowed where [`slope_from_output`] holds).
///
/// With a `watch`, z and h are summed on the way. `tile` is scratch of any content, kept to save allocations.
pub fn forward(
    activation: Activation,
    z: &mut [f32],
    mut h: Option<&mut [f32]>,
    cols: usize,
    bias: Option<&[f32]>,
    mut watch: Option<(&mut Watch, &WatchSettings)>,
    tile: &mut Vec<f32>,
) {
    let tile_rows = 64usize.div_ceil(cols);
    if let Some(bias) = bias {
        tile.clear();
        (0..tile_rows).for_each(|_| tile.extend_from_slice(bias));
    }
    let live = live_interval(activation);
    let block = (BLOCK / (tile_rows * cols)).max(1) * tile_rows * cols;
    let mut at = 0;
    while at < z.len() {
        let end = (at + block).min(z.len());
        let z_block = &mut z[at..end];
        if bias.is_some() {
            add_tile(z_block, tile);
        }
        if let Some((watch, settings)) = &mut watch {
            moments::add_block(&mut watch.pre_activation, z_block, settings.near_zero);
            if live.0 > f32::NEG_INFINITY || live.1 < f32::INFINITY {
                moments::mark_live(&mut watch.live, z_block, live.0, live.1);
            }
        }
        let h_block: &[f32] = match &mut h {
            Some(h) => {
                let h_block = &mut h[at..end];
                h_block.copy_from_slice(z_block);
                apply(activation, h_block);
                h_block
            }
            None => {
                apply(activation, z_block);
                z_block
            }
        };
        if let Some((watch, settings)) = &mut watch {
            moments::add_block(&mut watch.activation, h_block, settings.near_zero);
            if !watch.histogram.is_empty() {
                let (low, high) = settings.histogram_range;
                moments::histogram(&mut watch.histogram, h_block, low, high);
            }
        }
        at = end;
    }
    if let Some((watch, _)) = watch
        && live == (f32::NEG_INFINITY, f32::INFINITY)
    {
        watch.live.fill(1);
    }
}

/// Turns the gradient with respect to h into that with respect to z, in place: dz = dh·φ′(z).
///
/// `saved` is h where [`slope_from_output`] holds, else z. `bias_gradient` gets the column sums of dz. With a `watch`,
/// dh is summed before it changes.
pub fn backward(
    activation: Activation,
    gradient: &mut [f32],
    saved: &[f32],
    cols: usize,
    bias_gradient: Option<&mut [f32]>,
    mut watch: Option<(&mut Watch, &WatchSettings)>,
    tile: &mut Vec<f32>,
) {
    let tile_rows = 64usize.div_ceil(cols);
    let block = (BLOCK / (tile_rows * cols)).max(1) * tile_rows * cols;
    let wants_bias = bias_gradient.is_some();
    let total = vec_of_zeros(tile, if wants_bias { 2 * tile_rows * cols } else { 0 });
    let mut at = 0;
    while at < gradient.len() {
        let end = (at + block).min(gradient.len());
        let g = &mut gradient[at..end];
        if let Some((watch, settings)) = &mut watch {
            moments::add_block(&mut watch.gradient, g, settings.gradient_near_zero);
        }
        apply_slope(activation, g, &saved[at..end]);
        if wants_bias {
            // Two levels, the block's sums and then their total, keep the rounding of long columns small.
            let (sums, total) = total.split_at_mut(tile_rows * cols);
            sum_tiles(sums, total, g);
        }
        at = end;
    }
    if let Some(bias_gradient) = bias_gradient {
        let total = &mut total[tile_rows * cols..];
        bias_gradient.copy_from_slice(&total[..cols]);
        for row in total.chunks_exact(cols).skip(1) {
            bias_gradient.iter_mut().zip(row).for_each(|(b, &t)| *b += t);
        }
    }
}

/// Adds a layer's gradient to its watch, for layers that have no activation to undo.
pub fn watch_gradient(watch: &mut Watch, settings: &WatchSettings, gradient: &[f32]) {
    gradient
        .chunks(BLOCK)
        .for_each(|block| moments::add_block(&mut watch.gradient, block, settings.gradient_near_zero));
}

fn vec_of_zeros(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    buffer.clear();
    buffer.resize(n, 0.0);
    buffer
}

dispatch! {
    fn add_tile(block: &mut [f32], tile: &[f32]) {
        for row in block.chunks_mut(tile.len()) {
            row.iter_mut().zip(tile).for_each(|(z, &b)| *z += b);
        }
    }
}

dispatch! {
    fn sum_tiles(sums: &mut [f32], total: &mut [f32], block: &[f32]) {
        sums.fill(0.0);
        for row in block.chunks(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(s, &g)| *s += g);
        }
        total.iter_mut().zip(sums.iter()).for_each(|(t, &s)| *t += s);
    }
}

#[inline(always)]
fn map(values: &mut [f32], f: impl Fn(f32) -> f32) {
    values.iter_mut().for_each(|v| *v = f(*v));
}

#[inline(always)]
fn map_slope(gradient: &mut [f32], saved: &[f32], f: impl Fn(f32, f32) -> f32) {
    gradient.iter_mut().zip(saved).for_each(|(g, &s)| *g = f(*g, s));
}

const SELU_SCALE: f32 = SELU_LAMBDA as f32;
const SELU_SCALED_ALPHA: f32 = (SELU_LAMBDA * SELU_ALPHA) as f32;
const GELU_C: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

dispatch! {
    /// h = φ(z) in place. NaN stays NaN for every φ, so that a diverged run cannot hide behind a ReLU.
    pub fn apply(activation: Activation, values: &mut [f32]) {
        match activation {
            Activation::Identity => {}
            Activation::Relu => map(values, |z| if z <= 0.0 { 0.0 } else { z }),
            Activation::LeakyRelu { leak } => {
                let leak = leak as f32;
                map(values, |z| if z > 0.0 { z } else { leak * z });
            }
            Activation::GeneralRelu { .. } | Activation::ShiftedRelu { .. } => {
                let ReluForm { leak, shift, max } = activation.relu_form().expect("these are of the ReLU family");
                let (leak, shift, max) = (leak as f32, shift as f32, max as f32);
                map(values, |z| {
                    let side = if z > 0.0 { z } else { leak * z };
                    let shifted = side - shift;
                    if shifted > max { max } else { shifted }
                });
            }
            Activation::Tanh => map(values, math::tanh),
            Activation::Sigmoid => map(values, math::sigmoid),
            Activation::Gelu => map(values, |z| z * math::normal_cdf_pdf(z).0),
            Activation::GeluTanh => {
                map(values, |z| 0.5 * z * (1.0 + math::tanh(GELU_C * (z + GELU_CUBIC * z * z * z))));
            }
            Activation::Silu => map(values, |z| z * math::sigmoid(z)),
            Activation::Elu { alpha } => {
                let alpha = alpha as f32;
                map(values, |z| if z > 0.0 { z } else { alpha * math::exp_m1_nonpositive(z) });
            }
            Activation::Selu => {
                map(values, |z| {
                    if z > 0.0 { SELU_SCALE * z } else { SELU_SCALED_ALPHA * math::exp_m1_nonpositive(z) }
                });
            }
            Activation::Softplus => map(values, math::softplus),
        }
    }
}

dispatch! {
    /// g ← g·φ′(z) in place; `saved` is h where [`slope_from_output`] holds, else z.
    pub fn apply_slope(activation: Activation, gradient: &mut [f32], saved: &[f32]) {
        match activation {
            Activation::Identity => {}
            Activation::Relu => map_slope(gradient, saved, |g, h| if h > 0.0 { g } else { 0.0 }),
            Activation::LeakyRelu { leak } => {
                let leak = leak as f32;
                map_slope(gradient, saved, |g, s| if s > 0.0 { g } else { leak * g });
            }
            Activation::GeneralRelu { .. } | Activation::ShiftedRelu { .. } => {
                let ReluForm { leak, shift, max } = activation.relu_form().expect("these are of the ReLU family");
                let (leak, shift, max) = (leak as f32, shift as f32, max as f32);
                map_slope(gradient, saved, |g, z| {
                    let (side, slope) = if z > 0.0 { (z, g) } else { (leak * z, leak * g) };
                    if side - shift > max { 0.0 } else { slope }
                });
            }
            Activation::Tanh => map_slope(gradient, saved, |g, h| g * (1.0 - h * h)),
            Activation::Sigmoid => map_slope(gradient, saved, |g, h| g * (h * (1.0 - h))),
            Activation::Gelu => map_slope(gradient, saved, |g, z| {
                let (cdf, pdf) = math::normal_cdf_pdf(z);
                g * (cdf + z * pdf)
            }),
            Activation::GeluTanh => map_slope(gradient, saved, |g, z| {
                let t = math::tanh(GELU_C * (z + GELU_CUBIC * z * z * z));
                g * (0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * (GELU_C * (1.0 + 3.0 * GELU_CUBIC * z * z)))
            }),
            Activation::Silu => map_slope(gradient, saved, |g, z| {
                let s = math::sigmoid(z);
                g * (s * (1.0 + z * (1.0 - s)))
            }),
            Activation::Elu { alpha } => {
                let alpha = alpha as f32;
                map_slope(gradient, saved, |g, h| if h > 0.0 { g } else { g * (h + alpha) });
            }
            Activation::Selu => map_slope(gradient, saved, |g, h| {
                g * if h > 0.0 { SELU_SCALE } else { h + SELU_SCALED_ALPHA }
            }),
            Activation::Softplus => map_slope(gradient, saved, |g, z| g * math::sigmoid(z)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_let_nothing_through_are_found() {
        let settings = WatchSettings { near_zero: 0.05, gradient_near_zero: 0.0, histogram_range: (-1.0, 1.0) };
        let cases = [
            (Activation::Relu, [-1.0, 0.0, 0.5, 9.0], [0, 0, 1, 1]),
            (Activation::LeakyRelu { leak: 0.1 }, [-1.0, 0.0, 0.5, 9.0], [1, 1, 1, 1]),
            (Activation::GeneralRelu { leak: 0.0, shift: 0.5, max: Some(2.0) }, [-1.0, 0.0, 0.5, 9.0], [0, 0, 1, 0]),
            (Activation::Tanh, [-9.0, 0.0, 0.5, 9.0], [0, 1, 1, 0]),
            (Activation::Identity, [-9.0, 0.0, 0.5, 9.0], [1, 1, 1, 1]),
        ];
        for (activation, row, live) in cases {
            let mut watch = Watch { live: vec![0; 4], ..Watch::default() };
            let mut z: Vec<f32> = row.repeat(3);
            let mut h = z.clone();
            forward(activation, &mut z, Some(&mut h), 4, None, Some((&mut watch, &settings)), &mut Vec::new());
            assert_eq!(watch.live, live, "{activation:?}");
        }
    }

    #[test]
    fn a_ceiling_nan_and_infinity_pass_as_they_should() {
        let mut values = [f32::NAN, f32::INFINITY, -1.0, 1.0];
        apply(Activation::Relu, &mut values);
        assert!(values[0].is_nan() && values[1..] == [f32::INFINITY, 0.0, 1.0]);
        let mut values = [f32::NAN, f32::INFINITY, -1.0, 1.0];
        apply(Activation::GeneralRelu { leak: 0.5, shift: 0.25, max: Some(6.0) }, &mut values);
        assert!(values[0].is_nan() && values[1..] == [6.0, -0.75, 0.75]);
    }
}
