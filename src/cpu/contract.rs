//! The products of a convolution as one nest of loops over operands where they lie: nothing is packed, no patch is copied.
//!
//! Forward pass, weights' gradient and inputs' gradient all have the form
//! out\[i]\[j] = Σ A\[i, k]·B\[k, j], where k runs through up to three loops with steps of their own in A and B, the rows i start
//! anywhere in A, and j runs through vectors that start anywhere in B.

use super::places::{Column, Columns, Level, Rows};
use super::simd::{
    Kernel, LANES, Vector, WIDEST, many_registers, vectorised, vectorised_in_all_registers, vectorised_widely,
};

/// A product to be computed.
#[derive(Clone, Copy, Debug)]
pub struct Contraction<'a> {
    /// The operand of which single values are spread over a vector, from the first row's first value on.
    pub a: &'a [f32],
    /// The operand that is read in vectors.
    pub b: &'a [f32],
    /// Rows of the result.
    pub rows: Rows<'a>,
    /// Columns of the result.
    pub columns: Columns<'a>,
    /// The loops of the sum, outermost first.
    pub levels: [Level; 3],
}

/// Steps of the innermost loop that are taken at once: three vectors of eight lanes of each step fit half of a 32 KiB cache.
const DEPTH: usize = 160;

impl Contraction<'_> {
    /// Writes the product to `out`, or adds it if `add`.
    ///
    /// # Panics
    /// If an operand or `out` does not hold what is addressed.
    pub fn run(&self, out: &mut [f32], add: bool) {
        if self.rows.count() == 0 {
            return;
        }
        self.check(out.len());
        // Loops that do not loop go outwards.
        let mut levels = self.levels;
        levels.sort_by_key(|level| level.count > 1);
        let inner = levels[2];
        let parts = if levels[1].count == 1 { inner.count.div_ceil(DEPTH) } else { 1 };
        for part in 0..parts {
            let (start, end) = (part * inner.count / parts, (part + 1) * inner.count / parts);
            levels[2].count = end - start;
            let skip =
                |slice, step: isize| -> &[f32] { if start == 0 { slice } else { &slice[start * step as usize..] } };
            let product = Contraction { a: skip(self.a, inner.a), b: skip(self.b, inner.b), levels, ..*self };
            let (product, add) = (&product, add || part > 0);
            // A column's sum is the same bits in each. Sixteen lanes for eight columns are no faster than eight.
            match (many_registers(), self.columns.vectors(WIDEST) < self.columns.vectors(LANES)) {
                (true, true) => vectorised_widely(Run::<16, 8> { product, out, add }),
                (true, false) => vectorised_in_all_registers(Run::<16, 8> { product, out, add }),
                (false, _) => vectorised(Run::<8, 6> { product, out, add }),
            }
        }
    }

    fn check(&self, out_len: usize) {
        let (nearest, [a_last, out_last]) = match self.rows {
            Rows::Even { count, a, out } => (0, [(count - 1) * a, (count - 1) * out]),
            Rows::Listed(list, count) => list.reach(count),
        };
        let [b_end, out_end] = self.columns.ends();
        // How far back and forth the sum goes in A and in B.
        let (mut a, mut b) = ([nearest as isize, a_last as isize], [0, b_end as isize]);
        for level in self.levels {
            assert!(level.count > 0, "a loop of a sum has a step");
            let steps = level.count as isize - 1;
            a[usize::from(level.a > 0)] += steps * level.a;
            b[usize::from(level.b > 0)] += steps * level.b;
        }
        assert!(a[0] >= 0 && a[1] < self.a.len() as isize, "A holds {} values, addressed: {a:?}", self.a.len());
        assert!(b[0] >= 0 && b[1] <= self.b.len() as isize, "B holds {} values, addressed: {b:?}", self.b.len());
        assert!(out_last + out_end <= out_len, "the result holds {out_len} values, addressed: {}", out_last + out_end);
    }
}

/// `TALL` rows of a single vector of columns are summed at once, and `ROWS` of several, as many as there are registers for.
struct Run<'a, const TALL: usize, const ROWS: usize> {
    product: &'a Contraction<'a>,
    out: &'a mut [f32],
    add: bool,
}

impl<const TALL: usize, const ROWS: usize> Kernel for Run<'_, TALL, ROWS> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let vectors = self.product.columns.vectors(V::LANES);
        let (mut v, out) = (0, self.out.as_mut_ptr());
        while v < vectors {
            // SAFETY: `check` has seen that every place lies in its slice.
            v += unsafe {
                match vectors - v {
                    1 => self.columns::<V, 1, TALL>(v, out),
                    // Three times eight sums leave room for three vectors in 32 registers, and not in 16.
                    3 if ROWS == 8 => self.columns::<V, 3, ROWS>(v, out),
                    _ => self.columns::<V, 2, ROWS>(v, out),
                }
            };
        }
    }
}

