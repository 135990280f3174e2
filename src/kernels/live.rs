//! Units that let some gradient through, and those that let none.

use std::cell::RefCell;

use super::buffer::Buffer;
use super::simd::{Kernel, Vector, WIDEST, vectorised_widely};
use crate::activation::{Activation, ReluForm};

/// Slopes below this count as no slope at all when dead units are looked for.
pub const NEGLIGIBLE_SLOPE: f64 = 1e-3;

/// The live interval of a φ whose slope never vanishes.
pub const EVERYWHERE: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

thread_local! {
    /// The intervals of smooth activations so far: each takes thousands of values, and every layer of every step asks.
    static KNOWN: RefCell<Vec<(Activation, (f32, f32))>> = const { RefCell::new(Vec::new()) };
}

/// The open interval of pre-activations outside which |φ′| ≤ [`NEGLIGIBLE_SLOPE`].
pub fn live_interval(activation: Activation) -> (f32, f32) {
    if let Some(ReluForm { leak, shift, max }) = activation.relu_form() {
        let low = if leak.abs() <= NEGLIGIBLE_SLOPE { 0.0 } else { f32::NEG_INFINITY };
        return (low, (max + shift) as f32);
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some((_, interval)) = known.iter().find(|(other, _)| *other == activation) {
            return *interval;
        }
        let interval = smooth_interval(activation);
        known.push((activation, interval));
        interval
    })
}

fn smooth_interval(activation: Activation) -> (f32, f32) {
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
        Activation::Identity => EVERYWHERE,
        _ => (edge(-1.0), f32::INFINITY),
    }
}

/// Marks in `live[j]` the columns of which some value lies strictly between `low` and `high`; the block holds whole rows
/// of `live.len()` columns. `scratch` is memory of any content.
pub fn mark_live(live: &mut [u32], block: &[f32], low: f32, high: f32, scratch: &mut Buffer) {
    scratch.resize(WIDEST * live.len());
    vectorised_widely(MarkLive { live, block, low, high, folded: scratch });
}

struct MarkLive<'a> {
    live: &'a mut [u32],
    block: &'a [f32],
    low: f32,
    high: f32,
    folded: &'a mut [f32],
}

impl Kernel for MarkLive<'_> {
    /// Of many rows a few settle every column in most layers. The others are folded: of as many rows as are a whole number of vectors
    /// the largest values that count, and these are looked through by column.
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        const MANY: usize = 100;
        const FEW: usize = 16;
        let cols = self.live.len();
        let few = if self.block.len() > MANY * cols { FEW * cols } else { 0 };
        let (first, rest) = self.block.split_at(few);
        self.look_through::<V>(first);
        if few > 0 && self.live.iter().all(|&flag| flag == 1) {
            return;
        }
        // As the lanes are a power of two, so is what they have in common with the columns.
        let shared = 1 << cols.trailing_zeros().min(V::LANES.trailing_zeros());
        let group = V::LANES / shared * cols;
        let (whole, last) = rest.split_at(rest.len() - rest.len() % group);
        let folded = std::mem::take(&mut self.folded);
        if self.high < f32::INFINITY || !self.fold_all::<V, false>(whole, group, folded) {
            self.fold_all::<V, true>(whole, group, folded);
        }
        self.look_through::<V>(&folded[..group]);
        self.look_through::<V>(last);
    }
}

