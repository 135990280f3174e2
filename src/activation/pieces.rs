//! Activations of straight pieces: the identity and the ReLU family.

/// The straight pieces of an activation, in the simplest form that has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pieces {
    /// φ(z) = z.
    Line,
    /// φ(z) = max(z, 0).
    Rectified,
    /// z above 0, `leak`·z below.
    Leaky {
        /// Slope of the negative side.
        leak: f64,
    },
    /// The general form.
    Bent(ReluForm),
}

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

/// √(2/(1+a²)) for a leaky ReLU of slope a (He et al. 2015, eq. 15).
pub fn kaiming_gain(leak: f64) -> f64 {
    (2.0 / (1.0 + leak * leak)).sqrt()
}

impl Pieces {
    /// The general form of the ReLU family; `None` for the identity.
    pub fn relu_form(self) -> Option<ReluForm> {
        let leaky = |leak| Some(ReluForm { leak, shift: 0.0, max: f64::INFINITY });
        match self {
            Self::Line => None,
            Self::Rectified => leaky(0.0),
            Self::Leaky { leak } => leaky(leak),
            Self::Bent(form) => Some(form),
        }
    }

    /// φ(z).
    pub fn value(self, z: f64) -> f64 {
        let Some(ReluForm { leak, shift, max }) = self.relu_form() else { return z };
        let h = (if z > 0.0 { z } else { leak * z }) - shift;
        // NaN passes a ceiling, which `min` would put in its place.
        if h > max { max } else { h }
    }

    /// φ′(z), with PyTorch's choice at a kink: the slope of the side where z ≤ 0, and 0 at the ceiling.
    pub fn slope(self, z: f64) -> f64 {
        let Some(ReluForm { leak, shift, max }) = self.relu_form() else { return 1.0 };
        let (value, slope) = if z > 0.0 { (z, 1.0) } else { (leak * z, leak) };
        if value - shift > max { 0.0 } else { slope }
    }

    /// Where two pieces meet, ascending.
    pub fn kinks(self) -> Vec<f64> {
        let Some(form) = self.relu_form() else { return Vec::new() };
        let ceiling = form.max + form.shift;
        let mut kinks = vec![0.0];
        kinks.extend([ceiling].into_iter().filter(|u| u.is_finite() && *u > 0.0));
        kinks.extend([ceiling / form.leak].into_iter().filter(|u| u.is_finite() && *u < 0.0));
        kinks.sort_by(f64::total_cmp);
        kinks
    }

    /// The largest output less the smallest; infinite where there is no ceiling or no floor.
    pub fn span(self) -> f64 {
        match self.relu_form() {
            Some(ReluForm { leak, shift, max }) if leak <= 0.0 => (max + shift).max(0.0),
            Some(_) | None => f64::INFINITY,
        }
    }

    /// (leak, shift) if there is no ceiling; the identity has leak 1.
    pub fn straight(self) -> Option<(f64, f64)> {
        match self.relu_form() {
            None => Some((1.0, 0.0)),
            Some(form) => (form.max == f64::INFINITY).then_some((form.leak, form.shift)),
        }
    }
}
