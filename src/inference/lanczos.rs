//! The largest eigenvalue of a symmetric matrix that is known by its products with vectors (Lanczos 1950).

use crate::inference::tridiagonal::{Symmetric, largest_pair};

/// An eigenvalue, and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eigenvalue {
    /// The largest eigenvalue, from below.
    pub value: f64,
    /// Length of A·x − λ·x for the unit vector x that was found: an eigenvalue lies within this of `value`.
    pub residual: f64,
    /// Products with the matrix that it took.
    pub products: usize,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Residual, relative to the eigenvalue, that is good enough. The eigenvalue's own error is of its square's order.
    pub residual: f64,
    /// Products at most.
    pub products: usize,
}

/// The largest eigenvalue of the matrix whose product with a unit vector `product` writes, from `start` on. The start must not be
/// orthogonal to the eigenvector; the nearer it is, the fewer products it takes.
pub fn largest(start: &[f64], limits: Limits, mut product: impl FnMut(&[f64], &mut [f64])) -> Eigenvalue {
    let n = start.len();
    let mut matrix = Symmetric::default();
    let (mut basis, mut next) = (Vec::new(), start.to_vec());
    let mut found = Eigenvalue { value: f64::NAN, residual: f64::INFINITY, products: 0 };
    while found.products < limits.products.min(n) {
        let length = norm(&next);
        if length == 0.0 || !length.is_finite() {
            break;
        }
        next.iter_mut().for_each(|x| *x /= length);
        if found.products > 0 {
            matrix.beside.push(length);
        }
        // A basis in f32 is half as large, and as orthogonal as products in f32 are exact.
        basis.push(next.iter().map(|&x| x as f32).collect::<Vec<f32>>());
        let last = std::mem::replace(&mut next, vec![0.0; n]);
        product(&last, &mut next);
        matrix.diagonal.push(dot(&last, &next));
        found.products += 1;
        // Twice: what the first pass leaves of the basis, by rounding, the second takes off.
        for _ in 0..2 {
            for vector in &basis {
                let share: f64 = vector.iter().zip(&next).map(|(&q, &x)| f64::from(q) * x).sum();
                next.iter_mut().zip(vector).for_each(|(x, &q)| *x -= share * f64::from(q));
            }
        }
        let (value, last) = largest_pair(&matrix);
        (found.value, found.residual) = (value, norm(&next) * last.abs());
        if !value.is_finite() || found.residual <= limits.residual * value.abs() {
            break;
        }
    }
    found
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with these eigenvalues: H·diag·H, with H the reflection at a random vector.
    fn times<'a>(eigenvalues: &'a [f64], mirror: &'a [f64]) -> impl FnMut(&[f64], &mut [f64]) + 'a {
        let square = dot(mirror, mirror);
        move |x, out| {
            let reflect = |x: &mut [f64]| {
                let share = 2.0 * dot(x, mirror) / square;
                x.iter_mut().zip(mirror).for_each(|(x, m)| *x -= share * m);
            };
            out.copy_from_slice(x);
            reflect(out);
            out.iter_mut().zip(eigenvalues).for_each(|(x, value)| *x *= value);
            reflect(out);
        }
    }

    #[test]
    fn the_largest_eigenvalue_is_found_whatever_the_others_are() {
        let limits = Limits { residual: 1e-5, products: 60 };
        for (most, least) in [(3.0, -1.0), (3.0, -50.0), (1e-3, -1e-9), (40.0, 39.0)] {
            let [start, mirror] =
                [1.7, 2.9].map(|pace| (0..300).map(|i| (pace * f64::from(i * i)).sin()).collect::<Vec<_>>());
            let mut values: Vec<f64> =
                (0..300).map(|i| least + (most - least) * f64::from(i).powi(2) / 1.3e5).collect();
            values[7] = most;
            let found = largest(&start, limits, times(&values, &mirror));
            assert!((found.value / most - 1.0).abs() < 1e-6, "{found:?}, not {most}");
            assert!(found.residual < 1e-3 * most.abs() && found.products <= 60, "{found:?}");
        }
    }

    #[test]
    fn a_start_in_an_invariant_space_ends_there() {
        let found = largest(&[1.0, 0.0, 0.0], Limits { residual: 0.0, products: 9 }, |x, out| {
            out.iter_mut().zip(x).zip([2.0, 5.0, 1.0]).for_each(|((o, x), value)| *o = value * x);
        });
        assert_eq!((found.value, found.residual, found.products), (2.0, 0.0, 1));
    }
}
