//! Histograms of a block of values.

use super::simd::{Kernel, Vector, WIDEST, vectorised_widely};

/// Adds a block to a histogram of `counts.len() − 2` equal bins over `[low, high]`, the last of which is closed, as in numpy and
/// torch; the first count takes what lies below (and NaN), the last what lies above, so that an exploding layer does not look
/// empty.
pub fn histogram(counts: &mut [u64], block: &[f32], low: f32, high: f32) {
    let bins = (counts.len() - 2) as f32;
    let scale = bins / (high - low);
    let above = counts[counts.len() - 1];
    count(counts, block, low, scale, bins);
    let [.., last, beyond] = counts else { return };
    // What lies on the upper end was counted as above. Few blocks have anything there, so that the loop above need not ask.
    if *beyond > above {
        let on_the_end = on_the_end(block, low, high, scale, bins);
        (*last, *beyond) = (*last + on_the_end, *beyond - on_the_end);
    }
}

dispatch! {
    /// How many values of up to `high` have a place at or behind the end of the last bin: `high` itself, and what rounding brings there.
    fn on_the_end(block: &[f32], low: f32, high: f32, scale: f32, bins: f32) -> u64 {
        let part = |part: &[f32]| part.iter().map(|&x| u32::from((x <= high) & ((x - low) * scale >= bins))).sum::<u32>();
        block.chunks(1 << 16).map(|block| u64::from(part(block))).sum()
    }
}

fn count(counts: &mut [u64], block: &[f32], low: f32, scale: f32, bins: f32) {
    if counts.len() <= FEW {
        in_copies::<FEW>(counts, block, low, scale, bins);
    } else if counts.len() <= BYTES {
        in_copies::<BYTES>(counts, block, low, scale, bins);
    } else {
        block.iter().for_each(|&x| counts[(bin_of([x], low, scale, bins)[0] as i32 + 1) as usize] += 1);
    }
}

/// Numbers that a byte can be.
const BYTES: usize = 256;

/// Bins that are usual. For so few, clearing the copies is less work than counting a block.
const FEW: usize = 128;

fn in_copies<const N: usize>(counts: &mut [u64], block: &[f32], low: f32, scale: f32, bins: f32) {
    let mut copies = [[0u32; N]; COPIES];
    vectorised_widely(Histogram { block, low, scale, bins, copies: &mut copies });
    for (i, count) in counts.iter_mut().enumerate() {
        *count += copies.iter().map(|copy| u64::from(copy[i])).sum::<u64>();
    }
}

/// Counts in several copies need not wait for each other.
const COPIES: usize = 8;

struct Histogram<'a, const N: usize> {
    block: &'a [f32],
    low: f32,
    scale: f32,
    bins: f32,
    copies: &'a mut [[u32; N]; COPIES],
}

impl<const N: usize> Kernel for Histogram<'_, N> {
    /// Zeros, half of a ReLU's values, are counted together where vectors can leave them out.
    #[inline(always)]
    fn run<V: Vector>(self) {
        const AT_ONCE: usize = 1024;
        let Self { block, low, scale, bins, copies } = self;
        let (mut kept, mut places) = ([0f32; AT_ONCE + WIDEST], [0u8; AT_ONCE + WIDEST]);
        let mut zeros = 0;
        for part in block.chunks(AT_ONCE) {
            let (vectors, rest) = part.split_at(part.len() - part.len() % V::LANES);
            let mut len = 0;
            for vector in vectors.chunks_exact(V::LANES) {
                // SAFETY: as many values are read as a vector has, and no more are kept than were read.
                len += unsafe { V::load(vector.as_ptr()).store_unequal(V::splat(0.0), kept.as_mut_ptr().add(len)) };
            }
            kept[len..len + rest.len()].copy_from_slice(rest);
            len += rest.len();
            zeros += part.len() - len;
            for i in (0..len).step_by(V::LANES) {
                // SAFETY: both arrays have room for a whole vector behind what is kept.
                unsafe {
                    let bin = bin_of(V::load(kept.as_ptr().add(i)), low, scale, bins);
                    bin.store_next_bytes(places.as_mut_ptr().add(i));
                }
            }
            let (eights, rest) = places[..len].as_chunks::<COPIES>();
            for eight in eights {
                copies.iter_mut().zip(eight).for_each(|(copy, &place)| copy[usize::from(place) % N] += 1);
            }
            rest.iter().for_each(|&place| copies[0][usize::from(place) % N] += 1);
        }
        let [zero] = bin_of([0.0], low, scale, bins);
        copies[0][(zero as i32 + 1) as usize] += zeros as u32;
    }
}

