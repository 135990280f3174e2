//! The length map: the second moment q of a pre-activation from one layer to the next, and its fixed points.
//!
//! q′ = Q(q) = σ_w²·`E[φ(u)²]` + σ_b² with u ~ N(0,q), and σ_w² = fan_in·Var(w) (Poole et al. 2016, eq. 3).

use std::f64::consts::PI;

use crate::activation::{Activation, Pieces};
use crate::theory::error::TheoryError;
use crate::theory::moments::{mean_square, moments};
use crate::theory::root::bisect;

/// |Q(q)/q − 1| below which q counts as fixed to rounding.
const FLAT: f64 = 1e-11;
/// |Q′ − 1| below which a slope counts as 1; constants given to ten digits must still meet it.
const SLOPE_ONE: f64 = 1e-7;
/// Range and density of the search for fixed points of curved activations.
pub(super) const SEARCH: (f64, f64) = (1e-8, 1e8);
const POINTS_PER_DECADE: i32 = 20;

/// An activation between layers of zero-mean weights.
///
/// ```
/// use initlab::Activation;
/// use initlab::theory::length::LengthMap;
///
/// // Kaiming's condition keeps the length of every input; PyTorch's default shrinks it sixfold a layer.
/// let kaiming = LengthMap::new(Activation::Relu, 2.0, 0.0)?;
/// assert!((kaiming.next(1.0) - 1.0).abs() < 1e-12);
/// assert!((LengthMap::new(Activation::Relu, 1.0 / 3.0, 0.0)?.next(1.0) - 1.0 / 6.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthMap {
    phi: Activation,
    variance_w: f64,
    variance_b: f64,
}

/// Behaviour of lengths near a fixed point: whether further layers bring them to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// |Q′| < 1: shorter and longer lengths approach it, geometrically.
    Attracting,
    /// |Q′| > 1: all other lengths move away.
    Repelling,
    /// Q′ = 1: lengths approach it more slowly than at any geometric rate, from the sides that are true below.
    Marginal {
        /// Shorter lengths grow towards it.
        from_below: bool,
        /// Longer lengths shrink towards it.
        from_above: bool,
    },
}

/// A length that the next layer keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthFixedPoint {
    /// The second moment q*.
    pub q: f64,
    /// Q′(q*), the factor of a small deviation per layer.
    pub slope: f64,
    /// Stability of the point: whether deviations die out.
    pub stability: Stability,
}

/// Every fixed point that there is.
#[derive(Clone, Debug, PartialEq)]
pub struct LengthFixedPoints {
    /// The isolated ones, ascending in q.
    pub points: Vec<LengthFixedPoint>,
    /// A range of q in which every length is kept (to rounding) and none attracts, as for ReLU at σ_w² = 2.
    pub continuum: Option<(f64, f64)>,
}

impl LengthMap {
    /// The map of `phi` with σ_w² = `variance_w` > 0 and σ_b² = `variance_b` ≥ 0; other variances are errors.
    pub fn new(phi: Activation, variance_w: f64, variance_b: f64) -> Result<Self, TheoryError> {
        if !(variance_w.is_finite() && variance_w > 0.0) {
            return Err(TheoryError::WeightVariance { found: variance_w });
        }
        if !(variance_b.is_finite() && variance_b >= 0.0) {
            return Err(TheoryError::BiasVariance { found: variance_b });
        }
        Ok(Self { phi, variance_w, variance_b })
    }

    /// φ.
    pub fn phi(&self) -> Activation {
        self.phi
    }

    /// σ_w².
    pub fn variance_w(&self) -> f64 {
        self.variance_w
    }

    /// σ_b².
    pub fn variance_b(&self) -> f64 {
        self.variance_b
    }

    /// Q(q), the next layer's second moment (Poole et al. 2016, eq. 3).
    pub fn next(&self, q: f64) -> f64 {
        if q == 0.0 {
            return self.variance_w * self.phi.value(0.0).powi(2) + self.variance_b;
        }
        self.variance_w * mean_square(self.phi, q) + self.variance_b
    }

    /// Q′(q) = σ_w²·`E[u·φ·φ′]`/q; at q = 0 the limit from above.
    pub fn slope(&self, q: f64) -> f64 {
        self.variance_w * moments(self.phi, q).growth
    }

    /// χ(q) = σ_w²·`E[φ′(u)²]`, the backward factor (Poole et al. 2016, eq. 6).
    pub fn chi(&self, q: f64) -> f64 {
        self.variance_w * moments(self.phi, q).slope_square
    }

    /// `Some(ratio)` where Q(q) = ratio·q for every q: φ is homogeneous and the biases are zero.
    pub fn homogeneous_ratio(&self) -> Option<f64> {
        let leak = straight_leak(self.phi)?;
        (leak.1 == 0.0 && self.variance_b == 0.0).then(|| self.variance_w * (1.0 + leak.0 * leak.0) / 2.0)
    }

