//! From values in the host's memory to the sums behind a layer's statistics, whoever's tensor they are of.
//!
//! Values are row-major, `[samples, units, inner]`: `inner` is 1 for vectors, the pixels for images.

use crate::cpu::live::LiveUnits;
use crate::cpu::moments::{Sums, powers};
use crate::cpu::observer::add_block;

/// Values that are summed at a time.
const BLOCK: usize = 1 << 16;

/// The sums of all values; those of |x| below `near_zero` are counted, and the higher powers taken if `higher`.
pub fn sums(values: &[f32], near_zero: f32, higher: bool) -> Sums {
    let mut sums = Sums::default();
    values.chunks(BLOCK).for_each(|block| add_block(&mut sums, block, near_zero));
    if higher {
        for powers in values.iter().map(|&x| powers(f64::from(x))) {
            sums.higher.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        }
        sums.higher_n = sums.n;
    }
    sums
}

/// Marks the units of which some value lies strictly between `low` and `high`.
pub fn live_between(values: &[f32], [units, inner]: [usize; 2], (low, high): (f32, f32)) -> LiveUnits {
    let lives = |z: &f32| low < *z && *z < high;
    marked(values, [units, inner], |_, values| values.iter().any(lives))
}

/// Marks the units whose values are not all the same: one that answers alike to every sample lets no gradient through.
pub fn live_varying(values: &[f32], [units, inner]: [usize; 2]) -> LiveUnits {
    let first: Vec<f32> = (0..units).map(|unit| values[unit * inner]).collect();
    marked(values, [units, inner], |unit, values| values.iter().any(|x| *x != first[unit]))
}

/// Marks the units that `lives` finds alive in some sample. Samples are looked through until every unit has its mark.
fn marked(values: &[f32], [units, inner]: [usize; 2], lives: impl Fn(usize, &[f32]) -> bool) -> LiveUnits {
    let mut live = vec![false; units];
    let mut left = units;
    for sample in values.chunks(units * inner) {
        for (unit, values) in sample.chunks(inner).enumerate() {
            if !live[unit] && lives(unit, values) {
                live[unit] = true;
                left -= 1;
            }
        }
        if left == 0 {
            break;
        }
    }
    live.into_iter().collect()
}

/// Σx², in `f64`.
pub fn square_sum(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}
