//! Matrix products of row-major slices with explicit strides.
//!
//! A tile of the result stands in registers while its terms are added: values of `a` one by one, spread over vectors,
//! times vectors of `b`. So `a` may have any strides. `b` is read where it lies if its rows are contiguous and near each other, and is
//! otherwise copied, a panel at a time, into a buffer that stays in the second cache (the inner loops of Goto & van de Geijn
//! 2008); the first tile copies as it multiplies, if the rows are contiguous. Each value of the result is one chain of sums
//! for every 256 terms, whatever the number of threads.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::simd::{Kernel, LANES, Vector, WIDEST, prefetch, prefetch_at, vectorised_widely};

/// A read-only matrix in a slice: element (i, j) stands at `i·row_stride + j·col_stride`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The row-major matrix `[rows, cols]` at the beginning of `data`.
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert!(data.len() >= rows * cols, "a {rows}×{cols} matrix needs {} values, found {}", rows * cols, data.len());
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without moving data.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            data: self.data,
        }
    }

    /// The place of element (i, j), which may lie just beyond the matrix.
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> *const f32 {
        self.data.as_ptr().wrapping_add(i * self.row_stride + j * self.col_stride)
    }
}

/// Terms that are added before a tile goes back to memory.
const DEPTH: usize = 256;
/// Columns of a panel.
const PANEL: usize = 64;
/// Terms by which a panel that is copied is asked for in advance.
const AHEAD: usize = 16;
/// Values that the terms of a panel may span if it is read where it lies.
const NEAR: usize = 1 << 16;

/// `out = a·b`, or `out += a·b` if `add`; `out` is row-major `[a.rows, b.cols]`. With more than one thread the work is cut
/// for the current rayon pool.
pub fn matmul(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool, threads: usize) {
    assert_eq!(a.cols, b.rows, "inner dimensions of a matrix product");
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert!(out.len() >= m * n, "a {m}×{n} product needs {} values, found {}", m * n, out.len());
    if k == 0 && !add {
        out[..m * n].fill(0.0);
    }
    if m * n * k == 0 {
        return;
    }
    let whole = Product { a, b, out: out.as_mut_ptr(), rows: 0..m, columns: 0..n, add };
    if threads <= 1 {
        return vectorised_widely(whole);
    }
    // Panels are packed by one thread each, if there are enough of them.
    let by_columns = n.div_ceil(PANEL) >= threads;
    let (len, unit) = if by_columns { (n, PANEL) } else { (m, 8) };
    let share = len.div_ceil(unit).div_ceil(threads) * unit;
    rayon::in_place_scope(|scope| {
        for start in (0..len).step_by(share) {
            let part = start..(start + share).min(len);
            let (rows, columns) = if by_columns { (0..m, part) } else { (part, 0..n) };
            let part = Product { rows, columns, ..whole };
            scope.spawn(move |_| vectorised_widely(part));
        }
    });
}

/// Some rows and columns of a product.
struct Product<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    /// Holds `a.rows` rows of `b.cols` values.
    out: *mut f32,
    rows: Range<usize>,
    columns: Range<usize>,
    add: bool,
}

// SAFETY: the parts of a product that go to threads write different rows or columns of `out`.
unsafe impl Send for Product<'_> {}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { a, b, .. } = self;
        let (n, k) = (b.cols, a.cols);
        let packs = b.col_stride != 1 || b.row_stride * k.min(DEPTH) > NEAR;
        let mut packed = Packed::new();
        let parts = k.div_ceil(DEPTH);
        for part in 0..parts {
            let (term, terms) = (part * k / parts, (part + 1) * k / parts - part * k / parts);
            for column in self.columns.clone().step_by(PANEL) {
                let columns = (self.columns.end - column).min(PANEL);
                let whole = b.col_stride == 1 && columns.is_multiple_of(WIDEST);
                let (vectors, step) = if packs && !whole {
                    // SAFETY: there is room for `DEPTH` rows of `PANEL` values.
                    (unsafe { pack::<V>(b, term..term + terms, column..column + columns, &mut packed) }, PANEL)
                } else {
                    (b.at(term, column), b.row_stride)
                };
                let panel = Tiles {
                    a: a.at(self.rows.start, term),
                    a_row: a.row_stride,
                    a_term: a.col_stride,
                    b: vectors,
                    b_term: step,
                    copy: (packs && whole).then(|| packed.0.as_mut_ptr().cast()),
                    terms,
                    out: self.out.wrapping_add(self.rows.start * n + column),
                    out_row: n,
                    add: self.add || part > 0,
                    far: packs,
                };
                // SAFETY: all rows, terms and columns lie in the matrices, as `matmul` and `Matrix::new` have seen.
                unsafe { panel.run::<V>(self.rows.len(), columns) };
            }
        }
    }
}

/// Room for a panel.
#[repr(align(64))]
struct Packed([MaybeUninit<f32>; DEPTH * PANEL]);

