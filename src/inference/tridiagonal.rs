//! Symmetric tridiagonal matrices.

/// A symmetric tridiagonal matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Symmetric {
    /// The diagonal.
    pub diagonal: Vec<f64>,
    /// Values beside it: one fewer.
    pub beside: Vec<f64>,
}

/// The largest eigenvalue, by bisection with Sturm's count (Barth, Martin & Wilkinson 1967), and the last entry of its unit
/// eigenvector, by inverse iteration. NaN for an empty matrix or one whose values are not finite.
pub fn largest_pair(matrix: &Symmetric) -> (f64, f64) {
    let Symmetric { diagonal, beside } = matrix;
    let n = diagonal.len();
    let edge = |i: usize| i.checked_sub(1).map_or(0.0, |i| beside[i].abs()) + beside.get(i).map_or(0.0, |b| b.abs());
    // Gershgorin's discs.
    let mut high = (0..n).map(|i| diagonal[i] + edge(i)).fold(f64::NAN, f64::max);
    let mut low = diagonal.iter().copied().fold(f64::NAN, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return (f64::NAN, f64::NAN);
    }
    if n == 1 {
        return (diagonal[0], 1.0);
    }
    let size = high.abs().max(low.abs());
    while high - low > 4.0 * f64::EPSILON * size {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if all_below(matrix, middle, size) { high = middle } else { low = middle }
    }
    (high, last_entry(matrix, high + 8.0 * f64::EPSILON * size))
}

/// True if every eigenvalue is below `x`: the pivots of T − x are all negative.
fn all_below(matrix: &Symmetric, x: f64, size: f64) -> bool {
    let mut pivot = 1.0;
    for (i, d) in matrix.diagonal.iter().enumerate() {
        let b = i.checked_sub(1).map_or(0.0, |i| matrix.beside[i]);
        pivot = d - x - b * b / pivot;
        if pivot >= 0.0 {
            return false;
        }
        pivot = pivot.min(-f64::EPSILON * size.max(f64::MIN_POSITIVE));
    }
    true
}

/// The last entry of the unit eigenvector of an eigenvalue just below `shift`, by two solutions of (T − shift)·y = x: all pivots are
/// negative, so that no rows need change places.
fn last_entry(matrix: &Symmetric, shift: f64) -> f64 {
    let Symmetric { diagonal, beside } = matrix;
    let n = diagonal.len();
    let tiny = f64::EPSILON * shift.abs().max(f64::MIN_POSITIVE);
    let mut pivots = Vec::with_capacity(n);
    for (i, d) in diagonal.iter().enumerate() {
        let before = i.checked_sub(1).map_or(0.0, |i| beside[i] * beside[i] / pivots[i]);
        pivots.push((d - shift - before).min(-tiny));
    }
    let mut x = vec![1.0; n];
    for _ in 0..3 {
        (1..n).for_each(|i| x[i] -= beside[i - 1] / pivots[i - 1] * x[i - 1]);
        x[n - 1] /= pivots[n - 1];
        (0..n - 1).rev().for_each(|i| x[i] = (x[i] - beside[i] * x[i + 1]) / pivots[i]);
        let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        x.iter_mut().for_each(|x| *x /= length);
    }
    x[n - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_the_eigenvalues_that_are_known() {
        // 2cos(πk/(n+1)), with eigenvectors √(2/(n+1))·sin(πki/(n+1)).
        for n in [1, 2, 5, 40] {
            let angle = std::f64::consts::PI / (n as f64 + 1.0);
            let matrix = Symmetric { diagonal: vec![0.0; n], beside: vec![1.0; n - 1] };
            let (value, last) = largest_pair(&matrix);
            let want = (2.0 * angle.cos(), (2.0 / (n as f64 + 1.0)).sqrt() * (n as f64 * angle).sin());
            assert!(
                (value - want.0).abs() < 1e-12 && (last.abs() - want.1).abs() < 1e-9,
                "{n}: {value}, {last}, not {want:?}"
            );
        }
        assert!(largest_pair(&Symmetric { diagonal: vec![f64::NAN], beside: vec![] }).0.is_nan());
    }
}
