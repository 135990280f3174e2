//! The fate of a length: what the length map brings it to after many layers.

use crate::theory::length::{LengthFixedPoint, LengthFixedPoints, LengthMap, SEARCH, Stability};

/// Relative distance within which a length counts as being at a fixed point.
const AT_POINT: f64 = 1e-9;
/// How often a length may jump over a fixed point before it counts as one that never settles.
const CROSSINGS: usize = 256;

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

/// First fixed point, or range of kept lengths, that lies ahead of a length that moves one way.
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
                        let held = if next > q { point.attracts_from_below() } else { point.attracts_from_above() };
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    fn map(phi: &str, variance_w: f64, variance_b: f64) -> LengthMap {
        LengthMap::new(Activation::parse(phi).unwrap(), variance_w, variance_b).unwrap()
    }

    #[test]
    fn maps_without_a_fixed_point_say_that_the_length_grows() {
        for (phi, variance_w, variance_b) in [("relu", 2.0, 0.1), ("gelu", 5.0, 0.0), ("shifted_relu", 4.0, 0.0)] {
            let map = map(phi, variance_w, variance_b);
            assert_eq!(map.limit(1.0), LengthLimit::Unbounded, "{phi} {:?}", map.fixed_points());
        }
        assert_eq!(map("relu", 3.0, 0.0).limit(1.0), LengthLimit::Unbounded);
    }

    /// Names the fate of a length of 1, in a word.
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
}