impl Packed {
    #[inline(always)]
    fn new() -> Self {
        Self([MaybeUninit::uninit(); DEPTH * PANEL])
    }
}

/// Copies `columns` of the rows `terms` of `b` to the beginning of the rows of a panel. Returns where it begins.
///
/// # Safety
/// `b` holds them, and a panel as many rows and columns.
#[inline(always)]
unsafe fn pack<V: Vector>(
    b: Matrix<'_>,
    terms: Range<usize>,
    columns: Range<usize>,
    packed: &mut Packed,
) -> *const f32 {
    let to = packed.0.as_mut_ptr().cast::<f32>();
    let whole = |n: usize| n - n % LANES;
    let [whole_terms, whole_columns] = match (b.row_stride, b.col_stride) {
        (_, 1) => [terms.len(), whole(columns.len())],
        (1, _) => [whole(terms.len()), whole(columns.len())],
        _ => [0, 0],
    };
    // SAFETY: the caller's promise.
    unsafe {
        if b.col_stride == 1 {
            for l in 0..whole_terms {
                for j in (0..whole_columns).step_by(LANES) {
                    V::Half::load(b.at(terms.start + l, columns.start + j)).store(to.add(l * PANEL + j));
                }
            }
        } else {
            for j in (0..whole_columns).step_by(LANES) {
                for l in (0..whole_terms).step_by(LANES) {
                    let from = |i| V::Half::load(b.at(terms.start + l, columns.start + j + i));
                    let transposed = V::Half::transpose(std::array::from_fn(from));
                    transposed.into_iter().enumerate().for_each(|(i, row)| row.store(to.add((l + i) * PANEL + j)));
                }
            }
        }
        for l in 0..terms.len() {
            for j in if l < whole_terms { whole_columns } else { 0 }..columns.len() {
                *to.add(l * PANEL + j) = *b.at(terms.start + l, columns.start + j);
            }
        }
    }
    to
}

/// Operands and result of a panel, from the first row, term and column on.
#[derive(Clone, Copy)]
struct Tiles {
    a: *const f32,
    a_row: usize,
    a_term: usize,
    b: *const f32,
    b_term: usize,
    /// Where the first rows of tiles copy the panel to as they multiply, for the others, unless it stays where it is.
    copy: Option<*mut f32>,
    terms: usize,
    out: *mut f32,
    out_row: usize,
    add: bool,
    /// True if the result is too large for the near caches, so that it is prefetched.
    far: bool,
}