    /// Every fixed point, by formula for the ReLU family without ceiling and by search otherwise.
    ///
    /// The search sees q from 1e-8 to 1e8, and 0 itself; what lies beyond is looked for where the map says that it must.
    pub fn fixed_points(&self) -> LengthFixedPoints {
        match straight_leak(self.phi) {
            Some((leak, shift)) => self.straight_fixed_points(leak, shift),
            None => self.searched_fixed_points(),
        }
    }

    /// lim Q(q)/q for q → ∞: below 1 every length stays bounded, above 1 long ones grow without bound.
    fn growth_at_infinity(&self) -> f64 {
        let far = 1e12;
        let slope = |u: f64| (self.phi.value(2.0 * u) - self.phi.value(u)) / u;
        0.5 * self.variance_w * (slope(far).powi(2) + slope(-far).powi(2))
    }

    /// In r = √q the map is Q = A·r² − B·r + C, so fixed points are the roots r ≥ 0 of (A−1)r² − B·r + C.
    fn straight_fixed_points(&self, leak: f64, shift: f64) -> LengthFixedPoints {
        let a = self.variance_w * (1.0 + leak * leak) / 2.0;
        let b = self.variance_w * 2.0 * shift * (1.0 - leak) / (2.0 * PI).sqrt();
        let c = self.variance_w * shift * shift + self.variance_b;
        let tilt = if (a - 1.0).abs() < FLAT { 0.0 } else { a - 1.0 };
        if b == 0.0 && c == 0.0 {
            if tilt == 0.0 {
                return LengthFixedPoints { points: Vec::new(), continuum: Some((0.0, f64::INFINITY)) };
            }
            let stability = if a < 1.0 { Stability::Attracting } else { Stability::Repelling };
            let zero = LengthFixedPoint { q: 0.0, slope: a, stability };
            return LengthFixedPoints { points: vec![zero], continuum: None };
        }
        let discriminant = b * b - 4.0 * tilt * c;
        let roots: Vec<f64> = if tilt == 0.0 {
            if b > 0.0 { vec![c / b] } else { Vec::new() }
        } else if discriminant.abs() < 1e-8 * b * b {
            // Touching, as far as constants of ten digits can say.
            vec![b / (2.0 * tilt)]
        } else if discriminant < 0.0 {
            Vec::new()
        } else {
            let far = 0.5 * (b + b.signum() * discriminant.sqrt());
            vec![far / tilt, c / far]
        };
        let touching = tilt != 0.0 && roots.len() == 1;
        let mut points: Vec<_> = roots
            .into_iter()
            .filter(|r| r.is_finite() && *r > 0.0)
            .map(|r| {
                let slope = if touching { 1.0 } else { a - b / (2.0 * r) };
                // Q − q = (A−1)(r−r*)² keeps its sign on both sides of a touching point.
                let stability = if touching {
                    Stability::Marginal { from_below: tilt > 0.0, from_above: tilt < 0.0 }
                } else {
                    stability_of(slope)
                };
                LengthFixedPoint { q: r * r, slope, stability }
            })
            .collect();
        points.sort_by(|x, y| x.q.total_cmp(&y.q));
        LengthFixedPoints { points, continuum: None }
    }

    fn searched_fixed_points(&self) -> LengthFixedPoints {
        let excess = |q: f64| self.next(q) / q - 1.0;
        let zero_is_fixed = self.next(0.0) < 1e-30;
        let steps = (SEARCH.1 / SEARCH.0).log10().round() as i32 * POINTS_PER_DECADE;
        let at = |i: i32| SEARCH.0 * 10f64.powf(f64::from(i) / f64::from(POINTS_PER_DECADE));
        let grid: Vec<(f64, f64)> = (0..=steps).map(|i| (at(i), excess(at(i)))).collect();

        let mut points = Vec::new();
        if zero_is_fixed {
            points.push(self.point(0.0, None));
        }
        // Three neighbours in a row that are fixed to rounding are a range, not three points.
        let flat = |pair: &(f64, f64)| pair.1.abs() < FLAT;
        let run = grid.split(|pair| !flat(pair)).max_by_key(|run| run.len()).filter(|run| run.len() >= 3);
        let continuum = run.map(|run| {
            let low = if zero_is_fixed && run[0].0 == SEARCH.0 { 0.0 } else { run[0].0 };
            (low, run[run.len() - 1].0)
        });
        let tilted: Vec<(f64, f64)> = grid.into_iter().filter(|pair| !flat(pair)).collect();
        for pair in tilted.windows(2) {
            let ((low, below), (high, above)) = (pair[0], pair[1]);
            let crosses_range = continuum.is_some_and(|(from, to)| low < to && high > from);
            if (below > 0.0) != (above > 0.0) && !crosses_range {
                let q = bisect(low.ln(), high.ln(), |log_q| excess(log_q.exp())).exp();
                points.push(self.point(q, None));
            }
        }
        points.extend(self.beyond_the_search(&excess, zero_is_fixed).map(|q| self.point(q, None)));
        for triple in tilted.windows(3) {
            let (sign, sizes) = (triple[1].1.signum(), [triple[0].1.abs(), triple[1].1.abs(), triple[2].1.abs()]);
            let one_sided = triple.iter().all(|pair| pair.1.signum() == sign);
            if one_sided && sizes[1] < sizes[0] && sizes[1] < sizes[2] {
                let q = nearest_touch(triple[0].0, triple[2].0, |q| excess(q).abs());
                if excess(q).abs() < 1e-9 {
                    points.push(self.point(q, Some(sign > 0.0)));
                }
            }
        }
        points.sort_by(|x, y| x.q.total_cmp(&y.q));
        if continuum.is_some_and(|(low, _)| low == 0.0) {
            points.retain(|point| point.q > 0.0);
        }
        LengthFixedPoints { points, continuum }
    }

