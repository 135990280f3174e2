//! Gains: the factor g of a weight's std g/√fan that keeps an activation's scale.

use std::f64::consts::SQRT_2;

use crate::activation::Activation;
use crate::theory::moments::{Moments, moments};

/// The gains of an activation for N(0,1) pre-activations; `None` where the activation has no scale or no published gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gains {
    /// 1/√`E[φ²]`: keeps the second moment, as He et al. 2015, eq. 10.
    pub rms: Option<f64>,
    /// 1/std(φ): gives std 1 once the mean is taken out.
    pub std: Option<f64>,
    /// What `torch.nn.init.calculate_gain` documents.
    pub torch: Option<f64>,
    /// χ at the gain `rms`: g²·`E[φ′²]`.
    pub chi_rms: Option<f64>,
    /// χ at the gain `std`.
    pub chi_std: Option<f64>,
}

impl Gains {
    /// Torch's published gain where there is one, otherwise 1/rms.
    pub fn recommended(&self) -> Option<f64> {
        self.torch.or(self.rms)
    }
}

/// The gains of `phi`.
pub fn gains(phi: Activation) -> Gains {
    let m = moments(phi, 1.0);
    let inverse_root = |x: f64| (x > 0.0).then(|| 1.0 / x.sqrt());
    let (rms, std) = (inverse_root(m.mean_square), inverse_root(m.variance()));
    let chi_at = |gain: Option<f64>| gain.map(|gain| chi(gain * gain, &m));
    Gains { rms, std, torch: torch_gain(phi), chi_rms: chi_at(rms), chi_std: chi_at(std) }
}

/// χ = σ_w²·`E[φ′²]`, the factor of the gradient's variance per layer (Poole et al. 2016, eq. 6; for ReLU He et al. 2015,
/// eq. 14); `variance_w` is σ_w² = fan_in·Var(w).
pub fn chi(variance_w: f64, moments: &Moments) -> f64 {
    variance_w * moments.slope_square
}

/// The table in the documentation of `torch.nn.init.calculate_gain`; `None` for activations that it does not list.
pub fn torch_gain(phi: Activation) -> Option<f64> {
    match phi {
        Activation::Identity | Activation::Sigmoid => Some(1.0),
        Activation::Tanh => Some(5.0 / 3.0),
        Activation::Relu => Some(SQRT_2),
        Activation::LeakyRelu { leak } => Some(kaiming_gain(leak)),
        Activation::Selu => Some(0.75),
        _ => None,
    }
}

/// √(2/(1+a²)) for a leaky ReLU of slope a (He et al. 2015, eq. 15).
pub fn kaiming_gain(leak: f64) -> f64 {
    (2.0 / (1.0 + leak * leak)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_activation_has_no_gain_rather_than_an_infinite_one() {
        let dead = gains(Activation::GeneralRelu { leak: 0.0, shift: 0.0, max: Some(0.0) });
        assert_eq!((dead.rms, dead.std, dead.chi_rms, dead.recommended()), (None, None, None, None));
    }

    #[test]
    fn what_torch_does_not_publish_gets_one_over_rms() {
        let gelu = gains(Activation::Gelu);
        assert_eq!(gelu.torch, None);
        assert_eq!(gelu.recommended(), gelu.rms);
        assert_eq!(gains(Activation::Tanh).recommended(), Some(5.0 / 3.0));
    }
}
