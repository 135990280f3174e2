//! Moments of an activation and of its slope when the pre-activation is N(0, q).

use crate::activation::{Activation, normal_cdf, normal_pdf};
use crate::theory::quadrature::gaussian_mean;

/// Smallest q that is evaluated: below it stands for the limit q → 0 from above, where a kink at 0 still counts.
pub(crate) const TINY_Q: f64 = 1e-24;

/// Moments under u ~ N(0, q).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// `E[φ(u)]`.
    pub mean: f64,
    /// `E[φ(u)²]`, the forward second moment of He et al. 2015, eq. 7.
    pub mean_square: f64,
    /// `E[φ(u)⁴]`.
    pub mean_fourth: f64,
    /// `E[φ′(u)²]`, the backward factor of He et al. 2015, eq. 13, before the weights' variance.
    pub slope_square: f64,
    /// `E[φ′(u)⁴]`.
    pub slope_fourth: f64,
    /// `E[u·φ(u)·φ′(u)]`/q = d `E[φ²]`/dq, by partial integration.
    pub growth: f64,
}

impl Moments {
    /// `E[φ²]` − `E[φ]²`, never negative.
    pub fn variance(&self) -> f64 {
        let variance = self.mean_square - self.mean * self.mean;
        // What is left of a constant is rounding, and its root would pass for a spread.
        if variance < 1e-14 * self.mean_square { 0.0 } else { variance }
    }

    /// Standard deviation of φ(u).
    pub fn std(&self) -> f64 {
        self.variance().sqrt()
    }
}

/// Moments of `phi` under N(0, q), `q` ≥ 0: closed forms for the ReLU family and the identity, panels otherwise.
pub fn moments(phi: Activation, q: f64) -> Moments {
    let q = q.max(TINY_Q);
    match pieces(phi) {
        Some(pieces) => piecewise_linear(&pieces, q),
        None => by_quadrature(phi, q),
    }
}

/// `E[φ(u)²]` alone, for searches that need nothing else.
pub(crate) fn mean_square(phi: Activation, q: f64) -> f64 {
    let q = q.max(TINY_Q);
    match pieces(phi) {
        Some(pieces) => piecewise_linear(&pieces, q).mean_square,
        None => gaussian_mean(q, &phi.kinks(), |u| phi.value(u).powi(2)),
    }
}

/// φ(u) = slope·u + intercept for low < u < high.
struct Piece {
    low: f64,
    high: f64,
    slope: f64,
    intercept: f64,
}

/// The straight pieces of a piecewise linear activation; `None` for a curved one.
fn pieces(phi: Activation) -> Option<Vec<Piece>> {
    let mut edges = phi.pieces()?.kinks();
    edges.insert(0, f64::NEG_INFINITY);
    edges.push(f64::INFINITY);
    let piece = |pair: &[f64]| {
        let (low, high) = (pair[0], pair[1]);
        let inside = match (low.is_finite(), high.is_finite()) {
            (true, true) => 0.5 * (low + high),
            (true, false) => low + 1.0,
            (false, true) => high - 1.0,
            (false, false) => 0.0,
        };
        let slope = phi.derivative(inside);
        Piece { low, high, slope, intercept: phi.value(inside) - slope * inside }
    };
    Some(edges.windows(2).map(piece).collect())
}

/// Sums `E[(k·z + d)ⁿ; low < z < high]` over the pieces, from the moments of a cut normal.
fn piecewise_linear(pieces: &[Piece], q: f64) -> Moments {
    let sigma = q.sqrt();
    let mut sum =
        Moments { mean: 0.0, mean_square: 0.0, mean_fourth: 0.0, slope_square: 0.0, slope_fourth: 0.0, growth: 0.0 };
    for Piece { low, high, slope, intercept: d } in pieces {
        let m = cut_normal_moments(low / sigma, high / sigma);
        let k = slope * sigma;
        sum.mean += k * m[1] + d * m[0];
        sum.mean_square += k * k * m[2] + 2.0 * k * d * m[1] + d * d * m[0];
        sum.mean_fourth += k.powi(4) * m[4]
            + 4.0 * k.powi(3) * d * m[3]
            + 6.0 * k * k * d * d * m[2]
            + 4.0 * k * d.powi(3) * m[1]
            + d.powi(4) * m[0];
        sum.slope_square += slope * slope * m[0];
        sum.slope_fourth += slope.powi(4) * m[0];
        sum.growth += slope * slope * m[2] + slope * d * m[1] / sigma;
    }
    sum
}

