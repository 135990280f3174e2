//! The third and fourth powers of a block of pre-activations, for their kurtosis: a walk of its own, before the one that overwrites them.

use std::ops::Range;

use super::block::Tile;
use super::moments::{HIGHER, Sums, powers};
use super::observer::{RUN, parts};
use super::simd::{Kernel, LANES, Vector, vectorised_widely};

/// Sizes of the largest value at which fourth powers stay in the range of `f32`, and those that leave it do not count.
const ORDINARY: Range<f32> = 1e-7..1e8;

/// Takes the sums of values and bias.
struct Powers<'a> {
    values: &'a [f32],
    tile: &'a Tile<'a>,
    sums: &'a mut [[f64; LANES]; HIGHER],
    largest: &'a mut f32,
}

impl Kernel for Powers<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let whole = self.values.len() - self.values.len() % V::LANES;
        self.sweep::<V>(0..whole);
        self.sweep::<[f32; 1]>(whole..self.values.len());
    }
}

/// Sums side by side, none of which waits for another's addition.
const SIDE_BY_SIDE: usize = 4;

impl Powers<'_> {
    #[inline(always)]
    fn sweep<V: Vector>(&mut self, range: Range<usize>) {
        let mut largest = V::splat(0.0);
        for run in parts(range, RUN) {
            let (values, bias) = (&self.values[run.clone()], &self.tile.values[run.start % self.tile.cols..][..RUN]);
            let mut sums = [[V::splat(0.0); HIGHER]; SIDE_BY_SIDE];
            let mut see = |i: usize, [cubes, fourths]: &mut [V; HIGHER]| {
                // SAFETY: i + LANES is at most the run's length, which no run's bias falls short of.
                let z = unsafe { V::load(values.as_ptr().add(i)).add(V::load(bias.as_ptr().add(i))) };
                let square = z.mul(z);
                (*cubes, *fourths) = (square.mul_add(z, *cubes), square.mul_add(square, *fourths));
                largest = z.abs().higher(largest);
            };
            let group = SIDE_BY_SIDE * V::LANES;
            let whole = run.len() - run.len() % group;
            for i in (0..whole).step_by(group) {
                sums.iter_mut().enumerate().for_each(|(k, sums)| see(i + k * V::LANES, sums));
            }
            for i in (whole..run.len()).step_by(V::LANES) {
                see(i, &mut sums[0]);
            }
            for sums in sums {
                (0..HIGHER).for_each(|power| sums[power].add_to(&mut self.sums[power]));
            }
        }
        *self.largest = largest.highest().max(*self.largest);
    }
}

dispatch! {
    /// Sums the powers in `f64` throughout, for vanishing and exploding layers.
    fn wide_powers(values: &[f32], tile: &Tile<'_>) -> [[f64; LANES]; HIGHER] {
        let mut sums = [[0f64; LANES]; HIGHER];
        let mut see = |values: &[f32; LANES], bias: &[f32; LANES]| {
            for i in 0..LANES {
                let powers = powers(f64::from(values[i] + bias[i]));
                (0..HIGHER).for_each(|power| sums[power][i] += powers[power]);
            }
        };
        for run in parts(0..values.len(), RUN) {
            let bias = &tile.values[run.start % tile.cols..][..run.len()];
            let ((values, values_rest), (bias, bias_rest)) = (values[run].as_chunks(), bias.as_chunks());
            values.iter().zip(bias).for_each(|(values, bias)| see(values, bias));
            let mut padded = [[0.0; LANES]; 2];
            padded[0][..values_rest.len()].copy_from_slice(values_rest);
            padded[1][..bias_rest.len()].copy_from_slice(bias_rest);
            see(&padded[0], &padded[1]);
        }
        sums
    }
}

/// Adds Σz³ and Σz⁴ of a block of pre-activations, which lack the bias of `tile`, to `sums`.
pub fn add_higher(sums: &mut Sums, values: &[f32], tile: &Tile<'_>) {
    let (mut powers, mut largest) = ([[0.0; LANES]; HIGHER], 0.0);
    vectorised_widely(Powers { values, tile, sums: &mut powers, largest: &mut largest });
    if largest != 0.0 && !ORDINARY.contains(&largest) {
        powers = wide_powers(values, tile);
    }
    sums.higher_n += values.len() as u64;
    for (sum, lanes) in sums.higher.iter_mut().zip(powers) {
        *sum += lanes.iter().sum::<f64>();
    }
}
