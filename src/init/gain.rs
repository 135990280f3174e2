//! The gain that makes up for what an activation takes from the signal.

use serde::{Serialize, Serializer};

use crate::activation::{Activation, normal_cdf};

/// The factor on a rule's standard deviation. In records and configs: `"activation"` or the number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gain {
    /// [`gain`] of the layer's own activation.
    Activation,
    /// This number.
    Given(f64),
}

impl Gain {
    /// The number, for a layer with this activation.
    pub fn value(self, activation: Activation) -> f64 {
        match self {
            Self::Activation => gain(activation),
            Self::Given(value) => value,
        }
    }
}

impl Serialize for Gain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Activation => serializer.serialize_str("activation"),
            Self::Given(value) => serializer.serialize_f64(*value),
        }
    }
}

/// 1/√E\[φ(z)²\], z ~ N(0, 1), of the activations without a published gain (THEORY.md, "Other activations").
const GELU: f64 = 1.533_530_441_195_535;
const GELU_TANH: f64 = 1.533_580_521_666_147;
const SILU: f64 = 1.676_532_470_331_091;
const SOFTPLUS: f64 = 1.041_866_835_535_302;

/// The gain of `activation`.
///
/// PyTorch's published value where there is one: identity and sigmoid 1, tanh 5/3, SELU 3/4, ReLU and leaky ReLU
/// √(2/(1+a²)) (He et al. 2015). The rest of the ReLU family takes the same formula: a shift does not change the
/// slope that the gradient meets, and a ceiling is met too rarely. Any other activation has 1/√E\[φ(z)²\] under
/// z ~ N(0, 1), which keeps a second moment of 1.
pub fn gain(activation: Activation) -> f64 {
    if let Some(form) = activation.relu_form() {
        return (2.0 / (1.0 + form.leak * form.leak)).sqrt();
    }
    match activation {
        Activation::Tanh => 5.0 / 3.0,
        Activation::Selu => 0.75,
        Activation::Gelu => GELU,
        Activation::GeluTanh => GELU_TANH,
        Activation::Silu => SILU,
        Activation::Softplus => SOFTPLUS,
        Activation::Elu { alpha } => {
            // E[(e^z − 1)²; z < 0] = e²Φ(−2) − 2√e Φ(−1) + ½, by completing the square.
            let negative = 2f64.exp() * normal_cdf(-2.0) - 2.0 * 0.5f64.exp() * normal_cdf(-1.0) + 0.5;
            (0.5 + alpha * alpha * negative).sqrt().recip()
        }
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::normal_pdf;

    #[test]
    fn unpublished_gains_keep_a_second_moment_of_one() {
        let others = ["gelu", "gelu_tanh", "silu", "softplus", "elu"].map(|name| Activation::from_name(name).unwrap());
        for phi in others.into_iter().chain([Activation::Elu { alpha: 0.3 }, Activation::Elu { alpha: 2.0 }]) {
            // Simpson's rule on both sides of the kink of ELU's derivative.
            let (h, n) = (0.01, 2400);
            let density = |z: f64| (gain(phi) * phi.value(z)).powi(2) * normal_pdf(z);
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
            assert!((gain(phi) - expected).abs() < 1e-9, "{phi:?}: {}", gain(phi));
        }
    }

    #[test]
    fn a_gain_is_written_as_a_word_or_a_number() {
        assert_eq!(serde_json::to_string(&[Gain::Activation, Gain::Given(1.5)]).unwrap(), "[\"activation\",1.5]");
    }
}
