//! Bias, activation and statistics of a layer's output in one walk over it, block by block in the nearest cache.

use super::block::{self, Look, Tile};
use super::buffer::Buffer;
use super::higher::add_higher;
use super::histogram::histogram;
use super::live::{EVERYWHERE, LiveUnits, live_interval, mark_live};
use super::moments::Sums;
use super::observer::{RUN, add_block, measure};
use super::piecewise::{Bent, Leaky, Rectified, Straight};
use super::smooth::{apply_smooth, apply_smooth_slope};
use crate::activation::{Activation, Pieces, ReluForm};

/// Statistics of one layer in one step: sums, live units and a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The pre-activation z.
    pub pre_activation: Sums,
    /// The activation h = φ(z).
    pub activation: Sums,
    /// The loss's gradient with respect to h.
    pub gradient: Sums,
    /// The units (columns) of which some row let gradient through, i.e. |φ′(z)| was not negligible.
    pub live: LiveUnits,
    /// Histogram of h; empty if none is wanted.
    pub histogram: Vec<u64>,
}

/// Thresholds and ranges of the statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObserveSettings {
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f32,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f32,
    /// Limits of the histogram.
    pub histogram_range: (f32, f32),
    /// True if the higher sums of the pre-activations are taken, for their kurtosis.
    pub higher: bool,
}

/// Values in a block: few enough for a second look in the second cache at the furthest, and so many that beginning and
/// ending a block costs nothing beside them.
const BLOCK: usize = 8192;

/// Values in a block of whole rows of `cols`.
fn block_len(cols: usize) -> usize {
    (BLOCK / cols).max(1) * cols
}

/// State that [`forward`] and [`backward`] keep from call to call: memory, and whether sums in `f32` have sufficed.
#[derive(Default)]
pub struct Scratch {
    /// The bias, or the sums of its gradient, as a [`Tile`].
    tile: Buffer,
    /// Copy of a block, taken before it is overwritten.
    before: Buffer,
    /// A block's rows together, to find dead units.
    folded: Buffer,
    /// Set to keep values that are overwritten, so that blocks whose squares leave the range of `f32` can be summed in `f64`. It costs a
    /// store for each value, and few nets need it.
    pub careful: bool,
    /// Set when a block's squares left that range after its input was overwritten, so that its sums are missing. The caller must repeat the
    /// observation with `careful`.
    pub missed: bool,
}

/// Evaluates `$call` with the vectors of `$activation` as `$phi` if it is of straight pieces, else `$other`.
macro_rules! with_piecewise {
    ($activation:expr, |$phi:ident| $call:expr, else $other:expr) => {
        match $activation.pieces() {
            Some(Pieces::Line) => {
                let $phi = Straight;
                $call
            }
            Some(Pieces::Rectified) => {
                let $phi = Rectified;
                $call
            }
            Some(Pieces::Leaky { leak }) => {
                let $phi = Leaky(leak as f32);
                $call
            }
            Some(Pieces::Bent(ReluForm { leak, shift, max })) => {
                let $phi = Bent { leak: leak as f32, shift: shift as f32, max: max as f32 };
                $call
            }
            None => $other,
        }
    };
}

/// Adds the bias and applies φ: `z` holds pre-activations without bias in rows of `cols`, and gets the bias; h goes to
/// `h`, or over `z` if `h` is `None` (allowed where [`Activation::slope_from_output`] holds). NaN stays NaN for every φ, so that a
/// diverged run cannot hide behind a ReLU.
///
/// With an `observation`, z and h are summed on the way.
pub fn forward(
    activation: Activation,
    z: &mut [f32],
    mut h: Option<&mut [f32]>,
    cols: usize,
    bias: Option<&[f32]>,
    mut observation: Option<(&mut Observation, &ObserveSettings)>,
    scratch: &mut Scratch,
) {
    let len = block_len(cols);
    let Scratch { tile, before, folded, careful, missed } = scratch;
    let keeps = *careful && observation.is_some() && activation != Activation::Identity;
    let mut before = before_of(before, keeps && h.is_none(), len);
    repeat(bias.unwrap_or(&[0.0]), cols + RUN, tile);
    let tile = Tile { values: tile, cols };
    let live = if observation.is_some() { live_interval(activation) } else { EVERYWHERE };
    for (i, z) in z.chunks_mut(len).enumerate() {
        let h = h.as_deref_mut().map(|h| &mut h[i * len..][..z.len()]);
        let observation =
            observation.as_mut().map(|(observation, settings)| (&mut **observation, *settings, &mut *folded));
        *missed |= !forward_block(activation, z, h, &tile, observation, live, before.as_deref_mut());
    }
    if let Some((observation, _)) = observation
        && live == EVERYWHERE
    {
        observation.live.mark_all();
    }
}

/// `values` (at least one) again and again, `len` in all: what is there doubles.
fn repeat(values: &[f32], len: usize, to: &mut Buffer) {
    to.resize(len);
    let mut done = values.len().min(len);
    to[..done].copy_from_slice(&values[..done]);
    while done < len {
        let more = done.min(len - done);
        to.copy_within(..more, done);
        done += more;
    }
}

/// Room for a block of `len` values, if it is wanted.
fn before_of(before: &mut Buffer, wanted: bool, len: usize) -> Option<&mut [f32]> {
    wanted.then(|| {
        before.resize(len);
        &mut **before
    })
}

