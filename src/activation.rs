//! Activation functions φ: one table that says of each its name, parameters, φ, φ′, kinks, span and usual gain.
//!
//! A row stands in a file below; here is the enum that the rest of the crate passes around, and the one match from a
//! variant to its row. Training's slice form is `cpu::smooth` (`cpu::piecewise` for straight pieces), the candle form
//! `gpu::phi`: both are one match over the variants.

use serde::{Deserialize, Serialize};

mod elu;
mod error;
mod gelu;
mod parse;
mod pieces;
mod relu;
mod row;
mod sigmoid;
mod softsign;
mod tanh;

pub use crate::inference::normal::{normal_cdf, normal_pdf};
pub use elu::{SELU_ALPHA, SELU_LAMBDA};
pub use error::ActivationParseError;
pub use pieces::{Pieces, ReluForm, kaiming_gain};
use row::{Numbers, Phi, Row};
pub use row::{Parameter, Range};

/// An activation function with its parameters; a module of candle, too.
///
/// ```
/// use initlab::Activation;
///
/// let shifted: Activation = "shifted_relu:shift=0.5".parse()?;
/// assert_eq!((shifted.value(2.0), shifted.derivative(2.0)), (1.5, 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
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
    /// φ(z) = z/(1 + |z|).
    Softsign,
    /// φ(z) = z·tanh(ln(1 + e^z)) (Misra 2019).
    Mish,
}

