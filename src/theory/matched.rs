//! The gain, and for the ReLU family the shift, that keep the moments of every layer at once.
//!
//! For the ReLU family inputs of second moment 1 give activations of mean 0 and std 1 exactly, layer after layer: lesson
//! 8's wish. Any other activation has no shift to move its mean, and its gain 1/rms keeps the pre-activation's second
//! moment at 1.

use crate::activation::{Activation, ReluForm};
use crate::theory::error::TheoryError;
use crate::theory::gains::gains;
use crate::theory::moments::moments;
use crate::theory::regimes::ShiftedLeakyRelu;
use crate::theory::root::bisect;

/// An activation with the gain of the weights before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matched {
    /// The activation, with its shift moved.
    pub activation: Activation,
    /// g = σ_w of every layer whose input is an activation.
    pub gain: f64,
    /// g of the first layer, whose input has second moment 1 and no activation behind it.
    pub first_gain: f64,
}

/// Matches the moments of `phi`.
///
/// # Errors
/// The activation has a shift already, is constant, or has a ceiling so low that std 1 is out of reach.
pub fn moment_matched(phi: Activation) -> Result<Matched, TheoryError> {
    let none = || TheoryError::NotMatched { activation: phi.to_string() };
    let Some(form) = phi.relu_form() else {
        let gain = gains(phi).rms.ok_or_else(none)?;
        return Ok(Matched { activation: phi, gain, first_gain: 1.0 });
    };
    if form.shift != 0.0 {
        return Err(TheoryError::ShiftGiven { activation: phi.to_string() });
    }
    let (shift, gain) = if form.max == f64::INFINITY {
        let centred = ShiftedLeakyRelu::centred(form.leak);
        (centred.scaled_shift(), centred.gain)
    } else {
        under_ceiling(form).ok_or_else(none)?
    };
    let max = Some(form.max).filter(|max| max.is_finite());
    Ok(Matched { activation: Activation::GeneralRelu { leak: form.leak, shift, max }, gain, first_gain: gain })
}

/// (shift, gain) with mean 0 and std 1 for h = min(leaky(z) − shift, max), z ~ N(0, gain²).
fn under_ceiling(form: ReluForm) -> Option<(f64, f64)> {
    // Without leak a ceiling M leaves no more than half of the units at M and half at −M: std M, as the gain grows.
    const LARGEST_GAIN: f64 = 1e3;
    let unit = |shift| Activation::GeneralRelu { leak: form.leak, shift, max: Some(form.max) };
    let shift_at = |gain: f64| {
        // The mean falls with the shift, from the ceiling where nearly every unit is at it to below 0.
        let spread = gain * (1.0 + form.leak.abs());
        bisect(-form.max - 12.0 * spread, spread, |shift| -moments(unit(shift), gain * gain).mean)
    };
    let excess = |gain: f64| moments(unit(shift_at(gain)), gain * gain).mean_square - 1.0;
    if !(form.max > 0.0 && excess(LARGEST_GAIN) > 0.0) {
        return None;
    }
    let gain = bisect(1e-3f64.ln(), LARGEST_GAIN.ln(), |log_gain| excess(log_gain.exp())).exp();
    Some((shift_at(gain), gain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_the_relu_family_gets_mean_0_and_std_1_from_inputs_of_length_1() {
        for text in [
            "relu",
            "leaky_relu:leak=0.1",
            "leaky_relu:leak=0.9",
            "general_relu",
            "general_relu:leak=-0.3",
            "general_relu:max=6",
            "general_relu:max=2",
            "general_relu:leak=0.1,max=1.5",
            "general_relu:leak=1.4,max=3",
        ] {
            let matched = moment_matched(Activation::parse(text).unwrap()).unwrap();
            let m = moments(matched.activation, matched.gain * matched.gain);
            assert!(m.mean.abs() < 1e-12 && (m.std() - 1.0).abs() < 1e-11, "{text}: {matched:?} {m:?}");
            assert_eq!(matched.first_gain, matched.gain);
        }
        let relu = moment_matched(Activation::Relu).unwrap();
        let Activation::GeneralRelu { shift, .. } = relu.activation else { panic!("{relu:?}") };
        assert!((shift - 0.683331696).abs() < 1e-9 && (relu.gain - 1.712858550).abs() < 1e-9, "{relu:?}");
    }

    #[test]
    fn other_activations_keep_the_pre_activations_length() {
        for phi in Activation::ALL.into_iter().filter(|phi| phi.relu_form().is_none()) {
            let matched = moment_matched(phi).unwrap();
            let next = matched.gain.powi(2) * moments(phi, 1.0).mean_square;
            assert!((next - 1.0).abs() < 1e-12 && matched.first_gain == 1.0 && matched.activation == phi, "{phi}");
        }
    }

    #[test]
    fn a_ceiling_that_is_too_low_and_a_shift_of_ones_own_are_refused() {
        for (text, part) in [
            ("general_relu:max=0.9", "no gain and shift give"),
            ("general_relu:max=0", "no gain and shift give"),
            ("general_relu:max=-1", "no gain and shift give"),
            ("shifted_relu", "has a shift of its own"),
        ] {
            let refused = moment_matched(Activation::parse(text).unwrap()).unwrap_err().to_string();
            assert!(refused.contains(part), "{text}: {refused}");
        }
    }
}
