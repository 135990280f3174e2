//! How deep a start trains: the one notion behind the probe's verdict, the theory's table and the line over a study's map.
//!
//! What decides is G, the gradient's squared length in the first hidden layer over that in the last. A learning rate makes up
//! for a G that is small or large up to a limit, and the limits here were read off trainings: `docs/depth.md` has the study, its
//! outcomes and how often the verdict errs. Schoenholz et al. 2017 take six depth scales ξ instead, which says that Xavier's
//! ReLU, ξ = 1.44, ends at 9 layers, where it still trains, and sees no limit at χ = 1, where tanh's gradients die out slowly.

use crate::theory::length::LengthMap;

/// G below which no rate of the study let a net learn: 1.3e-6 still learnt, 1e-7 did not.
pub const VANISHES: f64 = 3e-7;
/// G above which none did: 7e4 still learnt, 2e6 did not.
pub const EXPLODES: f64 = 3e5;
/// A factor from one end of the hidden layers to the other that is not worth a word, nor is its inverse.
pub const TENFOLD: f64 = 10.0;

/// Hidden layers beyond which no limit is looked for.
pub const FARTHEST: usize = 1000;
/// Relative change of the length below which it has settled, and χ with it.
const SETTLED: f64 = 1e-12;

/// Course of a signal through the hidden layers, by the factor on its squared length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// A fall so far that no learning rate makes up for it.
    Vanishes,
    /// More than tenfold down, which a learning rate makes up for.
    Shrinks,
    /// Neither.
    Holds,
    /// More than tenfold up, which a learning rate makes up for.
    Grows,
    /// A rise so far that no learning rate makes up for it.
    Explodes,
}

impl Course {
    /// The fate of a signal that changed by `factor`.
    pub fn of(factor: f64) -> Self {
        match factor {
            factor if factor < VANISHES => Self::Vanishes,
            factor if factor < 1.0 / TENFOLD => Self::Shrinks,
            factor if factor > EXPLODES => Self::Explodes,
            factor if factor > TENFOLD => Self::Grows,
            _ => Self::Holds,
        }
    }

    /// True if nets with this course trained.
    pub fn trains(self) -> bool {
        matches!(self, Self::Shrinks | Self::Holds | Self::Grows)
    }
}

/// The most hidden layers of `map` through which G stays within the limits; absent where more than [`FARTHEST`] do.
///
/// The length starts at 1, as that of normalised images does, and G gets a factor χ(q) for each layer but the last (He et al.
/// 2015, eq. 14), at the length that the layer has: the way to a fixed point counts, which a depth scale leaves out.
pub fn trainable_depth(map: &LengthMap) -> Option<f64> {
    let (mut q, mut growth) = (map.next(1.0), 0.0f64);
    let mut chi = map.chi(q);
    let mut settled = false;
    for depth in 1..FARTHEST {
        // A length beyond all numbers, or an activation whose slopes are all 0 there.
        let step = if q.is_finite() { chi.ln() } else { f64::INFINITY };
        let limit = if step < 0.0 { VANISHES.ln() } else { EXPLODES.ln() };
        if !(growth + step).is_finite() {
            return Some(depth as f64);
        }
        if (growth + step) / limit > 1.0 {
            return Some(depth as f64 + (limit - growth) / step);
        }
        growth += step;
        if !settled {
            let next = map.next(q);
            settled = (next - q).abs() <= SETTLED * q;
            q = next;
            chi = map.chi(q);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    fn depth(phi: Activation, variance_w: f64, variance_b: f64) -> Option<f64> {
        trainable_depth(&LengthMap::new(phi, variance_w, variance_b).unwrap())
    }

    #[test]
    fn a_homogeneous_net_ends_where_a_power_of_chi_meets_the_limit() {
        for (variance_w, limit) in
            [(1.0, VANISHES), (1.0 / 3.0, VANISHES), (1.9, VANISHES), (3.0, EXPLODES), (2.5, EXPLODES)]
        {
            let chi: f64 = variance_w / 2.0;
            let found = depth(Activation::Relu, variance_w, 0.0).unwrap();
            // The last hidden layer is where G begins: d layers have d − 1 steps.
            assert!((found - 1.0 - limit.ln() / chi.ln()).abs() < 1e-9 * found, "{variance_w}: {found}");
            assert!(Course::of(chi.powf(found - 1.5)).trains() && !Course::of(chi.powf(found - 0.5)).trains());
        }
    }

    #[test]
    fn the_way_to_a_fixed_length_counts() {
        // At χ = 1 only in the limit gradients die out slowly, which nets train through; lengths that start far off count too.
        assert_eq!(depth(Activation::Tanh, 1.0, 0.0), None);
        assert_eq!(depth(Activation::Relu, 2.0, 0.0), None);
        let ordered = depth(Activation::Tanh, 1.0 / 3.0, 1.0 / 300.0).unwrap();
        assert!((13.0..18.0).contains(&ordered), "{ordered}");
    }

    #[test]
    fn a_depth_is_at_least_one_layer_and_no_map_is_too_wild_for_it() {
        for name in Activation::NAMES {
            for variance_w in [1e-6, 0.3, 1.0, 2.0, 5.0, 1e6] {
                for variance_b in [0.0, 0.05, 10.0] {
                    let found = depth(Activation::from_name(name).unwrap(), variance_w, variance_b);
                    let sound = found.is_none_or(|depth| (1.0..=FARTHEST as f64).contains(&depth));
                    assert!(sound, "{name} {variance_w} {variance_b}: {found:?}");
                }
            }
        }
    }
}
