//! Matrix products through the `gemm` crate, on row-major slices with explicit strides.

pub use gemm::Parallelism;

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
}

/// `out = a·b`, or `out += a·b` if `add`; `out` is row-major `[a.rows, b.cols]`.
pub fn matmul(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, add: bool, parallelism: Parallelism) {
    assert_eq!(a.cols, b.rows, "inner dimensions of a matrix product");
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert!(out.len() >= m * n, "a {m}×{n} product needs {} values, found {}", m * n, out.len());
    // SAFETY: the three slices hold every element that the sizes and strides address (asserted above and in
    // `Matrix::new`), and `out` is borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, so that every product is exact in any order of its terms.
    fn integers(n: usize, factor: usize) -> Vec<f32> {
        (0..n).map(|i| (i * factor % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn products_of_matrices_and_their_transposes_are_those_of_the_definition() {
        for (m, n, k) in [(1, 1, 1), (2, 3, 4), (1, 17, 5), (65, 10, 33), (7, 1, 64), (16, 16, 0)] {
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
                    let mut out = if add { vec![100.0; m * n] } else { vec![f32::NAN; m * n] };
                    matmul(&mut out, a_matrix, b_matrix, add, Parallelism::None);
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let start = if add { 100.0 } else { 0.0 };
                        let want = (0..k).fold(start, |sum, l| sum + a[i * k + l] * b[l * n + j]);
                        assert_eq!(out[i * n + j], want, "{m}×{n}×{k}, add {add}, at {i},{j}");
                    }
                }
            }
        }
    }
}
