//! Means under a normal distribution by Gauss–Legendre panels that are cut at the kinks of the integrand.
//!
//! One rule serves smooth and kinked functions. Panels double in length away from zero and from each kink, because an
//! activation has features at scale 1 however wide the normal is; a single Gauss–Hermite rule loses those for large q.

use std::f64::consts::PI;
use std::sync::LazyLock;

use crate::activation::normal_pdf;

/// Nodes per panel; with panels of at most one standard deviation the rule is exact to rounding.
const ORDER: usize = 16;
/// Standard deviations kept on each side: the density beyond is below 1e-26 of its peak.
const REACH: f64 = 11.0;

/// (node, weight) of the Gauss–Legendre rule on [−1, 1], from Newton's method on the Legendre polynomial.
static LEGENDRE: LazyLock<[(f64, f64); ORDER]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let n = ORDER as f64;
        let mut x = (PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        // Newton doubles the digits each time; from this start six steps reach rounding.
        for _ in 0..8 {
            let (mut previous, mut value) = (1.0, x);
            for k in 2..=ORDER {
                let k = k as f64;
                (previous, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * previous) / k);
            }
            slope = n * (x * value - previous) / (x * x - 1.0);
            x -= value / slope;
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    })
});

/// `E[f(u)]` for u ~ N(0, q), `q` ≥ 0; `f` may lose smoothness at the `kinks` (in units of u) and nowhere else.
pub fn gaussian_mean(q: f64, kinks: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    if q == 0.0 {
        return f(0.0);
    }
    let sigma = q.sqrt();
    let mut centres = vec![0.0];
    centres.extend(kinks.iter().map(|kink| kink / sigma));
    integrate(&edges(&centres, 0.5 / sigma, -REACH), |z| normal_pdf(z) * f(sigma * z))
}

