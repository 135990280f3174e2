//! Singular values of the input–output Jacobian, from one backward pass for each output.

use crate::model::cpu::CpuModel;

/// Networks with more outputs get no Jacobian: each costs a backward pass.
pub(super) const MAX_OUTPUTS: usize = 64;

/// The singular values of ∂outputs/∂image at `image`, in falling order; empty if they are not finite.
pub(super) fn singular_values(model: &mut CpuModel, image: &[f32]) -> Vec<f64> {
    let outputs = model.network().output().len();
    let rows: Vec<Vec<f32>> = (0..outputs)
        .map(|output| {
            let unit = |_: &[f32], gradient: &mut [f32]| {
                gradient.fill(0.0);
                gradient[output] = 1.0;
            };
            model.inspect(image, unit, |_, _| {}).1
        })
        .collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let gram: Vec<Vec<f64>> = rows.iter().map(|a| rows.iter().map(|b| dot(a, b)).collect()).collect();
    if !gram.iter().flatten().all(|x| x.is_finite()) {
        return Vec::new();
    }
    let mut values: Vec<f64> = eigenvalues(gram).into_iter().map(|s| s.max(0.0).sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Expectations of the m×m matrix JJᵀ of a Jacobian J with m rows, as it grows from the outputs back: `E[tr (JJᵀ)²]`
/// and `E[(tr JJᵀ)²]`, both for layers that keep `E[tr JJᵀ]`.
///
/// The moments of Wishart matrices (as in Muirhead 1982, section 3.2) make it exact for few rows too; for square layers
/// and small spreads its sum is that of Pennington et al. 2018, section 4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GramMoments {
    rows: f64,
    trace_of_square: f64,
    square_of_trace: f64,
    /// `E[Σ|column|⁴]` of J.
    columns: f64,
}

impl GramMoments {
    /// J = 1 with `rows` rows.
    pub fn identity(rows: usize) -> Self {
        let m = rows as f64;
        Self { rows: m, trace_of_square: m, square_of_trace: m * m, columns: m }
    }

    /// J ← J·W for weights that make columns of `columns` inputs.
    pub fn through_weights(&mut self, columns: usize, orthogonal: bool) {
        let (n, a, b) = (columns as f64, self.trace_of_square, self.square_of_trace);
        // Each of n columns becomes normal with the covariance JJᵀ/n.
        self.columns = (b + 2.0 * a) / n;
        if !orthogonal {
            (self.trace_of_square, self.square_of_trace) = (a + (a + b) / n, b + 2.0 * a / n);
        }
    }

    /// J ← J·D for independent slopes on the diagonal, `kurtosis` being `E[φ′⁴]`/`E[φ′²]²`.
    pub fn through_slopes(&mut self, kurtosis: f64) {
        let more = (kurtosis - 1.0) * self.columns;
        self.trace_of_square += more;
        self.square_of_trace += more;
    }

    /// Variance of s² over its squared mean.
    pub fn spread(&self) -> f64 {
        self.rows * self.trace_of_square / self.square_of_trace - 1.0
    }
}

/// Eigenvalues of a symmetric matrix by Jacobi's rotations.
fn eigenvalues(mut a: Vec<Vec<f64>>) -> Vec<f64> {
    let n = a.len();
    let off = |a: &[Vec<f64>]| -> f64 {
        (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j].powi(2)).sum()
    };
    let trace: f64 = (0..n).map(|i| a[i][i].powi(2)).sum();
    // Sweeps converge quadratically; a matrix of this size needs about six.
    for _ in 0..30 {
        if off(&a) <= 1e-30 * trace {
            break;
        }
        for i in 0..n {
            for j in 0..i {
                rotate(&mut a, j, i);
            }
        }
    }
    (0..n).map(|i| a[i][i]).collect()
}

