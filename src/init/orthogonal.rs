//! Orthonormal rows or columns from a Gaussian matrix.
//!
//! The loops run over contiguous rows in a fixed order of additions, so the result has the same bits on every
//! machine; a tuned matrix product would not.

/// Additions that run side by side in a dot product.
const LANES: usize = 8;

/// The orthogonal factor of `matrix` (`[rows, columns]`, row-major): orthonormal columns if there are at least as
/// many rows as columns, else orthonormal rows.
///
/// Gram–Schmidt gives the triangular factor a positive diagonal, so a Gaussian matrix gives a Haar-distributed
/// result (Mezzadri 2007, "How to generate random matrices from the classical compact groups").
///
/// # Panics
/// If the matrix is not of full rank, which has probability zero for Gaussian draws.
pub fn orthonormal(mut matrix: Vec<f64>, rows: usize, columns: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), rows * columns, "a matrix must hold rows × columns entries");
    if rows > columns {
        let mut transposed = transpose(&matrix, rows, columns);
        orthonormalise_rows(&mut transposed, rows);
        return transpose(&transposed, columns, rows);
    }
    orthonormalise_rows(&mut matrix, columns);
    matrix
}

/// Modified Gram–Schmidt over the rows of length `columns`, each taken twice against all above it: once more
/// brings the rows to orthogonality at rounding error (Giraud et al. 2005).
fn orthonormalise_rows(matrix: &mut [f64], columns: usize) {
    for row in 0..matrix.len() / columns {
        let (above, below) = matrix.split_at_mut(row * columns);
        let current = &mut below[..columns];
        for _ in 0..2 {
            for unit in above.chunks_exact(columns) {
                let along = dot(unit, current);
                for (x, u) in current.iter_mut().zip(unit) {
                    *x -= along * u;
                }
            }
        }
        let norm = dot(current, current).sqrt();
        assert!(norm > 0.0, "rows of a Gaussian matrix are independent");
        for x in current {
            *x /= norm;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn transpose(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| matrix[row * columns + column])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{rng, standard_normals};

    fn haar(name: &str, rows: usize, columns: usize) -> Vec<f64> {
        orthonormal(standard_normals(&mut rng(0, name), rows * columns), rows, columns)
    }

    #[test]
    fn the_shorter_side_is_orthonormal_to_rounding() {
        for (rows, columns) in [(1, 1), (3, 3), (64, 64), (50, 200), (200, 50), (1, 9), (9, 1), (257, 129), (32, 400)] {
            let q = haar("wide or tall", rows, columns);
            let vectors = if rows > columns { transpose(&q, rows, columns) } else { q };
            let length = rows.max(columns);
            for (i, a) in vectors.chunks(length).enumerate() {
                for (j, b) in vectors.chunks(length).enumerate() {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    let found: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                    assert!((found - expected).abs() < 1e-12, "{rows}×{columns}: rows {i}, {j}: {found}");
                }
            }
        }
    }

    #[test]
    fn the_result_is_haar_distributed_and_not_biased_by_a_sign() {
        let n = 4000;
        let corners: Vec<f64> = (0..n).map(|i| haar(&i.to_string(), 3, 3)[0]).collect();
        // An entry of a Haar 3×3 matrix is uniform on [−1, 1]: variance 1/3, and of its square 1/5 − 1/9.
        let mean = corners.iter().sum::<f64>() / f64::from(n);
        let square = corners.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 4.0 * (1.0 / 3.0 / f64::from(n)).sqrt(), "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / f64::from(n)).sqrt(), "{square}");
    }

    #[test]
    fn a_nearly_dependent_matrix_still_gives_orthonormal_rows() {
        let q = orthonormal(vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0 + 1e-12, 1.0, 1.0 + 2e-12, 1.0], 3, 3);
        let product: f64 = q[..3].iter().zip(&q[3..6]).map(|(x, y)| x * y).sum();
        assert!(product.abs() < 1e-12, "{product}");
    }
}