/// Where a variant has a parameter.
enum Slot<'a> {
    /// A number.
    Number(&'a mut f64),
    /// A number that may be absent.
    Optional(&'a mut Option<f64>),
    /// The variant has no such parameter.
    Absent,
}

const NO_SLOTS: [Slot<'static>; 3] = [Slot::Absent, Slot::Absent, Slot::Absent];

impl Activation {
    /// Every activation with its default parameters.
    pub const ALL: [Self; 15] = [
        Self::Identity,
        Self::Relu,
        Self::LeakyRelu { leak: 0.01 },
        Self::GeneralRelu { leak: 0.0, shift: 0.0, max: None },
        Self::ShiftedRelu { shift: 0.5 },
        Self::Tanh,
        Self::Sigmoid,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
        Self::Elu { alpha: 1.0 },
        Self::Selu,
        Self::Softplus,
        Self::Softsign,
        Self::Mish,
    ];

    /// The identity may be called this, too.
    const LINEAR: &'static str = "linear";

    /// Every name that [`Activation::from_name`] knows.
    pub const NAMES: [&'static str; Self::ALL.len() + 1] = {
        let mut names = [Self::LINEAR; Self::ALL.len() + 1];
        let mut i = 0;
        while i < Self::ALL.len() {
            names[i] = Self::ALL[i].name();
            i += 1;
        }
        names
    };

    /// The row of the table, and where its parameters are.
    const fn parts(&mut self) -> (&'static Row, [Slot<'_>; 3]) {
        use Slot::{Absent, Number, Optional};
        match self {
            Self::Identity => (&relu::IDENTITY, NO_SLOTS),
            Self::Relu => (&relu::RELU, NO_SLOTS),
            Self::LeakyRelu { leak } => (&relu::LEAKY, [Number(leak), Absent, Absent]),
            Self::GeneralRelu { leak, shift, max } => (&relu::GENERAL, [Number(leak), Number(shift), Optional(max)]),
            Self::ShiftedRelu { shift } => (&relu::SHIFTED, [Number(shift), Absent, Absent]),
            Self::Tanh => (&tanh::ROW, NO_SLOTS),
            Self::Sigmoid => (&sigmoid::SIGMOID, NO_SLOTS),
            Self::Gelu => (&gelu::EXACT, NO_SLOTS),
            Self::GeluTanh => (&gelu::TANH, NO_SLOTS),
            Self::Silu => (&sigmoid::SILU, NO_SLOTS),
            Self::Elu { alpha } => (&elu::ELU, [Number(alpha), Absent, Absent]),
            Self::Selu => (&elu::SELU, NO_SLOTS),
            Self::Softplus => (&sigmoid::SOFTPLUS, NO_SLOTS),
            Self::Softsign => (&softsign::ROW, NO_SLOTS),
            Self::Mish => (&sigmoid::MISH, NO_SLOTS),
        }
    }

    const fn row(mut self) -> &'static Row {
        self.parts().0
    }

    /// The values of the parameters, `None` for one that is absent.
    fn values(mut self) -> [Option<f64>; 3] {
        self.parts().1.map(|slot| match slot {
            Slot::Number(x) => Some(*x),
            Slot::Optional(x) => *x,
            Slot::Absent => None,
        })
    }

    fn numbers(self) -> Numbers {
        self.values().map(|x| x.unwrap_or(f64::INFINITY))
    }

    /// Finds the activation called `name`, with the default parameters that it has in [`Activation::ALL`].
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == Self::LINEAR { Self::Identity.name() } else { name };
        Self::ALL.into_iter().find(|phi| phi.name() == name)
    }

    /// The name in configs and records.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Describes the activation in one line, for help texts and the list of keys.
    pub fn help(self) -> &'static str {
        self.row().help
    }

    /// Its parameters with their values; of [`Activation::ALL`] these are the defaults. `None` stands for none.
    pub fn parameters(self) -> impl Iterator<Item = (Parameter, Option<f64>)> {
        self.row().parameters.iter().copied().zip(self.values())
    }

    /// Gives the parameter called `name` the value `x`.
    ///
    /// # Panics
    /// If it has no such parameter.
    pub fn set(&mut self, name: &str, x: f64) {
        let (row, mut slots) = self.parts();
        let at = row.parameters.iter().position(|parameter| parameter.name == name);
        match &mut slots[at.unwrap_or_else(|| panic!("{} has no parameter {name}", row.name))] {
            Slot::Number(place) => **place = x,
            Slot::Optional(place) => **place = Some(x),
            Slot::Absent => unreachable!("{} lists a parameter that it does not hold", row.name),
        }
    }

    /// The straight pieces that it is made of; `None` for a curve.
    pub fn pieces(self) -> Option<Pieces> {
        match self.row().phi {
            Phi::Pieces(of) => Some(of(self.numbers())),
            Phi::Curve(_) => None,
        }
    }

    /// The general form of the ReLU family; `None` for every other activation.
    pub fn relu_form(self) -> Option<ReluForm> {
        self.pieces().and_then(Pieces::relu_form)
    }

    /// Computes φ(z), the activation of the pre-activation `z`.
    pub fn value(self, z: f64) -> f64 {
        match &self.row().phi {
            Phi::Pieces(of) => of(self.numbers()).value(z),
            Phi::Curve(curve) => (curve.value)(z, self.numbers()),
        }
    }

    /// Computes φ′(z). At a kink it is the slope of the side where z ≤ 0, and 0 at the ceiling, as in PyTorch.
    pub fn derivative(self, z: f64) -> f64 {
        match &self.row().phi {
            Phi::Pieces(of) => of(self.numbers()).slope(z),
            Phi::Curve(curve) => (curve.slope)(z, self.numbers()),
        }
    }

    /// Pre-activations at which φ or its slope is not smooth, ascending. Integrals are cut there.
    pub fn kinks(self) -> Vec<f64> {
        match &self.row().phi {
            Phi::Pieces(of) => of(self.numbers()).kinks(),
            Phi::Curve(curve) => curve.kinks.to_vec(),
        }
    }

    /// The largest std that outputs can have, whatever the inputs: half of the range of a bounded φ (Popoviciu's inequality),
    /// and that only with half of them at each end; infinite otherwise.
    pub fn largest_std(self) -> f64 {
        0.5 * match &self.row().phi {
            Phi::Pieces(of) => of(self.numbers()).span(),
            Phi::Curve(curve) => curve.span,
        }
    }

    /// True if φ′ can be computed from the output h = φ(z) alone, so that h may overwrite z in memory.
    pub fn slope_from_output(self) -> bool {
        (self.row().slope_from_output)(self.numbers())
    }

    /// The usual gain of the weights before φ, if it is published or has a closed form.
    pub(crate) fn known_gain(self) -> Option<f64> {
        self.row().gain.map(|gain| gain(self.numbers()))
    }

    /// The gain that the documentation of `torch.nn.init.calculate_gain` lists; none where it does not list this activation.
    pub(crate) fn torch_gain(self) -> Option<f64> {
        self.known_gain().filter(|_| self.row().in_torch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Activation> {
        let mut all = Activation::ALL.to_vec();
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
            let points = (-4000..=4000).map(|i| 0.25 * f64::from(i)).chain([-1e14, 1e14]);
            let values: Vec<f64> = points.map(|z| phi.value(z)).collect();
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

    /// A variant that stands in no list would be a name that nobody can write.
    #[test]
    fn every_variant_is_in_the_list_under_the_name_that_is_written() {
        let refused = serde_json::from_str::<Activation>(r#"{"kind": "none of them"}"#).unwrap_err().to_string();
        let names: Vec<_> = Activation::ALL.iter().map(|phi| format!("`{}`", phi.name())).collect();
        assert!(refused.contains(&names.join(", ")), "{refused}");
        for phi in Activation::ALL {
            let written = serde_json::to_value(phi).unwrap();
            assert_eq!(written["kind"], phi.name());
            for (parameter, value) in phi.parameters() {
                assert_eq!(written.get(parameter.name).and_then(|x| x.as_f64()), value, "{phi}");
                assert!(value.is_none_or(|x| parameter.range.holds(x)), "{phi}");
            }
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