impl MarkLive<'_> {
    /// The largest values of every `group` that count. If not `BOUNDED`, all but NaN count, and false is returned if an infinity did.
    #[inline(always)]
    fn fold_all<V: Vector, const BOUNDED: bool>(&self, values: &[f32], group: usize, to: &mut [f32]) -> bool {
        let four = group - group % (4 * V::LANES);
        let mut highest = V::splat(self.low);
        (0..four)
            .step_by(4 * V::LANES)
            .for_each(|from| self.fold::<V, 4, BOUNDED>(values, group, from, to, &mut highest));
        (four..group)
            .step_by(V::LANES)
            .for_each(|from| self.fold::<V, 1, BOUNDED>(values, group, from, to, &mut highest));
        BOUNDED || highest.highest() < f32::INFINITY
    }

    /// The same in the vectors from `from` on; `all` gets the largest of them.
    #[inline(always)]
    fn fold<V: Vector, const N: usize, const BOUNDED: bool>(
        &self,
        values: &[f32],
        group: usize,
        from: usize,
        to: &mut [f32],
        all: &mut V,
    ) {
        let mut highest = [V::splat(self.low); N];
        for values in values.chunks_exact(group) {
            for (i, highest) in highest.iter_mut().enumerate() {
                // SAFETY: the vectors lie within the group, a whole number of vectors.
                let z = unsafe { V::load(values.as_ptr().add(from + i * V::LANES)) };
                *highest = if BOUNDED { self.higher(z, *highest) } else { z.higher(*highest) };
            }
        }
        for (highest, to) in highest.into_iter().zip(to[from..].chunks_exact_mut(V::LANES)) {
            *all = highest.higher(*all);
            // SAFETY: the chunk has as many values as a vector.
            unsafe { highest.store(to.as_mut_ptr()) };
        }
    }

    /// `z`, where it counts, and `highest`, lane by lane.
    #[inline(always)]
    fn higher<V: Vector>(&self, z: V, highest: V) -> V {
        V::splat(self.high).if_above(z, z, V::splat(self.low)).higher(highest)
    }

    /// Marks the columns of `rows`.
    #[inline(always)]
    fn look_through<V: Vector>(&mut self, rows: &[f32]) {
        let cols = self.live.len();
        for i in (0..cols).step_by(V::LANES) {
            let lanes = V::first(cols - i);
            let mut highest = V::splat(self.low);
            for row in (i..rows.len()).step_by(cols) {
                // SAFETY: the row has as many values from there on as there are lanes.
                highest = self.higher(unsafe { V::load_first(rows.as_ptr().add(row), lanes) }, highest);
            }
            let found = highest.lanes_above(V::splat(self.low));
            self.live[i..].iter_mut().take(V::LANES).enumerate().for_each(|(lane, flag)| *flag |= found >> lane & 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::tests::with_every_width;

    /// Each column lies outside the bounds but in one row, which none of the others may hide; NaN and the bounds are outside.
    #[test]
    fn a_column_is_live_if_some_row_is_between_the_bounds() {
        let cases = [(16, 5), (17, 100), (64, 100), (181, 100), (1000, 8), (140, 24), (70, 7)];
        // With infinite values among the others and without.
        let bounds = [(2.0, f32::INFINITY), (f32::INFINITY, f32::INFINITY), (f32::INFINITY, f32::NAN)];
        for ((rows, cols), (high, strange)) in cases.into_iter().flat_map(|shape| bounds.map(|bounds| (shape, bounds)))
        {
            let outside = [-1.0, 0.0, if high > 2.0 { -2.0 } else { 2.0 }, f32::NAN, strange];
            let mut block: Vec<f32> = (0..rows * cols).map(|i| outside[i % 5]).collect();
            // Columns in turn have no such row, the last one, and any one.
            let row_of = |column: usize| [None, Some(rows - 1), Some(column * 31 % rows)][column % 3];
            (0..cols).filter_map(|j| row_of(j).map(|row| row * cols + j)).for_each(|i| block[i] = 1.0);
            let want: Vec<u32> = (0..cols).map(|j| u32::from(row_of(j).is_some())).collect();
            with_every_width(|| {
                let (mut live, mut scratch) = (vec![0; cols], Buffer::default());
                mark_live(&mut live, &block, 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}, below {high}");
                mark_live(&mut live, &vec![-1.0; rows * cols], 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}: what is live stays so");
            });
        }
    }
}
