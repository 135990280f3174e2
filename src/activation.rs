//! Activation functions φ: their parameters, their names and their scalar `f64` form.
//!
//! The slice form that training uses is in `cpu::activation`; theory and the candle path
//! start from the definitions here.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serde::{Deserialize, Serialize};

mod parse;

pub use parse::ActivationParseError;

/// An activation function with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activation {
    /// φ(z) = z.
    Identity,
    /// φ(z) = max(z, 0), with φ′(0) = 0.
    Relu,
    /// φ(z) = z for z > 0, else `leak`·z.
    LeakyRelu {
        /// Slope of the negative side.
        leak: f64,
    },
    /// The lesson's general ReLU: leaky ReLU, minus `shift`, then cut at `max`.
    GeneralRelu {
        /// Slope of the negative side.
        leak: f64,
        /// Subtracted after the leaky ReLU.
        shift: f64,
        /// Ceiling of the result, after the shift.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
    },
    /// φ(z) = max(z, 0) − `shift` (lesson 8 takes 0.5).
    ShiftedRelu {
        /// Subtracted after the ReLU.
        shift: f64,
    },
    /// Hyperbolic tangent.
    Tanh,
    /// φ(z) = 1/(1 + e^−z).
    Sigmoid,
    /// φ(z) = z·Φ(z), Φ the normal distribution function (Hendrycks & Gimpel 2016).
    Gelu,
    /// The tanh approximation of GELU, same source.
    GeluTanh,
    /// φ(z) = z·sigmoid(z), also called swish.
    Silu,
    /// φ(z) = z for z > 0, else `alpha`·(e^z − 1) (Clevert et al. 2016).
    Elu {
        /// Size of the negative limit.
        alpha: f64,
    },
    /// Scaled ELU (Klambauer et al. 2017).
    Selu,
    /// φ(z) = ln(1 + e^z).
    Softplus,
}

/// SELU's scale λ (Klambauer et al. 2017, eq. 14).
pub const SELU_LAMBDA: f64 = 1.050_700_987_355_480_5;
/// SELU's α, same source.
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// The ReLU family in one form: z > 0 keeps z, else `leak`·z; minus `shift`; at most `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReluForm {
    /// Slope of the negative side.
    pub leak: f64,
    /// Subtracted after the leaky ReLU.
    pub shift: f64,
    /// Ceiling after the shift; +∞ for none.
    pub max: f64,
}

impl Activation {
    /// Every name that [`Activation::from_name`] knows.
    pub const NAMES: [&str; 14] = [
        "identity",
        "relu",
        "leaky_relu",
        "general_relu",
        "shifted_relu",
        "tanh",
        "sigmoid",
        "gelu",
        "gelu_tanh",
        "silu",
        "elu",
        "selu",
        "softplus",
        "linear",
    ];

    /// The activation called `name` with its default parameters (leak 0.01, shift 0.5, alpha 1).
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "identity" | "linear" => Self::Identity,
            "relu" => Self::Relu,
            "leaky_relu" => Self::LeakyRelu { leak: 0.01 },
            "general_relu" => Self::GeneralRelu { leak: 0.0, shift: 0.0, max: None },
            "shifted_relu" => Self::ShiftedRelu { shift: 0.5 },
            "tanh" => Self::Tanh,
            "sigmoid" => Self::Sigmoid,
            "gelu" => Self::Gelu,
            "gelu_tanh" => Self::GeluTanh,
            "silu" => Self::Silu,
            "elu" => Self::Elu { alpha: 1.0 },
            "selu" => Self::Selu,
            "softplus" => Self::Softplus,
            _ => return None,
        })
    }

    /// The name in configs and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::GeneralRelu { .. } => "general_relu",
            Self::ShiftedRelu { .. } => "shifted_relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Softplus => "softplus",
        }
    }

    /// The general form of the ReLU family; `None` for every other activation.
    pub fn relu_form(self) -> Option<ReluForm> {
        let form = |leak, shift, max: Option<f64>| Some(ReluForm { leak, shift, max: max.unwrap_or(f64::INFINITY) });
        match self {
            Self::Relu => form(0.0, 0.0, None),
            Self::LeakyRelu { leak } => form(leak, 0.0, None),
            Self::GeneralRelu { leak, shift, max } => form(leak, shift, max),
            Self::ShiftedRelu { shift } => form(0.0, shift, None),
            _ => None,
        }
    }

    /// The largest std that outputs can have, whatever the inputs: half of the range of a bounded φ (Popoviciu's inequality),
    /// and that only with half of them at each end; infinite otherwise.
    pub fn largest_std(self) -> f64 {
        match self {
            Self::Tanh => 1.0,
            Self::Sigmoid => 0.5,
            Self::GeneralRelu { leak, shift, max: Some(max) } if leak <= 0.0 => 0.5 * (max + shift).max(0.0),
            Self::Identity
            | Self::Relu
            | Self::LeakyRelu { .. }
            | Self::GeneralRelu { .. }
            | Self::ShiftedRelu { .. }
            | Self::Gelu
            | Self::GeluTanh
            | Self::Silu
            | Self::Elu { .. }
            | Self::Selu
            | Self::Softplus => f64::INFINITY,
        }
    }

    /// φ(z).
    pub fn value(self, z: f64) -> f64 {
        if let Some(ReluForm { leak, shift, max }) = self.relu_form() {
            let h = (if z > 0.0 { z } else { leak * z }) - shift;
            // NaN passes a ceiling, which `min` would put in its place.
            return if h > max { max } else { h };
        }
        match self {
            Self::Tanh => z.tanh(),
            Self::Sigmoid => sigmoid(z),
            Self::Gelu => z * normal_cdf(z),
            Self::GeluTanh => 0.5 * z * (1.0 + gelu_tanh_inner(z).0.tanh()),
            Self::Silu => z * sigmoid(z),
            Self::Elu { alpha } => elu(z, alpha),
            Self::Selu => SELU_LAMBDA * elu(z, SELU_ALPHA),
            Self::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
            _ => z,
        }
    }

    /// φ′(z), with PyTorch's choice at a kink: the slope of the side where z ≤ 0, and 0 at the ceiling.
    pub fn derivative(self, z: f64) -> f64 {
        if let Some(ReluForm { leak, shift, max }) = self.relu_form() {
            let (value, slope) = if z > 0.0 { (z, 1.0) } else { (leak * z, leak) };
            return if value - shift > max { 0.0 } else { slope };
        }
        match self {
            Self::Tanh => 1.0 - z.tanh().powi(2),
            Self::Sigmoid => sigmoid(z) * sigmoid(-z),
            Self::Gelu => normal_cdf(z) + z * normal_pdf(z),
            Self::GeluTanh => {
                let (inner, slope) = gelu_tanh_inner(z);
                let t = inner.tanh();
                0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * slope
            }
            Self::Silu => sigmoid(z) * (1.0 + z * sigmoid(-z)),
            Self::Elu { alpha } => elu_slope(z, alpha),
            Self::Selu => SELU_LAMBDA * elu_slope(z, SELU_ALPHA),
            Self::Softplus => sigmoid(z),
            _ => 1.0,
        }
    }
}

