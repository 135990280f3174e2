//! An activation of two correlated normals of different lengths, fast enough for every pixel of many images.
//!
//! With Hermite polynomials φ(√q·z) = Σ aₙ(q)·Heₙ(z)/√n!, so `E[φ(u₁)φ(u₂)]` = Σ aₙ(q₁)·aₙ(q₂)·cⁿ (Mehler's formula; the dual
//! activation of Daniely et al. 2016). The ReLU family without ceiling has closed forms instead.

use std::cell::RefCell;
use std::collections::HashMap;
use std::f64::consts::PI;
use std::rc::Rc;

use crate::activation::Activation;
use crate::theory::correlation::leaky_relu_map;
use crate::theory::gains::kaiming_gain;
use crate::theory::length::straight_leak;
use crate::theory::moments::{Moments, TINY_Q, moments};
use crate::theory::quadrature::gaussian_nodes;

/// Terms of the expansion; what they leave of the mean square is spread over the powers behind by [`Tail`].
const TERMS: usize = 128;
/// Step of the table in log q: cubic interpolation then errs by some 1e-6.
const STEP: f64 = 0.1;

/// φ with a table of its expansions, filled where it is asked.
pub struct PairResponse {
    phi: Activation,
    table: RefCell<HashMap<i32, Rc<Entry>>>,
}

/// The expansion of φ and its moments at one length.
#[derive(Clone)]
struct Entry {
    moments: Moments,
    coefficients: Vec<f64>,
}

impl PairResponse {
    /// The response of `phi`.
    pub fn new(phi: Activation) -> Self {
        Self { phi, table: RefCell::default() }
    }

    /// The activation.
    pub fn phi(&self) -> Activation {
        self.phi
    }

    /// Moments under N(0,q), to some six digits for a curved φ.
    pub fn moments(&self, q: f64) -> Moments {
        if straight_leak(self.phi).is_some() { moments(self.phi, q) } else { self.at(q).moments }
    }

    /// `E[φ(u₁)φ(u₂)]` for u₁ ~ N(0,q₁), u₂ ~ N(0,q₂) of correlation `c`.
    pub fn product(&self, q1: f64, q2: f64, c: f64) -> f64 {
        let c = c.clamp(-1.0, 1.0);
        if let Some((leak, shift)) = straight_leak(self.phi) {
            let mean = |q: f64| (1.0 - leak) * (q / (2.0 * PI)).sqrt();
            let kept = (q1 * q2).sqrt() * leaky_relu_map(c, leak) / kaiming_gain(leak).powi(2);
            return kept - shift * (mean(q1) + mean(q2)) + shift * shift;
        }
        let (one, other) = (self.at(q1), self.at(q2));
        let squares = (one.moments.mean_square, other.moments.mean_square);
        series(&one.coefficients, &other.coefficients, squares, c, Tail::Kink)
    }