/// Makes a[p][q] zero by a rotation of rows and columns p < q.
fn rotate(a: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let t = if theta == 0.0 { 1.0 } else { t };
    let cos = 1.0 / t.hypot(1.0);
    let sin = t * cos;
    for row in a.iter_mut() {
        (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
    }
    let (above, below) = a.split_at_mut(q);
    for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::activation::Activation;
    use crate::model::{Activations, LayerSpec, Network, Shape};
    use crate::rng::{rng, standard_normals};

    #[test]
    fn eigenvalues_keep_trace_and_squares_and_are_known_in_two_dimensions() {
        let mut two = eigenvalues(vec![vec![2.0, 1.0], vec![1.0, 2.0]]);
        two.sort_by(f64::total_cmp);
        assert!((two[0] - 1.0).abs() < 1e-14 && (two[1] - 3.0).abs() < 1e-14, "{two:?}");
        let n = 12;
        let z = standard_normals(&mut rng(0, "matrix"), n * n);
        let a: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| z[i * n + j] + z[j * n + i]).collect()).collect();
        let squares: f64 = a.iter().flatten().map(|x| x * x).sum();
        let found = eigenvalues(a.clone());
        assert!((found.iter().sum::<f64>() - (0..n).map(|i| a[i][i]).sum::<f64>()).abs() < 1e-11);
        assert!((found.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-10);
    }

    #[test]
    fn many_rows_give_the_sum_over_layers_and_few_rows_stay_below_their_limit() {
        let after = |rows: usize, width: usize, depth: usize| {
            let mut gram = GramMoments::identity(rows);
            for _ in 0..depth {
                gram.through_weights(width, false);
                gram.through_slopes(2.0);
            }
            gram.spread()
        };
        // ReLU: 2L for square layers.
        assert!((after(1_000_000, 1_000_000, 10) - 20.0).abs() < 1e-3);
        assert!(after(10, 100, 500) < 9.0 && after(10, 100, 500) > 6.0, "{}", after(10, 100, 500));
    }

    #[test]
    fn a_product_of_two_normal_matrices_has_the_expected_moments() {
        let (m, n, draws) = (4, 6, 4000);
        let mut stream = rng(3, "grams");
        let (mut a, mut b) = (0.0, 0.0);
        for _ in 0..draws {
            let w = standard_normals(&mut stream, m * n + n * n);
            let (first, second) = w.split_at(m * n);
            let entry =
                |i: usize, j: usize| (0..n).map(|k| first[i * n + k] * second[k * n + j]).sum::<f64>() / n as f64;
            let rows: Vec<Vec<f64>> = (0..m).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
            let dot = |i: usize, j: usize| rows[i].iter().zip(&rows[j]).map(|(x, y)| x * y).sum::<f64>();
            a += (0..m * m).map(|k| dot(k / m, k % m).powi(2)).sum::<f64>() / f64::from(draws);
            b += (0..m).map(|i| dot(i, i)).sum::<f64>().powi(2) / f64::from(draws);
        }
        let mut gram = GramMoments::identity(m);
        gram.through_weights(n, false);
        gram.through_weights(n, false);
        assert!((a / gram.trace_of_square - 1.0).abs() < 0.1, "{a} {gram:?}");
        assert!((b / gram.square_of_trace - 1.0).abs() < 0.1, "{b} {gram:?}");
    }

    #[test]
    fn a_linear_network_has_the_singular_values_of_its_weights() {
        let specs = [LayerSpec::Linear { out: 2, bias: false }, LayerSpec::Activation(Activation::Relu)];
        let network = Network::build(Shape::Flat(3), &specs, Activations::Fused).unwrap();
        let mut model = CpuModel::new(Arc::new(network), 1);
        model.set_param(0, &[3.0, 0.0, 0.0, 0.0, 0.0, -4.0]);
        assert_eq!(singular_values(&mut model, &[1.0, 1.0, -1.0]), [4.0, 3.0]);
        // With its unit off, an output has no slope.
        assert_eq!(singular_values(&mut model, &[1.0, 1.0, 1.0]), [3.0, 0.0]);
    }
}