/// Where x lies among `bins` bins, from 0: −1 below them (and for NaN), `bins` above.
#[inline(always)]
fn bin_of<V: Vector>(x: V, low: f32, scale: f32, bins: f32) -> V {
    let position = x.sub(V::splat(low)).mul(V::splat(scale));
    // At least zero is above all that is negative.
    let inside = V::splat(-f32::from_bits(1));
    position.if_above(inside, position.lower(V::splat(bins)), V::splat(-1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_form;

    #[test]
    fn outliers_and_nan_fall_into_the_outer_bins() {
        let mut counts = [0u64; 6];
        histogram(&mut counts, &[-3.0, -2.0, -0.1, 0.0, 1.99, 2.1, 1e30, f32::NAN, f32::NEG_INFINITY], -2.0, 2.0);
        assert_eq!(counts, [3, 1, 1, 1, 1, 2]);
        let block: Vec<f32> = (0..3001).map(|i| (i as f32 * 0.37).sin() * 2.5).collect();
        let rectified: Vec<f32> = block.iter().map(|x| x.max(0.0)).collect();
        for (bins, block) in
            [1, 64, 200, 500].into_iter().flat_map(|bins| [&block, &rectified].map(|block| (bins, block)))
        {
            let mut counts = vec![0; bins + 2];
            histogram(&mut counts, block, -2.0, 2.0);
            with_every_form(|| {
                let mut again = vec![0; bins + 2];
                histogram(&mut again, block, -2.0, 2.0);
                assert_eq!(again, counts);
            });
            let scale = bins as f32 / 4.0;
            let within = |x: f32, bin: usize| ((x + 2.0) * scale).floor() == bin as f32;
            for bin in 0..bins {
                assert_eq!(
                    counts[bin + 1],
                    block.iter().filter(|&&x| within(x, bin)).count() as u64,
                    "bin {bin} of {bins}"
                );
            }
            assert_eq!(counts.iter().sum::<u64>(), 3001);
        }
    }

    #[test]
    fn the_last_bin_is_closed() {
        // What numpy.histogram(x, bins, (low, high)) counts, with what lies outside on either side. The ranges' widths and bins make
        // the upper end round to its own place, to just below it and to above it; a ReLU's zeros are counted by themselves.
        for (bins, low, high) in [
            (4, -2.0, 2.0),
            (70, -7.0, 7.0),
            (20, -2.0, 2.0),
            (200, -2.0, 0.0),
            (7, 0.0, 0.1),
            (49, 0.1, 0.7),
            (500, -0.3, 1.7),
        ] {
            let next = |x: f32| if x == 0.0 { f32::from_bits(1) } else { x.next_up() };
            let ends = [low, high, high, high, next(high), f32::INFINITY, low.next_down(), f32::NAN];
            // Enough for whole vectors and a rest, more than once.
            for copies in [1, 5, 300] {
                with_every_form(|| {
                    let mut counts = vec![0; bins + 2];
                    histogram(&mut counts, &ends.repeat(copies), low, high);
                    let mut want = vec![0; bins + 2];
                    (want[0], want[1], want[bins], want[bins + 1]) = (2, 1, 3, 2);
                    want.iter_mut().for_each(|n| *n *= copies as u64);
                    assert_eq!(counts, want, "{bins} bins from {low} to {high}");
                });
            }
        }
    }
}