    /// Interpolates the table.
    fn at(&self, q: f64) -> Entry {
        let place = q.max(TINY_Q).ln() / STEP;
        let below = place.floor();
        let t = place - below;
        // Lagrange's cubic through the four neighbours.
        let weights = [
            -t * (t - 1.0) * (t - 2.0) / 6.0,
            (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
            -(t + 1.0) * t * (t - 2.0) / 2.0,
            (t + 1.0) * t * (t - 1.0) / 6.0,
        ];
        let entries = [-1, 0, 1, 2].map(|offset| self.entry(below as i32 + offset));
        let mix = |of: &dyn Fn(&Entry) -> f64| entries.iter().zip(weights).map(|(entry, w)| w * of(entry)).sum::<f64>();
        Entry {
            moments: Moments {
                mean: mix(&|e| e.moments.mean),
                mean_square: mix(&|e| e.moments.mean_square),
                mean_fourth: mix(&|e| e.moments.mean_fourth),
                slope_square: mix(&|e| e.moments.slope_square),
                slope_fourth: mix(&|e| e.moments.slope_fourth),
                growth: mix(&|e| e.moments.growth),
            },
            coefficients: (0..TERMS).map(|n| mix(&|e| e.coefficients[n])).collect(),
        }
    }

    fn entry(&self, index: i32) -> Rc<Entry> {
        let make = || {
            let q = (f64::from(index) * STEP).exp();
            Rc::new(Entry {
                moments: moments(self.phi, q),
                coefficients: expansion(self.phi, q, |u| self.phi.value(u)),
            })
        };
        Rc::clone(self.table.borrow_mut().entry(index).or_insert_with(make))
    }
}

/// Covariance of φ(u₁)² and φ(u₂)² over the squared mean, u₁, u₂ ~ N(0,q), at each correlation of `cs`: how alike the
/// squared units of two images stray. At correlation 1 it is v = `E[φ⁴]`/`E[φ²]²` − 1; 0 where φ is dead.
pub fn relative_covariance_of_squares(phi: Activation, q: f64, cs: &[f64]) -> Vec<f64> {
    relative_covariances(phi, q, cs, moments(phi, q).mean_fourth, Tail::Kink, |u| phi.value(u).powi(2))
}

/// Covariance of φ′(u₁)² and φ′(u₂)² over the squared mean, as [`relative_covariance_of_squares`] has it for φ.
pub fn relative_covariance_of_slopes(phi: Activation, q: f64, cs: &[f64]) -> Vec<f64> {
    relative_covariances(phi, q, cs, moments(phi, q).slope_fourth, Tail::Jump, |u| phi.derivative(u).powi(2))
}

fn relative_covariances(
    phi: Activation,
    q: f64,
    cs: &[f64],
    mean_square: f64,
    tail: Tail,
    f: impl Fn(f64) -> f64,
) -> Vec<f64> {
    let a = expansion(phi, q.max(TINY_Q), f);
    let mean = a[0];
    let squares = (mean_square, mean_square);
    let relative = |c: f64| series(&a, &a, squares, c.clamp(-1.0, 1.0), tail) / (mean * mean) - 1.0;
    cs.iter().map(|&c| if mean > 0.0 { relative(c) } else { 0.0 }).collect()
}

/// aₙ of `f`(√q·z), n < [`TERMS`]; `f` has the kinks of `phi`.
fn expansion(phi: Activation, q: f64, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let sigma = q.sqrt();
    let mut a = vec![0.0; TERMS];
    for (z, weight) in gaussian_nodes(sigma, &phi.kinks()) {
        let value = weight * f(sigma * z);
        let (mut previous, mut hermite) = (0.0, 1.0);
        for (n, a) in a.iter_mut().enumerate() {
            *a += value * hermite;
            let next = (z * hermite - (n as f64).sqrt() * previous) / ((n + 1) as f64).sqrt();
            (previous, hermite) = (hermite, next);
        }
    }
    a
}

/// How the squares of the coefficients fall with n: a kink leaves n^(−5/2), a jump n^(−3/2).
#[derive(Clone, Copy)]
enum Tail {
    Kink,
    Jump,
}

impl Tail {
    /// Mean of cⁿ over n > [`TERMS`] with these weights, by their quantiles; terms of both signs cancel.
    fn power(self, c: f64) -> f64 {
        const QUANTILES: i32 = 8;
        if c <= 0.0 {
            return 0.0;
        }
        let exponent = match self {
            Self::Kink => -2.0 / 3.0,
            Self::Jump => -2.0,
        };
        let at = |i: i32| TERMS as f64 * ((f64::from(i) + 0.5) / f64::from(QUANTILES)).powf(exponent);
        (0..QUANTILES).map(|i| (at(i) * c.ln()).exp()).sum::<f64>() / f64::from(QUANTILES)
    }
}

/// Σ aₙbₙcⁿ, with what the terms leave of each mean square behind them.
fn series(a: &[f64], b: &[f64], squares: (f64, f64), c: f64, tail: Tail) -> f64 {
    let left = |a: &[f64], square: f64| (square - a.iter().map(|a| a * a).sum::<f64>()).max(0.0);
    let rest = (left(a, squares.0) * left(b, squares.1)).sqrt();
    let (mut power, mut sum) = (1.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        sum += a * b * power;
        power *= c;
    }
    // Of a smooth φ rounding alone is left.
    if rest > 1e-12 * sum.abs() { sum + rest * tail.power(c) } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::correlation::CorrelationMap;
    use crate::theory::length::LengthMap;
    use crate::theory::quadrature::gaussian_mean;

    /// All that are not of straight pieces, and one with a ceiling.
    fn curved() -> impl Iterator<Item = Activation> {
        let ceiling = Activation::GeneralRelu { leak: 0.1, shift: 0.0, max: Some(1.0) };
        Activation::ALL.into_iter().filter(|phi| phi.pieces().is_none()).chain([ceiling])
    }

    #[test]
    fn equal_lengths_agree_with_the_plane_integral() {
        for phi in curved() {
            let response = PairResponse::new(phi);
            for q in [0.03, 1.0, 6.0] {
                let map = CorrelationMap::new(LengthMap::new(response.phi(), 1.0, 0.0).unwrap(), q);
                let square = moments(response.phi(), q).mean_square;
                for c in [-0.6, 0.0, 0.4, 0.9, 0.99, 1.0] {
                    let found = response.product(q, q, c) / square;
                    assert!((found - map.next(c)).abs() < 1e-4, "{phi} at q = {q}, c = {c}: {found} {}", map.next(c));
                }
            }
        }
    }

    #[test]
    fn unequal_lengths_have_the_mean_of_their_conditional_mean() {
        // Given u₁ the second is normal around c·√(q₂/q₁)·u₁: two nested means in one dimension.
        let (q1, q2, c) = (0.5f64, 2.0f64, 0.7f64);
        for text in ["relu", "leaky_relu:leak=0.2", "shifted_relu", "tanh", "gelu", "softplus"] {
            let phi = Activation::parse(text).unwrap();
            let inner = |u: f64| {
                let middle = c * (q2 / q1).sqrt() * u;
                gaussian_mean(q2 * (1.0 - c * c), &[-middle], |v| phi.value(middle + v))
            };
            let exact = gaussian_mean(q1, &[0.0], |u| phi.value(u) * inner(u));
            let found = PairResponse::new(phi).product(q1, q2, c);
            assert!((found - exact).abs() < 1e-5, "{text}: {found} against {exact}");
        }
    }

    #[test]
    fn squared_relus_covary_by_the_arc_cosine_kernel_of_order_2() {
        // Cho & Saul 2009, eq. 6, over the squared mean.
        let kernel = |c: f64| {
            let (sin, angle) = ((1.0 - c * c).sqrt(), c.acos());
            2.0 / PI * (3.0 * sin * c + (PI - angle) * (1.0 + 2.0 * c * c)) - 1.0
        };
        let cs = [-0.5, 0.0, 0.3, 0.9, 0.999, 1.0];
        for (c, found) in cs.into_iter().zip(relative_covariance_of_squares(Activation::Relu, 1.7, &cs)) {
            assert!((found - kernel(c)).abs() < 1e-4, "{c}: {found} {}", kernel(c));
        }
        let slopes = relative_covariance_of_slopes(Activation::Relu, 1.7, &[0.0, 1.0]);
        assert!(slopes[0].abs() < 1e-6 && (slopes[1] - 1.0).abs() < 1e-6, "{slopes:?}");
    }

    #[test]
    fn the_table_has_the_moments() {
        for phi in curved() {
            let response = PairResponse::new(phi);
            for q in [1e-9, 0.0321, 0.777, 12.3] {
                let (found, exact) = (response.moments(q), moments(phi, q));
                let close = |a: f64, b: f64| (a - b).abs() < 2e-5 * b.abs().max(1e-12);
                assert!(close(found.mean_square, exact.mean_square), "{phi} {q}: {found:?} {exact:?}");
                assert!(close(found.slope_square, exact.slope_square), "{phi} {q}: {found:?} {exact:?}");
            }
        }
    }
}
