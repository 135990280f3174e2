//! Bias, activation and statistics of a layer's output in one walk over it, block by block in the nearest cache.

use super::block::{self, Look, Tile};
use super::buffer::Buffer;
use super::histogram::histogram;
use super::live::{EVERYWHERE, LiveUnits, live_interval, mark_live};
use super::moments::Sums;
use super::observer::{RUN, add_block, measure};
use super::piecewise::{Bent, Leaky, Rectified, Straight};
use super::smooth::{apply_smooth, apply_smooth_slope};
use crate::activation::{Activation, Pieces, ReluForm};

/// What is recorded about one layer in one step.
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

/// What to look for while observing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObserveSettings {
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f32,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f32,
    /// Limits of the histogram.
    pub histogram_range: (f32, f32),
}

/// Values in a block: few enough for a second look in the second cache at the furthest, and so many that beginning and
/// ending a block costs nothing beside them.
const BLOCK: usize = 8192;

/// Values in a block of whole rows of `cols`.
fn block_len(cols: usize) -> usize {
    (BLOCK / cols).max(1) * cols
}

/// What [`forward`] and [`backward`] keep from call to call: memory, and whether sums in `f32` have sufficed.
#[derive(Default)]
pub struct Scratch {
    /// The bias, or the sums of its gradient, as a [`Tile`].
    tile: Buffer,
    /// What a block was before it was overwritten.
    before: Buffer,
    /// A block's rows together, to find dead units.
    folded: Buffer,
    /// Whether to keep what is overwritten, so that blocks whose squares leave the range of `f32` can be summed in `f64`. It costs a
    /// store for each value, and few nets need it.
    pub careful: bool,
    /// Whether an observation lacks a block's sums, because the block was beyond that range and not kept. What was observed is then to be
    /// observed again, with care.
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
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_width;

    #[test]
    fn units_that_let_nothing_through_are_found() {
        with_every_width(assert_live_units);
    }

    fn assert_live_units() {
        let settings = ObserveSettings { near_zero: 0.05, gradient_near_zero: 0.0, histogram_range: (-1.0, 1.0) };
        let cases = [
            (Activation::Relu, [-1.0, 0.0, 0.5, 9.0], [false, false, true, true]),
            (Activation::LeakyRelu { leak: 0.1 }, [-1.0, 0.0, 0.5, 9.0], [true; 4]),
            (
                Activation::GeneralRelu { leak: 0.0, shift: 0.5, max: Some(2.0) },
                [-1.0, 0.0, 0.5, 9.0],
                [false, false, true, false],
            ),
            (Activation::Tanh, [-9.0, 0.0, 0.5, 9.0], [false, true, true, false]),
            (Activation::Identity, [-9.0, 0.0, 0.5, 9.0], [true; 4]),
        ];
        for (activation, row, live) in cases {
            let mut observation = Observation { live: LiveUnits::none(4), ..Observation::default() };
            let mut z: Vec<f32> = row.repeat(3);
            let mut h = z.clone();
            forward(
                activation,
                &mut z,
                Some(&mut h),
                4,
                None,
                Some((&mut observation, &settings)),
                &mut Scratch::default(),
            );
            assert_eq!(observation.live, live.into_iter().collect(), "{activation:?}");
        }
    }