/// Nodes z and weights, the density included, of the rule of [`gaussian_mean`] for z ~ N(0,1) and a function of u = σz.
pub(crate) fn gaussian_nodes(sigma: f64, kinks: &[f64]) -> Vec<(f64, f64)> {
    let centres: Vec<f64> = std::iter::once(0.0).chain(kinks.iter().map(|kink| kink / sigma)).collect();
    let edges = edges(&centres, 0.5 / sigma, -REACH);
    let panel = |pair: &[f64]| {
        let (middle, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
        LEGENDRE.map(|(node, weight)| {
            let z = middle + half * node;
            (z, half * weight * normal_pdf(z))
        })
    };
    edges.windows(2).flat_map(panel).collect()
}

/// `E[f(u₁)·f(u₂)]` for u₁, u₂ ~ N(0, q) of correlation `c` in [−1, 1]; kinks as in [`gaussian_mean`].
pub fn gaussian_product_mean(q: f64, c: f64, kinks: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    if 1.0 - c < 1e-15 {
        return gaussian_mean(q, kinks, |u| f(u).powi(2));
    }
    if 1.0 + c < 1e-15 {
        let mirrored: Vec<f64> = kinks.iter().flat_map(|&kink| [kink, -kink]).collect();
        return gaussian_mean(q, &mirrored, |u| f(u) * f(-u));
    }
    // u₁ = σ(αx + βy) and u₂ = σ(αx − βy) with independent x, y: swapping u₁ and u₂ mirrors y, so half the plane does.
    let sigma = q.sqrt();
    let (alpha, beta) = (((1.0 + c) / 2.0).sqrt(), ((1.0 - c) / 2.0).sqrt());
    let at: Vec<f64> = std::iter::once(0.0).chain(kinks.iter().copied()).map(|u| u / sigma).collect();
    let outer: Vec<f64> = at.iter().map(|t| t / alpha).collect();
    // The inner integral rounds a kink off over a distance β/α, and leaves a smooth f its own scale.
    let finest = if kinks.is_empty() { 0.5 / (alpha * sigma) } else { (0.5 * beta / alpha).min(0.5 / (alpha * sigma)) };
    integrate(&edges(&outer, finest, -REACH), |x| {
        let inner: Vec<f64> =
            at.iter().flat_map(|t| [(t - alpha * x) / beta, (alpha * x - t) / beta]).filter(|y| *y > 0.0).collect();
        let half = integrate(&edges(&inner, 0.5 / (beta * sigma), 0.0), |y| {
            normal_pdf(y) * f(sigma * (alpha * x + beta * y)) * f(sigma * (alpha * x - beta * y))
        });
        2.0 * normal_pdf(x) * half
    })
}

/// Panel edges from `low` to [`REACH`]: every standard deviation, every centre, and doubling steps away from each
/// centre that start at `finest`.
fn edges(centres: &[f64], finest: f64, low: f64) -> Vec<f64> {
    let mut edges: Vec<f64> = (0..).map(|i| low + f64::from(i)).take_while(|edge| *edge < REACH).collect();
    edges.push(REACH);
    for &centre in centres.iter().filter(|centre| (low..=REACH).contains(*centre)) {
        edges.push(centre);
        let mut step = finest.max(1e-12);
        while step < 1.0 {
            edges.extend([centre - step, centre + step]);
            step *= 2.0;
        }
    }
    edges.retain(|edge| (low..=REACH).contains(edge));
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges
}

fn integrate(edges: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let panel = |pair: &[f64]| {
        let (middle, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
        half * LEGENDRE.iter().map(|(node, weight)| weight * f(middle + half * node)).sum::<f64>()
    };
    edges.windows(2).map(panel).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, digits: i32) {
        let scale = expected.abs().max(1.0);
        assert!((found - expected).abs() < scale * 10f64.powi(-digits), "{found} is not {expected}");
    }

    #[test]
    fn polynomials_and_exponentials_have_their_known_means() {
        for q in [1e-6, 0.01, 1.0, 7.0, 1e4] {
            close(gaussian_mean(q, &[], |u| u * u) / q, 1.0, 13);
            close(gaussian_mean(q, &[], |u| u.powi(6)) / q.powi(3), 15.0, 13);
            close(gaussian_mean(q, &[0.3], |u| (u / q.sqrt()).exp()), 0.5f64.exp(), 13);
        }
    }

    #[test]
    fn a_kink_costs_no_digits() {
        for q in [0.01, 1.0, 30.0] {
            close(gaussian_mean(q, &[0.0], f64::abs) / q.sqrt(), (2.0 / PI).sqrt(), 14);
            close(gaussian_mean(q, &[0.7], |u| f64::from(u > 0.7)), crate::activation::normal_cdf(-0.7 / q.sqrt()), 14);
        }
    }

    #[test]
    fn features_much_narrower_than_the_normal_are_resolved() {
        // E[1/(1+u²)] under N(0,q) = √(π/2q)·e^{1/2q}·erfc(1/√2q).
        for q in [1.0, 100.0, 1e6] {
            let exact = (PI / (2.0 * q)).sqrt() * (0.5 / q).exp() * libm::erfc((0.5 / q).sqrt());
            close(gaussian_mean(q, &[], |u| 1.0 / (1.0 + u * u)) / exact, 1.0, 12);
        }
    }

    #[test]
    fn products_have_their_closed_forms_at_every_correlation() {
        for q in [0.2, 1.0, 9.0] {
            for c in [-1.0, -0.9, -0.3, 0.0, 0.5, 0.99, 1.0 - 1e-6, 1.0 - 1e-12, 1.0] {
                close(gaussian_product_mean(q, c, &[], |u| u) / q, c, 12);
                close(gaussian_product_mean(q, c, &[0.0], |u| f64::from(u > 0.0)), 0.25 + c.asin() / (2.0 * PI), 12);
                let arc = ((1.0 - c * c).sqrt() + (PI - c.acos()) * c) / (2.0 * PI);
                close(gaussian_product_mean(q, c, &[0.0], |u| u.max(0.0)) / q, arc, 12);
                // E[erf(u₁)erf(u₂)] = (2/π)·asin(2qc/(1+2q)) (Williams 1997).
                let williams = 2.0 / PI * (2.0 * q * c / (1.0 + 2.0 * q)).asin();
                close(gaussian_product_mean(q, c, &[], libm::erf), williams, 12);
            }
        }
    }
}