    /// Fixed points outside of [`SEARCH`]: one below it if lengths at its lower end shrink but 0 does not stay 0, one above it
    /// if lengths at its upper end grow but cannot for ever.
    fn beyond_the_search(&self, excess: &impl Fn(f64) -> f64, zero_is_fixed: bool) -> impl Iterator<Item = f64> {
        let root = |low: f64, high: f64| {
            let changes = excess(low) > 0.0 && excess(high) < 0.0;
            changes.then(|| bisect(low.ln(), high.ln(), |log_q| excess(log_q.exp())).exp())
        };
        let below = if zero_is_fixed { None } else { root(0.01 * self.next(0.0), SEARCH.0) };
        let bounded = self.growth_at_infinity() < 1.0 - FLAT && excess(SEARCH.1) > FLAT;
        let above = if bounded { (9..=100).find_map(|digits| root(SEARCH.1, 10f64.powi(digits))) } else { None };
        below.into_iter().chain(above)
    }

    /// The fixed point at `q`; `touches` says that the map stays above (or below) the diagonal on both sides.
    fn point(&self, q: f64, touches: Option<bool>) -> LengthFixedPoint {
        let slope = self.slope(q);
        let stability = match touches {
            Some(above) => Stability::Marginal { from_below: above, from_above: !above },
            None if (slope - 1.0).abs() < SLOPE_ONE => {
                let (below, above) = (q * 0.99, if q == 0.0 { SEARCH.0 } else { q * 1.01 });
                Stability::Marginal {
                    from_below: q > 0.0 && self.next(below) > below,
                    from_above: self.next(above) < above,
                }
            }
            None => stability_of(slope),
        };
        LengthFixedPoint { q, slope, stability }
    }
}

impl LengthFixedPoint {
    /// True if lengths below it are drawn to it.
    pub fn attracts_from_below(&self) -> bool {
        match self.stability {
            Stability::Attracting => true,
            Stability::Repelling => false,
            Stability::Marginal { from_below, .. } => from_below,
        }
    }

    /// True if lengths above it are drawn to it.
    pub fn attracts_from_above(&self) -> bool {
        match self.stability {
            Stability::Attracting => true,
            Stability::Repelling => false,
            Stability::Marginal { from_above, .. } => from_above,
        }
    }
}

/// (leak, shift) of a ReLU-family activation without ceiling; the identity has leak 1.
pub(crate) fn straight_leak(phi: Activation) -> Option<(f64, f64)> {
    phi.pieces().and_then(Pieces::straight)
}

fn stability_of(slope: f64) -> Stability {
    if slope.abs() < 1.0 { Stability::Attracting } else { Stability::Repelling }
}

/// Where `f` is least between `low` and `high`, by golden sections in log q.
fn nearest_touch(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let (mut low, mut high) = (low.ln(), high.ln());
    for _ in 0..60 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if f(left.exp()) < f(right.exp()) {
            high = right;
        } else {
            low = left;
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(phi: &str, variance_w: f64, variance_b: f64) -> LengthMap {
        LengthMap::new(Activation::parse(phi).unwrap(), variance_w, variance_b).unwrap()
    }

    #[test]
    fn a_ceiling_far_away_leaves_a_range_of_kept_lengths_and_says_where_it_ends() {
        let fixed = map("general_relu:max=6", 2.0, 0.0).fixed_points();
        let (low, high) = fixed.continuum.unwrap();
        assert_eq!((low, fixed.points.len()), (0.0, 0));
        assert!((0.5..1.5).contains(&high), "{high}");
    }

    #[test]
    fn tanh_without_bias_has_zero_and_one_attracting_length_beyond_criticality() {
        let fixed = map("tanh", 1.5, 0.0).fixed_points().points;
        let kinds: Vec<_> = fixed.iter().map(|point| point.stability).collect();
        assert_eq!(kinds, [Stability::Repelling, Stability::Attracting]);
        let critical = map("tanh", 1.0, 0.0).fixed_points().points;
        let slow = Stability::Marginal { from_below: false, from_above: true };
        assert_eq!((critical.len(), critical[0].q, critical[0].stability), (1, 0.0, slow));
    }

    #[test]
    fn impossible_variances_are_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(LengthMap::new(Activation::Relu, bad, 0.0).unwrap_err().to_string().starts_with("weight variance"));
        }
        assert!(LengthMap::new(Activation::Relu, 1.0, -0.1).unwrap_err().to_string().starts_with("bias variance -0.1"));
    }
}