    const ALL: [Activation; 9] = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { leak: 0.1 },
        Activation::LeakyRelu { leak: -0.3 },
        Activation::GeneralRelu { leak: 0.1, shift: 0.4, max: Some(0.9) },
        Activation::GeneralRelu { leak: -0.2, shift: 0.1, max: None },
        Activation::ShiftedRelu { shift: 0.5 },
        Activation::Tanh,
        Activation::Gelu,
    ];

    fn wave(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| 2.0 * (i as f32 * step).sin()).collect()
    }

    /// Compares sums with those of their definition.
    fn assert_sums(sums: &Sums, values: &[f32], near_zero: f32, what: &str) {
        let exact = |f: fn(f64) -> f64| values.iter().map(|&x| f(f64::from(x))).sum::<f64>();
        assert_eq!(sums.n, values.len() as u64, "{what}");
        assert!((sums.sum - exact(|x| x)).abs() <= 6e-7 * exact(f64::abs), "{what}: sum");
        assert!((sums.sum_of_squares - exact(|x| x * x)).abs() <= 6e-7 * exact(|x| x * x), "{what}: squares");
        assert_eq!(sums.min, values.iter().copied().fold(f32::INFINITY, f32::min), "{what}: least");
        assert_eq!(sums.max, values.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{what}: largest");
        assert_eq!(sums.near_zero, values.iter().filter(|x| x.abs() < near_zero).count() as u64, "{what}: near zero");
    }

    #[test]
    fn both_passes_do_what_the_definition_says_for_every_size_and_with_any_observation() {
        with_every_width(assert_both_passes);
    }

    fn assert_both_passes() {
        let settings = ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0) };
        for ((activation, (rows, cols)), scale) in ALL
            .into_iter()
            .flat_map(|a| [(1, 1), (3, 5), (700, 3), (300, 8), (64, 100), (2, 2500)].map(|shape| (a, shape)))
            .flat_map(|case| [1.0, 1e-20].map(|scale| (case, scale)))
        {
            let what = format!("{activation:?}, {rows}×{cols}, size {scale}");
            let start: Vec<f32> = wave(rows * cols, 0.37).iter().map(|x| x * scale).collect();
            let bias: Vec<f32> = wave(cols, 1.1).iter().map(|x| x * scale).collect();
            let dh: Vec<f32> = wave(rows * cols, 0.71).iter().map(|x| x * scale).collect();
            let want_z: Vec<f32> = start.iter().enumerate().map(|(i, x)| x + bias[i % cols]).collect();
            let in_place = activation.slope_from_output();
            let mut results = Vec::new();
            for observed in [false, true] {
                let mut observation = Observation { live: LiveUnits::none(cols), ..Observation::default() };
                let mut scratch = Scratch { careful: true, ..Scratch::default() };
                let (mut z, mut h) = (start.clone(), vec![f32::NAN; rows * cols]);
                let apart = (!in_place).then_some(&mut h[..]);
                let seen = observed.then_some((&mut observation, &settings));
                forward(activation, &mut z, apart, cols, Some(&bias), seen, &mut scratch);
                let h = if in_place { z.clone() } else { h };
                let (mut dz, mut db) = (dh.clone(), vec![f32::NAN; cols]);
                let saved = if in_place { &h } else { &z };
                let seen = observed.then_some((&mut observation, &settings));
                backward(activation, &mut dz, saved, cols, Some(&mut db), seen, &mut scratch);
                if observed {
                    assert_sums(&observation.pre_activation, &want_z, 0.3, &what);
                    assert_sums(&observation.activation, &h, 0.3, &what);
                    assert_sums(&observation.gradient, &dh, 0.2, &what);
                }
                results.push((h, dz, db));
            }
            assert_eq!(results[0], results[1], "{what}: with an observation and without");
            let (h, dz, db) = &results[0];
            for i in 0..rows * cols {
                let z = f64::from(want_z[i]);
                let (value, slope) = (activation.value(z), activation.derivative(z) * f64::from(dh[i]));
                assert!((f64::from(h[i]) - value).abs() <= 1e-6 * value.abs().max(f64::from(scale)), "{what}: h");
                assert!((f64::from(dz[i]) - slope).abs() <= 2e-6 * f64::from(scale), "{what}: dz");
            }
            for (j, &db) in db.iter().enumerate() {
                let column = || dz[j..].iter().step_by(cols).map(|&g| f64::from(g));
                let size = column().map(f64::abs).sum::<f64>();
                assert!((f64::from(db) - column().sum::<f64>()).abs() <= 1e-6 * size, "{what}: db");
            }
        }
    }

    #[test]
    fn without_care_sums_are_those_with_care_or_known_to_be_missing() {
        let settings = ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0) };
        for (activation, scale, misses) in [
            (Activation::Relu, 1.0, false),
            (Activation::Relu, 0.0, false),
            (Activation::Relu, 1e-20, true),
            (Activation::Relu, 1e20, true),
            (Activation::Relu, f32::NAN, true),
            (Activation::LeakyRelu { leak: 0.0 }, 1e-20, true),
            (Activation::Identity, 1e-20, false),
            (Activation::Tanh, 1e-20, false),
        ] {
            let [(observation, missed), (careful, _)] = [false, true].map(|careful| {
                let mut observation = Observation { live: LiveUnits::none(100), ..Observation::default() };
                let mut scratch = Scratch { careful, ..Scratch::default() };
                let (mut z, mut dh) = (wave(6400, 0.37), wave(6400, 0.71));
                z.iter_mut().chain(&mut dh).for_each(|x| *x *= scale);
                forward(activation, &mut z, None, 100, None, Some((&mut observation, &settings)), &mut scratch);
                backward(activation, &mut dh, &z, 100, None, Some((&mut observation, &settings)), &mut scratch);
                (observation, scratch.missed)
            });
            assert_eq!(missed, misses, "{activation:?}, size {scale}");
            assert!(misses || observation == careful, "{activation:?}, size {scale}");
        }
    }

    #[test]
    fn a_relu_whose_values_are_all_negative_or_infinite_is_seen_as_it_is() {
        let settings = ObserveSettings { near_zero: 0.3, gradient_near_zero: 0.2, histogram_range: (-1.0, 1.0) };
        for (value, live) in [(-1.0, false), (0.0, false), (1.0, true), (f32::INFINITY, false), (f32::NAN, false)] {
            for (rows, cols) in [(1, 1), (7, 5), (64, 100), (700, 3)] {
                with_every_width(|| {
                    let (mut observation, mut z) = (
                        Observation { live: LiveUnits::none(cols), ..Observation::default() },
                        vec![value; rows * cols],
                    );
                    let mut scratch = Scratch { careful: true, ..Scratch::default() };
                    forward(
                        Activation::Relu,
                        &mut z,
                        None,
                        cols,
                        None,
                        Some((&mut observation, &settings)),
                        &mut scratch,
                    );
                    let what = format!("{rows}×{cols} of {value}");
                    assert_eq!(observation.live, std::iter::repeat_n(live, cols).collect(), "{what}: live");
                    let same = |a: f32, b: f32| a == b || a.is_nan() && b.is_nan();
                    let h = if value < 0.0 { 0.0 } else { value };
                    for (sums, value) in [(&observation.pre_activation, value), (&observation.activation, h)] {
                        assert!(same(sums.min, value) && same(sums.max, value), "{what}: extremes {sums:?}");
                    }
                });
            }
        }
    }

    #[test]
    fn nothing_is_near_zero_without_a_limit() {
        let settings = ObserveSettings { near_zero: 0.0, gradient_near_zero: 0.0, histogram_range: (-1.0, 1.0) };
        with_every_width(|| {
            let (mut observation, mut z) =
                (Observation { live: LiveUnits::none(100), ..Observation::default() }, wave(6400, 0.37));
            let seen = Some((&mut observation, &settings));
            forward(Activation::Relu, &mut z, None, 100, None, seen, &mut Scratch::default());
            assert_eq!([observation.pre_activation.near_zero, observation.activation.near_zero], [0, 0]);
        });
    }

    #[test]
    fn a_ceiling_nan_and_infinity_pass_as_they_should() {
        with_every_width(assert_bounds_pass);
    }

    fn assert_bounds_pass() {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1.0];
        let cut = Activation::GeneralRelu { leak: 0.5, shift: 0.25, max: Some(6.0) };
        for (activation, want) in [
            (Activation::Relu, [f32::NAN, f32::INFINITY, 0.0, 0.0, 1.0]),
            (cut, [f32::NAN, 6.0, f32::NEG_INFINITY, -0.75, 0.75]),
        ] {
            // Once in the vectors, once in what is left of a block.
            let (mut z, mut h) = (values.repeat(5), vec![0.0; 25]);
            forward(activation, &mut z, Some(&mut h), 5, None, None, &mut Scratch::default());
            for row in h.chunks(5) {
                assert!(row[0].is_nan() && row[1..] == want[1..], "{activation:?}: {row:?}");
            }
        }
    }
}
