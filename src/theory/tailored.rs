//! Tailored leaky ReLU: no shift, and a leak that keeps two unrelated inputs from becoming alike.
//!
//! Tailored Activation Transformations (Zhang et al. 2022) for a chain of L layers: the leak a with κ_a applied L times
//! to correlation 0 equal to a target η, and the gain √(2/(1+a²)) that keeps the length.

use crate::theory::correlation::leaky_relu_map;
use crate::theory::error::TheoryError;
use crate::theory::gains::kaiming_gain;
use crate::theory::root::bisect;

/// The target η of Zhang et al. 2022.
pub const ETA: f64 = 0.9;

/// A leaky ReLU with the gain of its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailoredRelu {
    /// Slope of the negative side.
    pub leak: f64,
    /// √(2/(1+a²)).
    pub gain: f64,
}

/// The leak whose correlation map, applied `depth` times to 0, gives `target` in (0, 1).
///
/// Fails where even the plain ReLU stays below the target, as for 0.9 up to 12 layers.
pub fn tailored(depth: usize, target: f64) -> Result<TailoredRelu, TheoryError> {
    let chain = |leak: f64| (0..depth).fold(0.0, |c, _| leaky_relu_map(c, leak));
    tailored_to(target, chain).ok_or_else(|| TheoryError::Tailored { depth, target, reached: chain(0.0) })
}

/// The leak at which a network's map of correlation 0 gives `target`; `network` takes the leak and falls with it.
///
/// For nets that are no chain, the largest value over their subnetworks (Zhang et al. 2022). `None` if not reachable.
pub fn tailored_to(target: f64, network: impl Fn(f64) -> f64) -> Option<TailoredRelu> {
    if !(target > network(1.0) && target <= network(0.0)) {
        return None;
    }
    let leak = bisect(0.0, 1.0, |leak| network(leak) - target);
    Some(TailoredRelu { leak, gain: kaiming_gain(leak) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_ends_at_the_target() {
        for (depth, target) in [(20, 0.9), (3, 0.5), (200, 0.9), (1, 0.2)] {
            let unit = tailored(depth, target).unwrap();
            let end = (0..depth).fold(0.0, |c, _| leaky_relu_map(c, unit.leak));
            assert!((end - target).abs() < 1e-12, "{depth} layers end at {end}");
        }
    }

    #[test]
    fn targets_out_of_reach_say_what_the_relu_reaches() {
        let refused = tailored(10, ETA).unwrap_err().to_string();
        assert!(refused.contains("the plain ReLU reaches only 0.8715"), "{refused}");
        for target in [0.0, 1.0, f64::NAN] {
            assert!(tailored(20, target).is_err(), "{target}");
        }
    }
}
