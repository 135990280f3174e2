//! The length map: the second moment q of a pre-activation from one layer to the next, and its fixed points.
//!
//! q′ = Q(q) = σ_w²·`E[φ(u)²]` + σ_b² with u ~ N(0,q), and σ_w² = fan_in·Var(w) (Poole et al. 2016, eq. 3).

use std::f64::consts::PI;

use crate::activation::Activation;
use crate::theory::error::TheoryError;
use crate::theory::moments::{mean_square, moments};
use crate::theory::root::bisect;

/// |Q(q)/q − 1| below which q counts as fixed to rounding.
const FLAT: f64 = 1e-11;
/// |Q′ − 1| below which a slope counts as 1; constants given to ten digits must still meet it.
const SLOPE_ONE: f64 = 1e-7;
/// Range and density of the search for fixed points of curved activations.
const SEARCH: (f64, f64) = (1e-8, 1e8);
const POINTS_PER_DECADE: i32 = 20;
/// Relative distance within which a length counts as being at a fixed point.
const AT_POINT: f64 = 1e-9;
/// How often a length may jump over a fixed point before it counts as one that never settles.
const CROSSINGS: usize = 256;

/// An activation between layers of zero-mean weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthMap {
    phi: Activation,
    variance_w: f64,
    variance_b: f64,
}

/// Which side of a fixed point is drawn to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// |Q′| < 1: both sides, geometrically.
    Attracting,
    /// |Q′| > 1: neither side.
    Repelling,
    /// Q′ = 1: more slowly than any geometric rate, from the sides that say so.
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
    /// Whether deviations die out.
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

/// Where a length ends after many layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LengthLimit {
    /// At this fixed point; at 0 it vanishes.
    Fixed(LengthFixedPoint),
    /// It stays what it was, or comes to a range of lengths that stay what they are.
    Kept,
    /// It grows without bound.
    Unbounded,
    /// It neither settles nor grows without bound: it starts at a fixed point that repels, or goes around for ever.
    Unsettled,
}

/// What a length that moves one way comes to first.
enum Ahead {
    Point(LengthFixedPoint),
    /// The range of lengths that are kept; or it is in there already.
    Kept,
    Nothing,
}

impl LengthFixedPoints {
    /// The first fixed length upwards of `q` if it `grows`, downwards otherwise.
    fn ahead(&self, q: f64, grows: bool) -> Ahead {
        let (point, edge) = if grows {
            let range = self.continuum.filter(|(_, high)| *high >= q);
            // A range ahead that has no end is where growth becomes slower than rounding, not where it stops.
            let range = range.filter(|(low, high)| *low <= q || *high < SEARCH.1);
            (self.points.iter().find(|point| point.q >= q), range.map(|(low, _)| low))
        } else {
            let range = self.continuum.filter(|(low, _)| *low <= q);
            (self.points.iter().rev().find(|point| point.q <= q), range.map(|(_, high)| high))
        };
        let nearer = |edge: f64, point: f64| if grows { edge <= point } else { edge >= point };
        match (point, edge) {
            (Some(point), Some(edge)) if !nearer(edge, point.q) => Ahead::Point(*point),
            (_, Some(_)) => Ahead::Kept,
            (Some(point), None) => Ahead::Point(*point),
            (None, None) => Ahead::Nothing,
        }
    }
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

