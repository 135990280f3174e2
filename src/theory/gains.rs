//! Gains: the factor g of a weight's std g/√fan that keeps an activation's scale.
//!
//! [`usual_gain`] is the one that weights are drawn with; the others say what else a gain could keep.

use crate::activation::Activation;
pub use crate::activation::kaiming_gain;
use crate::theory::moments::{Moments, moments};

/// The gains of an activation for N(0,1) pre-activations; `None` where the activation has no scale or no published gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gains {
    /// 1/√`E[φ²]`: keeps the second moment, as He et al. 2015, eq. 10.
    pub rms: Option<f64>,
    /// 1/std(φ): gives std 1 once the mean is taken out.
    pub std: Option<f64>,
    /// Gain that `torch.nn.init.calculate_gain` documents.
    pub torch: Option<f64>,
    /// Gain that the preset `kaiming` takes, [`usual_gain`].
    pub usual: f64,
    /// χ at the gain `usual`.
    pub chi_usual: f64,
    /// χ at the gain `rms`: g²·`E[φ′²]`.
    pub chi_rms: Option<f64>,
    /// χ at the gain `std`.
    pub chi_std: Option<f64>,
}

/// The gains of `phi`.
pub fn gains(phi: Activation) -> Gains {
    let m = moments(phi, 1.0);
    let inverse_root = |x: f64| (x > 0.0).then(|| 1.0 / x.sqrt());
    let (rms, std) = (inverse_root(m.mean_square), inverse_root(m.variance()));
    let chi_at = |gain: Option<f64>| gain.map(|gain| chi(gain * gain, &m));
    let usual = usual_gain(phi);
    Gains {
        rms,
        std,
        torch: phi.torch_gain(),
        usual,
        chi_usual: chi(usual * usual, &m),
        chi_rms: chi_at(rms),
        chi_std: chi_at(std),
    }
}

/// The gain that weights before `phi` take where a rule says "the activation's gain", as the preset `kaiming` does.
///
/// PyTorch's published value where there is one: identity and sigmoid 1, tanh 5/3, SELU 3/4, ReLU and leaky ReLU
/// √(2/(1+a²)) (He et al. 2015). The rest of the ReLU family takes the same formula: a shift does not change the
/// slope that the gradient meets, and a ceiling is met too rarely. Any other activation has 1/√E\[φ(z)²\] under
/// z ~ N(0, 1), which keeps a second moment of 1.
pub fn usual_gain(phi: Activation) -> f64 {
    phi.known_gain().unwrap_or_else(|| moments(phi, 1.0).mean_square.sqrt().recip())
}

/// Purpose of the [`usual_gain`] of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// χ = 1: gradients, and without shift lengths, keep their size.
    Chi,
    /// Gain that torch publishes, from practice.
    Torch,
    /// E\[φ²\] = 1 from pre-activations of second moment 1.
    MeanSquare,
}

/// Returns the purpose of the usual gain of `phi`.
pub fn purpose(phi: Activation) -> Purpose {
    match (phi.relu_form(), phi.torch_gain()) {
        (Some(_), _) => Purpose::Chi,
        (None, Some(_)) => Purpose::Torch,
        (None, None) => Purpose::MeanSquare,
    }
}

/// χ = σ_w²·`E[φ′²]`, the factor of the gradient's variance per layer (Poole et al. 2016, eq. 6; for ReLU He et al. 2015,
/// eq. 14); `variance_w` is σ_w² = fan_in·Var(w).
pub fn chi(variance_w: f64, moments: &Moments) -> f64 {
    variance_w * moments.slope_square
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::normal_pdf;

    #[test]
    fn a_dead_activation_has_no_gain_rather_than_an_infinite_one() {
        let dead = gains(Activation::GeneralRelu { leak: 0.0, shift: 0.0, max: Some(0.0) });
        assert_eq!((dead.rms, dead.std, dead.chi_rms), (None, None, None));
    }

    #[test]
    fn the_shift_leaves_the_usual_gain_and_chi_as_they_are() {
        for phi in [Activation::Relu, Activation::ShiftedRelu { shift: 0.5 }] {
            let found = gains(phi);
            assert_eq!((found.usual, purpose(phi)), (2f64.sqrt(), Purpose::Chi));
            assert!((found.chi_usual - 1.0).abs() < 1e-15, "{found:?}");
        }
        assert_eq!((purpose(Activation::Tanh), purpose(Activation::Gelu)), (Purpose::Torch, Purpose::MeanSquare));
    }

    #[test]
    fn unpublished_gains_keep_a_second_moment_of_one() {
        let others = Activation::ALL.into_iter().filter(|&phi| purpose(phi) == Purpose::MeanSquare);
        for phi in others.chain([Activation::Elu { alpha: 0.3 }, Activation::Elu { alpha: 2.0 }]) {
            // Simpson's rule on both sides of the kink of ELU's derivative.
            let (h, n) = (0.01, 2400);
            let density = |z: f64| (usual_gain(phi) * phi.value(z)).powi(2) * normal_pdf(z);
            let moment: f64 = (0..=n)
                .map(|i| {
                    let z = (i - n / 2) as f64 * h;
                    let weight = if i == 0 || i == n { 1.0 } else { [2.0, 4.0][i as usize % 2] };
                    weight * density(z) * h / 3.0
                })
                .sum();
            assert!((moment - 1.0).abs() < 1e-8, "{phi:?}: {moment}");
        }
    }

    #[test]
    fn published_gains_are_those_of_pytorch() {
        let cases = [
            (Activation::Identity, 1.0),
            (Activation::Sigmoid, 1.0),
            (Activation::Tanh, 5.0 / 3.0),
            (Activation::Relu, 2f64.sqrt()),
            (Activation::ShiftedRelu { shift: 0.5 }, 2f64.sqrt()),
            (Activation::LeakyRelu { leak: 0.01 }, 1.414_142_857),
            (Activation::LeakyRelu { leak: 5f64.sqrt() }, (1.0 / 3.0f64).sqrt()),
            (Activation::GeneralRelu { leak: 0.1, shift: 0.4, max: Some(6.0) }, (2.0 / 1.01f64).sqrt()),
            (Activation::Selu, 0.75),
        ];
        for (phi, expected) in cases {
            assert!((usual_gain(phi) - expected).abs() < 1e-9, "{phi:?}: {}", usual_gain(phi));
        }
    }
}