/// Returns whether all sums are known.
fn forward_block(
    activation: Activation,
    z: &mut [f32],
    h: Option<&mut [f32]>,
    tile: &Tile<'_>,
    observation: Option<(&mut Observation, &ObserveSettings, &mut Buffer)>,
    live: (f32, f32),
    before: Option<&mut [f32]>,
) -> bool {
    let (in_place, len) = (h.is_none(), z.len());
    let rises = activation.relu_form().is_none_or(|form| form.leak >= 0.0);
    let piecewise = activation.pieces().is_some();
    let both = rises && piecewise;
    let mut observation = observation;
    if let Some((observation, settings, _)) = &mut observation
        && settings.higher
    {
        add_higher(&mut observation.pre_activation, z, tile);
    }
    let look = observation.as_mut().map(|(observation, settings, folded)| Look {
        both,
        near_zero: settings.near_zero,
        live: &mut observation.live,
        tops: folded,
    });
    // A smooth φ comes after the statistics of z, which is still there.
    let mut other = if in_place && !piecewise { None } else { h.or(before).map(|other| &mut other[..len]) };
    let passed = with_piecewise!(
        activation,
        |phi| block::forward(phi, z, other.as_deref_mut(), in_place, tile, look),
        else block::forward(Straight, z, other.as_deref_mut(), in_place, tile, look)
    );
    let Some((observation, settings, folded)) = observation else {
        if !piecewise {
            apply_smooth(activation, other.unwrap_or(z));
        }
        return true;
    };
    let gone = in_place && piecewise && activation != Activation::Identity;
    let kept: Option<&[f32]> = if gone { other.as_deref() } else { Some(z) };
    let mut known = passed.z.add_to(&mut observation.pre_activation, len, kept);
    if live != EVERYWHERE && passed.marked < len {
        // Where z is gone φ is a plain or leaky ReLU, and h lies above zero where z did.
        mark_live(&mut observation.live, &kept.unwrap_or(z)[passed.marked..], live.0, live.1, folded);
    }
    let h = if in_place { z } else { other.expect("h has a place of its own") };
    if !piecewise {
        apply_smooth(activation, h);
    }
    let h_sums = if both { passed.h } else { measure(h, settings.near_zero) };
    known &= h_sums.add_to(&mut observation.activation, len, Some(h));
    if !observation.histogram.is_empty() {
        let (low, high) = settings.histogram_range;
        histogram(&mut observation.histogram, h, low, high);
    }
    known
}

/// Turns the gradient with respect to h into that with respect to z, in place: dz = dh·φ′(z).
///
/// `saved` is h where [`Activation::slope_from_output`] holds, else z. `bias_gradient` gets the column sums of dz. With an `observation`,
/// dh is summed before it changes.
pub fn backward(
    activation: Activation,
    gradient: &mut [f32],
    saved: &[f32],
    cols: usize,
    bias_gradient: Option<&mut [f32]>,
    mut observation: Option<(&mut Observation, &ObserveSettings)>,
    scratch: &mut Scratch,
) {
    let len = block_len(cols);
    let Scratch { tile, before, careful, missed, .. } = scratch;
    let keeps = *careful && observation.is_some() && activation != Activation::Identity;
    let mut before = before_of(before, keeps, len);
    // Two levels, the sums of some blocks and then their total, keep the rounding of long columns small.
    let half = if bias_gradient.is_some() { cols + RUN } else { 0 };
    tile.resize(2 * half);
    tile.fill(0.0);
    let (columns, total) = tile.split_at_mut(half);
    for (i, (gradient, saved)) in gradient.chunks_mut(len).zip(saved.chunks(len)).enumerate() {
        let block_columns = bias_gradient.is_some().then_some((&mut *columns, cols));
        let observation = observation.as_mut().map(|(observation, settings)| (&mut **observation, *settings));
        *missed |= !backward_block(activation, gradient, saved, block_columns, observation, before.as_deref_mut());
        if i % BLOCKS_OF_COLUMN_SUMS == BLOCKS_OF_COLUMN_SUMS - 1 {
            move_sums(columns, total);
        }
    }
    if let Some(bias_gradient) = bias_gradient {
        move_sums(columns, total);
        bias_gradient.fill(0.0);
        total.chunks(cols).for_each(|row| bias_gradient.iter_mut().zip(row).for_each(|(b, &t)| *b += t));
    }
}

/// Column sums join their total after so many blocks.
const BLOCKS_OF_COLUMN_SUMS: usize = 2;

fn move_sums(columns: &mut [f32], total: &mut [f32]) {
    super::update::accumulate(total, columns);
    columns.fill(0.0);
}

/// Returns whether all sums are known.
fn backward_block(
    activation: Activation,
    gradient: &mut [f32],
    saved: &[f32],
    columns: Option<(&mut [f32], usize)>,
    observation: Option<(&mut Observation, &ObserveSettings)>,
    mut before: Option<&mut [f32]>,
) -> bool {
    let near_zero = observation.as_ref().map(|(_, settings)| settings.gradient_near_zero);
    with_piecewise!(
        activation,
        |phi| {
            let sums = block::backward(phi, gradient, saved, columns, near_zero, before.as_deref_mut());
            let (Some((observation, _)), Some(sums)) = (observation, sums) else { return true };
            let len = gradient.len();
            let kept = if activation == Activation::Identity { Some(&*gradient) } else { before.as_deref().map(|b| &b[..len]) };
            sums.add_to(&mut observation.gradient, len, kept)
        },
        else {
            if let Some((observation, settings)) = observation {
                add_block(&mut observation.gradient, gradient, settings.gradient_near_zero);
            }
            apply_smooth_slope(activation, gradient, saved);
            block::backward(Straight, gradient, saved, columns, None, None);
            true
        }
    )
}

/// Adds a layer's gradient to its observation, for layers that have no activation to undo.
pub fn observe_gradient(observation: &mut Observation, settings: &ObserveSettings, gradient: &[f32]) {
    gradient.chunks(BLOCK).for_each(|block| add_block(&mut observation.gradient, block, settings.gradient_near_zero));
}

#[cfg(test)]
mod tests;