/// `E[zⁿ; low < z < high]` for n = 0..=4 and z ~ N(0,1); partial integration gives each from the one two below.
fn cut_normal_moments(low: f64, high: f64) -> [f64; 5] {
    // Φ(−z) = 1 − Φ(z): the side in the tail keeps its digits.
    let mass = if low > 0.0 { normal_cdf(-low) - normal_cdf(-high) } else { normal_cdf(high) - normal_cdf(low) };
    let edge = |z: f64, n: i32| if z.is_finite() { z.powi(n) * normal_pdf(z) } else { 0.0 };
    let mut m = [mass, edge(low, 0) - edge(high, 0), 0.0, 0.0, 0.0];
    for n in 2..5 {
        m[n] = (n - 1) as f64 * m[n - 2] + edge(low, n as i32 - 1) - edge(high, n as i32 - 1);
    }
    m
}

fn by_quadrature(phi: Activation, q: f64) -> Moments {
    let kinks = phi.kinks();
    let mean_of = |f: &dyn Fn(f64) -> f64| gaussian_mean(q, &kinks, f);
    Moments {
        mean: mean_of(&|u| phi.value(u)),
        mean_square: mean_of(&|u| phi.value(u).powi(2)),
        mean_fourth: mean_of(&|u| phi.value(u).powi(4)),
        slope_square: mean_of(&|u| phi.derivative(u).powi(2)),
        slope_fourth: mean_of(&|u| phi.derivative(u).powi(4)),
        growth: mean_of(&|u| u * phi.value(u) * phi.derivative(u)) / q,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_agree(a: &Moments, b: &Moments, what: &str) {
        let pairs = [
            (a.mean, b.mean),
            (a.mean_square, b.mean_square),
            (a.mean_fourth, b.mean_fourth),
            (a.slope_square, b.slope_square),
            (a.slope_fourth, b.slope_fourth),
            (a.growth, b.growth),
        ];
        for (i, (x, y)) in pairs.into_iter().enumerate() {
            assert!((x - y).abs() < 2e-13 * y.abs().max(1.0), "{what}, moment {i}: {x} against {y}");
        }
    }

    #[test]
    fn closed_forms_and_panels_agree_for_every_leak_shift_and_ceiling() {
        for leak in [0.0, 0.1, 1.0, 1.7, -0.3] {
            for shift in [0.0, 0.4, -0.2] {
                for max in [None, Some(6.0), Some(0.5), Some(-0.6), Some(-shift)] {
                    for q in [0.05, 1.0, 20.0] {
                        let phi = Activation::GeneralRelu { leak, shift, max };
                        assert_agree(&moments(phi, q), &by_quadrature(phi, q), &format!("{phi:?} at q = {q}"));
                    }
                }
            }
        }
        assert_agree(&moments(Activation::Identity, 3.0), &by_quadrature(Activation::Identity, 3.0), "identity");
    }

    #[test]
    fn gelu_has_its_closed_mean_and_growth_is_the_slope_of_the_mean_square() {
        for q in [0.1f64, 1.0, 5.0] {
            let exact = q / (2.0 * std::f64::consts::PI * (1.0 + q)).sqrt();
            assert!((moments(Activation::Gelu, q).mean - exact).abs() < 1e-14);
            for name in Activation::NAMES {
                let phi = Activation::from_name(name).unwrap();
                let h = 1e-4 * q;
                let slope = (moments(phi, q + h).mean_square - moments(phi, q - h).mean_square) / (2.0 * h);
                let growth = moments(phi, q).growth;
                assert!((slope - growth).abs() < 1e-7, "{name} at {q}: {slope} against {growth}");
            }
        }
    }

    #[test]
    fn a_constant_has_no_spread() {
        let phi = Activation::GeneralRelu { leak: 0.0, shift: 0.3, max: Some(-0.3) };
        let m = moments(phi, 1.0);
        assert_eq!((m.std(), m.slope_square), (0.0, 0.0));
        assert!((m.mean + 0.3).abs() < 1e-15);
    }
}
