//! A row of the table holds all that is known of one activation.

use crate::activation::pieces::Pieces;

/// The values of an activation's parameters, in the order of its row; infinite where there is none.
pub type Numbers = [f64; 3];

/// All that is known of an activation.
pub struct Row {
    /// Its name in configs and records.
    pub name: &'static str,
    /// Says in a line what it is.
    pub help: &'static str,
    /// Its parameters, in the order of the variant's fields.
    pub parameters: &'static [Parameter],
    /// φ and φ′.
    pub phi: Phi,
    /// True if φ′ can be read off h = φ(z), so that h may overwrite z.
    pub slope_from_output: fn(Numbers) -> bool,
    /// The usual gain of the weights before it, if it is published or has a closed form; else it is integrated.
    pub gain: Option<fn(Numbers) -> f64>,
    /// True if the documentation of `torch.nn.init.calculate_gain` lists that gain.
    pub in_torch: bool,
}

/// φ and φ′ in scalar `f64`.
pub enum Phi {
    /// Straight pieces.
    Pieces(fn(Numbers) -> Pieces),
    /// Any other function.
    Curve(Curve),
}

/// A φ that is not made of straight pieces.
pub struct Curve {
    /// φ(z).
    pub value: fn(f64, Numbers) -> f64,
    /// φ′(z).
    pub slope: fn(f64, Numbers) -> f64,
    /// Where φ or a derivative jumps, ascending: integrals are cut there.
    pub kinks: &'static [f64],
    /// The largest output less the smallest; infinite for most.
    pub span: f64,
}

/// A parameter of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in configs and records.
    pub name: &'static str,
    /// The values that it may have.
    pub range: Range,
    /// Says in a line what it is.
    pub help: &'static str,
}

/// The values that a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Any finite number.
    Finite,
    /// A finite number above 0.
    Positive,
}

impl Range {
    /// True if `x` lies in the range.
    pub fn holds(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Self::Finite => true,
                Self::Positive => x > 0.0,
            }
    }

    /// Describes the range in the words of an error message.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Finite => "a finite number",
            Self::Positive => "a finite number above 0",
        }
    }
}
