//! Transposed matrices.

use super::simd::{Kernel, LANES, Vector, vectorised};

/// `to` `[cols, rows]` gets the transpose of `from` `[rows, cols]`.
pub fn transpose(from: &[f32], rows: usize, to: &mut [f32]) {
    let cols = from.len() / rows;
    assert!(rows * cols == from.len() && to.len() == from.len(), "a transpose keeps all values");
    vectorised(Transpose { from, to, rows, cols });
}

struct Transpose<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
    rows: usize,
    cols: usize,
}

impl Kernel for Transpose<'_> {
    /// Transposes in squares of vectors, and one by one at the edges.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { from, to, rows, cols } = self;
        let [whole_rows, whole_cols] = [rows, cols].map(|n| n - n % LANES);
        for j in (0..whole_cols).step_by(LANES) {
            for i in (0..whole_rows).step_by(LANES) {
                // SAFETY: the square lies within the first so many rows and columns, in both matrices.
                unsafe {
                    let square = std::array::from_fn(|k| V::load(from.as_ptr().add((i + k) * cols + j)));
                    let transposed = V::transpose(square).into_iter().enumerate();
                    transposed.for_each(|(k, row)| row.store(to.as_mut_ptr().add((j + k) * rows + i)));
                }
            }
        }
        for i in 0..rows {
            for j in if i < whole_rows { whole_cols } else { 0 }..cols {
                to[j * rows + i] = from[i * cols + j];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (rows, cols) in [(1, 5), (8, 3), (19, 11), (32, 40)] {
            let from: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let mut to = vec![f32::NAN; from.len()];
            transpose(&from, rows, &mut to);
            for (i, j) in (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j))) {
                assert_eq!(to[j * rows + i], from[i * cols + j], "{rows}×{cols}");
            }
        }
    }
}