    /// The fate of the length `q0` > 0.
    ///
    /// A map that rises carries a length to the next fixed point on its way. A map that falls somewhere (a shifted ReLU's
    /// does) may carry it past that point; then the way is looked at again from where it came down.
    pub fn limit(&self, q0: f64) -> LengthLimit {
        let fixed = self.fixed_points();
        let mut q = q0;
        for _ in 0..CROSSINGS {
            if let Some(point) = fixed.points.iter().find(|point| (point.q - q).abs() <= AT_POINT * q) {
                let held = point.stability != Stability::Repelling;
                return if held { LengthLimit::Fixed(*point) } else { LengthLimit::Unsettled };
            }
            let next = self.next(q);
            match fixed.ahead(q, next > q) {
                Ahead::Kept => return LengthLimit::Kept,
                Ahead::Point(point) => {
                    let passed = if next > q { next > point.q } else { next < point.q };
                    if !passed {
                        let held = point.attracts(next > q);
                        return if held { LengthLimit::Fixed(point) } else { LengthLimit::Unsettled };
                    }
                }
                Ahead::Nothing if next > q => return LengthLimit::Unbounded,
                Ahead::Nothing => return LengthLimit::Unsettled,
            }
            q = next;
        }
        LengthLimit::Unsettled
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
    /// Whether lengths on the side below it (else above it) are drawn to it.
    pub fn attracts(&self, from_the_side_below: bool) -> bool {
        match self.stability {
            Stability::Attracting => true,
            Stability::Repelling => false,
            Stability::Marginal { from_below, from_above } => {
                if from_the_side_below {
                    from_below
                } else {
                    from_above
                }
            }
        }
    }
}

/// (leak, shift) of a ReLU-family activation without ceiling; the identity has leak 1.
pub(crate) fn straight_leak(phi: Activation) -> Option<(f64, f64)> {
    if phi == Activation::Identity {
        return Some((1.0, 0.0));
    }
    phi.relu_form().filter(|form| form.max == f64::INFINITY).map(|form| (form.leak, form.shift))
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
    fn every_fixed_point_is_kept_by_the_map_and_its_slope_is_the_maps() {
        let cases = [
            ("shifted_relu:shift=0.5", 2.0, 0.0),
            ("shifted_relu:shift=0.5", 1.5, 0.2),
            ("shifted_relu:shift=0.4", 2.8, 0.0),
            ("leaky_relu:leak=0.2", 1.2, 0.3),
            ("general_relu:leak=0.1,shift=0.4,max=6", 2.4, 0.0),
            ("general_relu:leak=0.1,shift=0.4,max=6", 1.9, 0.05),
            ("tanh", 1.5, 0.0),
            ("tanh", 2.5, 0.05),
            ("selu", 1.0, 0.0),
            ("gelu", 3.0, 0.0),
            ("gelu", 2.05, 0.0),
            ("sigmoid", 3.0, 0.1),
            ("softplus", 1.0, 0.0),
            ("elu:alpha=1", 1.2, 0.1),
        ];
        for (phi, variance_w, variance_b) in cases {
            let map = map(phi, variance_w, variance_b);
            let fixed = map.fixed_points();
            assert!(!fixed.points.is_empty(), "{phi} {variance_w} {variance_b}");
            for point in &fixed.points {
                assert!((map.next(point.q) - point.q).abs() < 1e-11 * point.q.max(1e-3), "{phi}: {point:?}");
                assert!((map.slope(point.q) - point.slope).abs() < 1e-9, "{phi}: {point:?}");
            }
            if let LengthLimit::Fixed(point) = map.limit(1.0) {
                let mut q = 1.0;
                for _ in 0..20_000 {
                    q = map.next(q);
                    if (q - point.q).abs() < 1e-9 {
                        break;
                    }
                }
                assert!((q - point.q).abs() < 1e-3, "{phi}: iteration ends at {q}, not at {point:?}");
            }
        }
    }

    #[test]
    fn kaiming_relu_keeps_every_length_and_attracts_to_none() {
        for (phi, variance_w) in [("relu", 2.0), ("leaky_relu:leak=0.1", 2.0 / 1.01), ("identity", 1.0)] {
            let map = map(phi, variance_w, 0.0);
            let fixed = map.fixed_points();
            assert_eq!((fixed.points.len(), fixed.continuum), (0, Some((0.0, f64::INFINITY))), "{phi}");
            assert_eq!(map.limit(3.0), LengthLimit::Kept);
        }
    }

    #[test]
    fn a_ceiling_far_away_leaves_a_range_of_kept_lengths_and_says_where_it_ends() {
        let fixed = map("general_relu:max=6", 2.0, 0.0).fixed_points();
        let (low, high) = fixed.continuum.unwrap();
        assert_eq!((low, fixed.points.len()), (0.0, 0));
        assert!((0.5..1.5).contains(&high), "{high}");
    }

    #[test]
    fn maps_without_a_fixed_point_say_that_the_length_grows() {
        for (phi, variance_w, variance_b) in [("relu", 2.0, 0.1), ("gelu", 5.0, 0.0), ("shifted_relu", 4.0, 0.0)] {
            let map = map(phi, variance_w, variance_b);
            assert_eq!(map.limit(1.0), LengthLimit::Unbounded, "{phi} {:?}", map.fixed_points());
        }
        assert_eq!(map("relu", 3.0, 0.0).limit(1.0), LengthLimit::Unbounded);
    }

    /// What a length of 1 comes to, in a word.
    fn fate(phi: &str, variance_w: f64, variance_b: f64) -> &'static str {
        match map(phi, variance_w, variance_b).limit(1.0) {
            LengthLimit::Fixed(point) if point.q == 0.0 => "vanishes",
            LengthLimit::Fixed(_) => "settles",
            LengthLimit::Kept => "kept",
            LengthLimit::Unbounded => "grows",
            LengthLimit::Unsettled => "unsettled",
        }
    }