impl Tiles {
    /// `rows` by `columns` values. Thirty-two registers hold tiles of four vectors by six rows, sixteen two by six.
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, rows: usize, columns: usize) {
        let mut rest = columns;
        // SAFETY: the caller's promise.
        unsafe {
            if V::LANES == WIDEST {
                match columns / V::LANES {
                    4.. => self.vectors::<V, 4, 6>(rows, &mut rest),
                    3 => self.vectors::<V, 3, 8>(rows, &mut rest),
                    2 => self.vectors::<V, 2, 8>(rows, &mut rest),
                    1 => self.vectors::<V, 1, 16>(rows, &mut rest),
                    0 => {}
                }
            } else {
                while rest >= 2 * V::LANES {
                    self.vectors::<V, 2, 6>(rows, &mut rest);
                }
                if rest >= V::LANES {
                    self.vectors::<V, 1, 8>(rows, &mut rest);
                }
            }
            // Up to half a vector of columns needs but half a vector.
            match rest {
                0 => {}
                _ if V::LANES < WIDEST => self.rows::<V, 1, 8, true>(rows, rest),
                1..=LANES => self.rows::<V::Half, 1, 16, true>(rows, rest),
                _ => self.rows::<V, 1, 16, true>(rows, rest),
            }
        }
    }

    /// The first `N` vectors of columns, which are then left behind.
    #[inline(always)]
    unsafe fn vectors<V: Vector, const N: usize, const M: usize>(&mut self, rows: usize, columns: &mut usize) {
        // SAFETY: the caller's promise.
        unsafe {
            self.rows::<V, N, M, false>(rows, V::LANES);
            (self.b, self.out) = (self.b.add(N * V::LANES), self.out.add(N * V::LANES));
            self.copy = self.copy.map(|copy| copy.add(N * V::LANES));
        }
        *columns -= N * V::LANES;
    }

    /// All rows of `N` vectors of columns, `M` at a time as long as there are as many; the last vector has `lanes` columns.
    #[inline(always)]
    unsafe fn rows<V: Vector, const N: usize, const M: usize, const MASKED: bool>(mut self, rows: usize, lanes: usize) {
        let mut rest = rows;
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(copy) = self.copy.filter(|_| rest >= 2 * M && !MASKED) {
                self.tile::<V, N, M, false, true>(lanes, &mut rest);
                (self.b, self.b_term) = (copy, PANEL);
            }
            while rest >= M {
                self.tile::<V, N, M, MASKED, false>(lanes, &mut rest);
            }
            while rest >= 4 {
                self.tile::<V, N, 4, MASKED, false>(lanes, &mut rest);
            }
            if rest >= 2 {
                self.tile::<V, N, 2, MASKED, false>(lanes, &mut rest);
            }
            if rest >= 1 {
                self.tile::<V, N, 1, MASKED, false>(lanes, &mut rest);
            }
        }
    }

    /// The first `M` rows, which are then left behind: their sums stand in registers until all terms are added. With `COPY` the
    /// vectors of `b` go to `copy` on the way.
    #[inline(always)]
    unsafe fn tile<V: Vector, const N: usize, const M: usize, const MASKED: bool, const COPY: bool>(
        &mut self,
        lanes: usize,
        rows: &mut usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let a: [*const f32; M] = std::array::from_fn(|m| self.a.add(m * self.a_row));
            let mask = V::first(lanes);
            let load = |from| if MASKED { V::load_first(from, mask) } else { V::load(from) };
            if self.far {
                for m in 0..M {
                    prefetch(std::slice::from_raw_parts(self.out.add(m * self.out_row), (N - 1) * V::LANES + lanes));
                }
            }
            let mut sums = [[V::splat(0.0); N]; M];
            let (mut at, mut b, mut copy) = (0, self.b, self.copy.filter(|_| COPY));
            for _ in 0..self.terms {
                let vectors: [V; N] = std::array::from_fn(|v| load(b.add(v * V::LANES)));
                if let Some(to) = copy {
                    (0..N).for_each(|v| prefetch_at(b.wrapping_add(AHEAD * self.b_term + v * V::LANES)));
                    vectors.iter().enumerate().for_each(|(v, vector)| vector.store(to.add(v * V::LANES)));
                    copy = Some(to.wrapping_add(PANEL));
                }
                for m in 0..M {
                    let value = V::splat(*a[m].add(at));
                    for v in 0..N {
                        sums[m][v] = value.mul_add(vectors[v], sums[m][v]);
                    }
                }
                (at, b) = (at + self.a_term, b.wrapping_add(self.b_term));
            }
            for (m, row) in sums.iter().enumerate() {
                for (v, &sum) in row.iter().enumerate() {
                    let to = self.out.add(m * self.out_row + v * V::LANES);
                    let sum = if self.add { sum.add(load(to)) } else { sum };
                    if MASKED { sum.store_first(to, lanes) } else { sum.store(to) }
                }
            }
            (self.a, self.out) = (self.a.add(M * self.a_row), self.out.add(M * self.out_row));
            *rows -= M;
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
    fn products_of_matrices_and_their_transposes_are_those_of_the_definition() {
        let small = [(1, 1, 1), (2, 3, 4), (1, 17, 5), (65, 10, 33), (7, 1, 64), (16, 16, 0)];
        let large = [(13, 100, 100), (9, 59, 300), (23, 300, 270), (70, 130, 513)];
        for (m, n, k) in small.into_iter().chain(large) {
            let (a, b) = (integers(m * k, 7), integers(k * n, 5));
            // The same matrices stored by columns.
            let by_columns = |x: &[f32], rows: usize, cols: usize| -> Vec<f32> {
                (0..cols).flat_map(|j| (0..rows).map(move |i| x[i * cols + j])).collect()
            };
            let (a_columns, b_columns) = (by_columns(&a, m, k), by_columns(&b, k, n));
            for (a_matrix, b_matrix) in [
                (Matrix::new(&a, m, k), Matrix::new(&b, k, n)),
                (Matrix::new(&a_columns, k, m).t(), Matrix::new(&b, k, n)),
                (Matrix::new(&a, m, k), Matrix::new(&b_columns, n, k).t()),
                (Matrix::new(&a_columns, k, m).t(), Matrix::new(&b_columns, n, k).t()),
            ] {
                for add in [false, true] {
                    let out = if add { vec![100.0; m * n] } else { vec![f32::NAN; m * n] };
                    with_every_form(|| {
                        let mut out = out.clone();
                        matmul(&mut out, a_matrix, b_matrix, add, 1);
                        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                            let start = if add { 100.0 } else { 0.0 };
                            let want = (0..k).fold(start, |sum, l| sum + a[i * k + l] * b[l * n + j]);
                            assert_eq!(out[i * n + j], want, "{m}×{n}×{k}, add {add}, at {i},{j}");
                        }
                    });
                }
            }
        }
    }

    #[test]
    fn products_are_the_same_bits_for_any_number_of_threads() {
        for (m, n, k) in [(67, 200, 300), (100, 10, 40), (1, 700, 5)] {
            let wave = |n: usize| -> Vec<f32> { (0..n).map(|i| (i as f32).sin()).collect() };
            let (a, b) = (wave(m * k), wave(k * n));
            let product = |threads| {
                let mut out = vec![f32::NAN; m * n];
                matmul(&mut out, Matrix::new(&a, m, k), Matrix::new(&b, k, n), false, threads);
                out
            };
            for threads in 2..5 {
                assert_eq!(product(threads), product(1), "{m}×{n}×{k}, {threads} threads");
            }
        }
    }
}