impl<const TALL: usize, const ROWS: usize> Run<'_, TALL, ROWS> {
    /// All rows of `N` vectors of columns, `M` rows at a time as long as there are as many. Returns `N`.
    #[inline(always)]
    unsafe fn columns<V: Vector, const N: usize, const M: usize>(&self, first: usize, out: *mut f32) -> usize {
        let columns: [Column; N] = std::array::from_fn(|v| self.product.columns.at(first + v, V::LANES));
        let masked = columns.iter().any(|column| (column.lanes as usize) < V::LANES);
        // SAFETY: the caller's promise.
        unsafe {
            if masked { self.rows::<V, N, M, true>(&columns, out) } else { self.rows::<V, N, M, false>(&columns, out) }
        }
        N
    }

    #[inline(always)]
    unsafe fn rows<V: Vector, const N: usize, const M: usize, const MASKED: bool>(
        &self,
        columns: &[Column; N],
        out: *mut f32,
    ) {
        let count = self.product.rows.count();
        let mut i = 0;
        // SAFETY: the caller's promise.
        unsafe {
            // Two fours are faster than a six and a two.
            while count - i >= M && (M >= 8 || count - i != 8) {
                self.tile::<V, N, M, MASKED>(columns, i, out);
                i += M;
            }
            if M > 8 && count - i >= 8 {
                self.tile::<V, N, 8, MASKED>(columns, i, out);
                i += 8;
            }
            while count - i >= 4 {
                self.tile::<V, N, 4, MASKED>(columns, i, out);
                i += 4;
            }
            if count - i >= 2 {
                self.tile::<V, N, 2, MASKED>(columns, i, out);
                i += 2;
            }
            if i < count {
                self.tile::<V, N, 1, MASKED>(columns, i, out);
            }
        }
    }

    /// `M` rows from row `i` on: the sums stand in registers until they are complete.
    #[inline(always)]
    unsafe fn tile<V: Vector, const N: usize, const M: usize, const MASKED: bool>(
        &self,
        columns: &[Column; N],
        i: usize,
        out: *mut f32,
    ) {
        let places: [[usize; 2]; M] = std::array::from_fn(|m| self.product.rows.at(i + m));
        let (a, b) = (self.product.a.as_ptr(), self.product.b.as_ptr());
        // SAFETY: `check` has seen that every place lies in its slice.
        unsafe {
            let a: [*const f32; M] = std::array::from_fn(|m| a.add(places[m][0]));
            let b: [*const f32; N] = std::array::from_fn(|v| b.add(columns[v].b as usize));
            let masks: [V::Mask; N] = std::array::from_fn(|v| V::first(columns[v].lanes as usize));
            let mut sums = [[V::splat(0.0); N]; M];
            let [outer, middle, inner] = self.product.levels;
            let (mut a_outer, mut b_outer) = (0, 0);
            for _ in 0..outer.count {
                let (mut a_middle, mut b_middle) = (a_outer, b_outer);
                for _ in 0..middle.count {
                    let (mut at, mut bt) = (a_middle, b_middle);
                    for _ in 0..inner.count {
                        let vectors: [V; N] = std::array::from_fn(|v| {
                            let from = b[v].offset(bt);
                            if MASKED { V::load_first(from, masks[v]) } else { V::load(from) }
                        });
                        for m in 0..M {
                            let value = V::splat(*a[m].offset(at));
                            for v in 0..N {
                                sums[m][v] = value.mul_add(vectors[v], sums[m][v]);
                            }
                        }
                        (at, bt) = (at + inner.a, bt + inner.b);
                    }
                    (a_middle, b_middle) = (a_middle + middle.a, b_middle + middle.b);
                }
                (a_outer, b_outer) = (a_outer + outer.a, b_outer + outer.b);
            }
            for m in 0..M {
                for v in 0..N {
                    let to = out.add(places[m][1] + columns[v].out as usize);
                    let full = columns[v].lanes as usize == V::LANES;
                    let old = || if full { V::load(to) } else { V::load_first(to, masks[v]) };
                    let sum = if self.add { sums[m][v].add(old()) } else { sums[m][v] };
                    if full { sum.store(to) } else { sum.store_first(to, columns[v].lanes as usize) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_form;

    /// Small integers, so that every product is exact in any order of its terms.
    fn integers(n: usize, factor: usize) -> Vec<f32> {
        (0..n).map(|i| (i * factor % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition_for_every_shape_of_tile() {
        with_every_form(assert_products);
    }

    fn assert_products() {
        for m in 1..36 {
            for (n, k) in [(1, 1), (3, 7), (8, 2), (9, 5), (16, 33), (17, 161), (31, 400), (48, 9), (100, 3)] {
                let (a, b) = (integers(m * k, 7), integers(k * n, 5));
                let product = Contraction {
                    a: &a,
                    b: &b,
                    rows: Rows::Even { count: m, a: k, out: n },
                    columns: Columns::Even(n),
                    levels: [Level::ONCE, Level::ONCE, Level::new(k, 1, n)],
                };
                for add in [false, true] {
                    let mut out = if add { vec![100.0; m * n] } else { vec![f32::NAN; m * n] };
                    product.run(&mut out, add);
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let start = if add { 100.0 } else { 0.0 };
                        let want = (0..k).fold(start, |sum, l| sum + a[i * k + l] * b[l * n + j]);
                        assert_eq!(out[i * n + j], want, "{m}×{n}×{k}, add {add}, at {i},{j}");
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "B holds 11 values, addressed: [0, 12]")]
    fn a_product_that_reaches_beyond_its_operand_is_refused() {
        let (rows, levels) = (Rows::Even { count: 1, a: 4, out: 3 }, [Level::ONCE, Level::ONCE, Level::new(4, 1, 3)]);
        Contraction { a: &[0.0; 4], b: &[0.0; 11], rows, columns: Columns::Even(3), levels }.run(&mut [0.0; 3], false);
    }
}