    #[test]
    fn lengths_vanish_settle_grow_or_stay_as_the_map_says() {
        let cases = [
            ("softplus", 1.9, 0.0, "settles"),
            // At σ_w² = 2 the growth per layer falls as q^(-1/2), but never ends.
            ("softplus", 2.0, 0.0, "grows"),
            ("softplus", 3.0, 1.0, "grows"),
            ("elu", 2.0, 0.0, "grows"),
            ("elu", 1.0, 0.0, "vanishes"),
            ("gelu", 2.0, 0.0, "vanishes"),
            ("gelu", 2.0, 0.1, "settles"),
            ("gelu", 4.0, 0.0, "grows"),
            ("silu", 3.0, 0.0, "grows"),
            ("silu", 1.98, 0.6, "settles"),
            ("tanh", 0.9, 0.0, "vanishes"),
            // Lengths beyond the range that is searched, on both sides.
            ("tanh", 1e9, 0.0, "settles"),
            ("tanh", 0.5, 1e-12, "settles"),
            ("sigmoid", 1e12, 0.0, "settles"),
            ("selu", 1.0, 0.0, "settles"),
            ("relu", 1.9, 0.0, "vanishes"),
            ("relu", 2.0, 0.0, "kept"),
            ("relu", 2.0, 0.1, "grows"),
            ("general_relu:max=6", 2.0, 0.0, "kept"),
            ("general_relu:max=1e9", 2.0, 0.0, "kept"),
            ("general_relu:max=6", 5.0, 0.0, "settles"),
            // The centred ReLU with constants of ten digits.
            ("general_relu:shift=0.3989422804", 2.933_884_414, 0.0, "settles"),
        ];
        for (phi, variance_w, variance_b, expected) in cases {
            assert_eq!(fate(phi, variance_w, variance_b), expected, "{phi} {variance_w} {variance_b}");
        }
    }

    #[test]
    fn every_activation_goes_where_its_iterated_map_goes() {
        for name in Activation::NAMES {
            for variance_w in [0.1, 1.0, 2.0, 3.3, 30.0] {
                for variance_b in [0.0, 0.05, 1.0] {
                    let map = map(name, variance_w, variance_b);
                    let mut q = 1.0;
                    for _ in 0..60 {
                        q = map.next(q);
                    }
                    let (next, what) = (map.next(q), format!("{name} {variance_w} {variance_b}: {q}"));
                    match map.limit(1.0) {
                        LengthLimit::Fixed(point) => {
                            let (before, after) = ((q - point.q).abs(), (next - point.q).abs());
                            assert!(after <= before.max(1e-9 * point.q) && before <= (1.0 - point.q).abs(), "{what}");
                        }
                        LengthLimit::Kept => assert!((q - 1.0).abs() < 1e-9, "{what}"),
                        LengthLimit::Unbounded => assert!(next > q && q > 1.0, "{what}"),
                        LengthLimit::Unsettled => panic!("{what}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_length_between_a_stable_and_an_unstable_fixed_point_goes_to_the_stable_one() {
        let map = map("shifted_relu:shift=0.5", 2.5, 0.0);
        let fixed = map.fixed_points().points;
        assert_eq!(fixed.len(), 2);
        let middle = 0.5 * (fixed[0].q + fixed[1].q);
        assert_eq!(map.limit(middle), LengthLimit::Fixed(fixed[0]));
        assert_eq!(map.limit(1.1 * fixed[1].q), LengthLimit::Unbounded);
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
