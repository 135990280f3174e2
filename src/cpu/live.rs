//! Units that let some gradient through, and those that let none.

use std::cell::RefCell;

use super::buffer::Buffer;
use super::simd::{Kernel, Vector, WIDEST, vectorised_widely};
use crate::activation::{Activation, ReluForm};

/// Slopes below this count as no slope at all when dead units are looked for.
pub const NEGLIGIBLE_SLOPE: f64 = 1e-3;

/// The live interval of a φ whose slope never vanishes.
pub const EVERYWHERE: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

/// A slope that is not negligible at such a z never is.
const FARTHEST: f64 = 1e4;

thread_local! {
    /// The intervals of smooth activations so far: each takes thousands of values, and every layer of every step asks.
    static KNOWN: RefCell<Vec<(Activation, (f32, f32))>> = const { RefCell::new(Vec::new()) };
}

/// The open interval of pre-activations outside which |φ′| ≤ [`NEGLIGIBLE_SLOPE`].
pub fn live_interval(activation: Activation) -> (f32, f32) {
    if let Some(pieces) = activation.pieces() {
        let Some(ReluForm { leak, shift, max }) = pieces.relu_form() else { return EVERYWHERE };
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

/// The interval of a smooth activation. On each side its edge is found by walking inwards from where the slope is negligible.
fn smooth_interval(activation: Activation) -> (f32, f32) {
    let negligible = |z: f64| activation.derivative(z).abs() <= NEGLIGIBLE_SLOPE;
    let edge = |sign: f64| {
        let mut z = 12.0;
        while !negligible(sign * z) {
            z *= 2.0;
            if z > FARTHEST {
                return (sign * f64::INFINITY) as f32;
            }
        }
        while negligible(sign * z) {
            z -= 1e-3;
        }
        (sign * z) as f32
    };
    (edge(-1.0), edge(1.0))
}

/// A mark, a bit, for each unit of a layer: those through which some sample let gradient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveUnits {
    /// Bits beyond the last unit are zero.
    words: Vec<u64>,
    units: usize,
}

impl LiveUnits {
    /// Marks for so many units, none of them set.
    pub fn none(units: usize) -> Self {
        let mut live = Self::default();
        live.reset(units);
        live
    }

    /// Becomes [`LiveUnits::none`] in the memory that is there.
    pub fn reset(&mut self, units: usize) {
        self.words.clear();
        self.words.resize(units.div_ceil(64), 0);
        self.units = units;
    }

    /// Marks all units.
    pub fn mark_all(&mut self) {
        self.words.fill(u64::MAX);
        if let Some(last) = self.words.last_mut() {
            *last >>= (64 - self.units % 64) % 64;
        }
    }

    /// Marks the units whose bits are set in `found`, the lowest for unit `first`, which is a multiple of a vector's lanes.
    #[inline(always)]
    fn mark(&mut self, first: usize, found: u32) {
        self.words[first / 64] |= u64::from(found) << (first % 64);
    }

    /// Marks what is marked in `other`, which has as many units.
    pub fn merge(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Units.
    pub fn len(&self) -> usize {
        self.units
    }

    /// True if there are no units.
    pub fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// Units with a mark.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Each unit's mark.
    pub fn iter(&self) -> impl Iterator<Item = bool> {
        (0..self.units).map(|i| self.words[i / 64] >> (i % 64) & 1 == 1)
    }
}

impl FromIterator<bool> for LiveUnits {
    fn from_iter<T: IntoIterator<Item = bool>>(marks: T) -> Self {
        let mut live = Self::default();
        for mark in marks {
            if live.units.is_multiple_of(64) {
                live.words.push(0);
            }
            *live.words.last_mut().expect("a word was added") |= u64::from(mark) << (live.units % 64);
            live.units += 1;
        }
        live
    }
}

/// The values of as many rows of `cols` as are a whole number of vectors.
#[inline(always)]
pub fn group_of<V: Vector>(cols: usize) -> usize {
    // As the lanes are a power of two, so is what they have in common with the columns.
    V::LANES / (1 << cols.trailing_zeros().min(V::LANES.trailing_zeros())) * cols
}

/// Marks the columns whose largest value is above zero. `tops` has a value of each column in turn, and again: the largest of some of its
/// rows.
#[inline(always)]
pub fn mark_above_zero<V: Vector>(live: &mut LiveUnits, tops: &[f32]) {
    let cols = live.len();
    for i in (0..cols).step_by(V::LANES) {
        let lanes = V::first(cols - i);
        let mut above = V::splat(0.0);
        for from in (i..tops.len()).step_by(cols) {
            // SAFETY: the row has as many values from there on as there are lanes; the other lanes are zero.
            above = unsafe { V::load_first(tops.as_ptr().add(from), lanes) }.higher(above);
        }
        live.mark(i, above.lanes_above(V::splat(0.0)));
    }
}

/// Marks the columns of which some value lies strictly between `low` and `high`; the block holds whole rows of `live.len()`
/// columns. `scratch` is memory of any content.
pub fn mark_live(live: &mut LiveUnits, block: &[f32], low: f32, high: f32, scratch: &mut Buffer) {
    scratch.resize(WIDEST * live.len());
    vectorised_widely(MarkLive { live, block, low, high, folded: scratch });
}

struct MarkLive<'a> {
    live: &'a mut LiveUnits,
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
        if few > 0 && self.live.count() == cols {
            return;
        }
        let group = group_of::<V>(cols);
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

    /// Folds the `N` vectors from `from` on of every `group`; `all` gets the largest of them.
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
            let own = u32::MAX >> (32 - V::LANES.min(cols - i));
            self.live.mark(i, highest.lanes_above(V::splat(self.low)) & own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_form;

    #[test]
    fn the_slope_is_negligible_at_the_edges_and_not_within() {
        let elu = |alpha| Activation::Elu { alpha };
        for activation in Activation::ALL.into_iter().chain([elu(1e-2), elu(1e3), elu(1e300)]) {
            let (low, high) = live_interval(activation);
            assert!(low < high, "{activation}");
            for (edge, inwards) in [(low, 1.0), (high, -1.0)].map(|(edge, inwards)| (f64::from(edge), inwards)) {
                let slope = |z: f64| activation.derivative(z).abs();
                let beyond = if edge.is_finite() { slope(edge - 2e-3 * inwards) } else { 0.0 };
                let within = if edge.is_finite() { edge + 2e-3 * inwards } else { -1e4 * inwards };
                assert!(
                    beyond <= NEGLIGIBLE_SLOPE && slope(within) > NEGLIGIBLE_SLOPE,
                    "{activation}: {low} to {high}"
                );
            }
        }
    }

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
            let want: LiveUnits = (0..cols).map(|j| row_of(j).is_some()).collect();
            with_every_form(|| {
                let (mut live, mut scratch) = (LiveUnits::none(cols), Buffer::default());
                mark_live(&mut live, &block, 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}, below {high}");
                mark_live(&mut live, &vec![-1.0; rows * cols], 0.0, high, &mut scratch);
                assert_eq!(live, want, "{rows}×{cols}: what is live stays so");
            });
        }
    }
}