/// Φ(z), the standard normal distribution function.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The standard normal density.
pub fn normal_pdf(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

fn sigmoid(z: f64) -> f64 {
    // The exponent is never positive, so nothing overflows and small values keep their digits.
    let e = (-z.abs()).exp();
    if z >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

fn elu(z: f64, alpha: f64) -> f64 {
    if z > 0.0 { z } else { alpha * z.exp_m1() }
}

fn elu_slope(z: f64, alpha: f64) -> f64 {
    if z > 0.0 { 1.0 } else { alpha * z.exp() }
}

/// The argument of GELU's tanh form and its derivative.
fn gelu_tanh_inner(z: f64) -> (f64, f64) {
    let c = (2.0 / PI).sqrt();
    (c * (z + 0.044715 * z * z * z), c * (1.0 + 3.0 * 0.044715 * z * z))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Activation> {
        let mut all: Vec<_> = Activation::NAMES.iter().map(|name| Activation::from_name(name).unwrap()).collect();
        all.push(Activation::LeakyRelu { leak: 0.1 });
        all.push(Activation::GeneralRelu { leak: 0.2, shift: 0.3, max: Some(0.9) });
        all.push(Activation::Elu { alpha: 0.5 });
        all
    }

    #[test]
    fn every_derivative_is_the_slope_of_its_function() {
        for phi in all() {
            for i in 0..200 {
                let z = -5.03 + 0.05 * f64::from(i);
                let h = 1e-5;
                let slope = (phi.value(z + h) - phi.value(z - h)) / (2.0 * h);
                assert!((slope - phi.derivative(z)).abs() < 1e-8, "{phi:?} at {z}: {slope} {}", phi.derivative(z));
            }
        }
    }

    #[test]
    fn no_two_ends_of_an_output_are_further_apart_than_the_largest_std_allows() {
        for phi in all() {
            let values: Vec<f64> = (-4000..=4000).map(|i| phi.value(0.25 * f64::from(i))).collect();
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            let half = 0.5 * (high - low);
            assert!(
                if half < 2.0 { (half - phi.largest_std()).abs() < 1e-12 } else { phi.largest_std() > 100.0 },
                "{phi:?}"
            );
        }
        let cut = Activation::GeneralRelu { leak: 0.0, shift: 0.3, max: Some(0.9) };
        assert!((cut.largest_std() - 0.6).abs() < 1e-15);
    }

    #[test]
    fn names_and_values_agree() {
        for phi in all() {
            assert_eq!(Activation::from_name(phi.name()).unwrap().name(), phi.name());
        }
    }

    #[test]
    fn relu_has_slope_zero_at_zero_and_the_ceiling_cuts_after_the_shift() {
        assert_eq!(Activation::Relu.derivative(0.0), 0.0);
        let cut = Activation::GeneralRelu { leak: 0.1, shift: 0.4, max: Some(6.0) };
        assert_eq!((cut.value(100.0), cut.derivative(100.0)), (6.0, 0.0));
        assert!((cut.value(1.0) - 0.6).abs() < 1e-15);
    }
}
