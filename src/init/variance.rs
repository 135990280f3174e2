//! The standard deviation that a rule promises, known before anything is drawn.

use crate::activation::Activation;
use crate::init::error::InitError;
use crate::init::fans::{FanMode, fans};
use crate::init::rule::WeightInit;

impl WeightInit {
    /// The standard deviation of an entry that the rule promises for a weight of `shape`, zeros of a mask or around
    /// a centre included; `None` for the identity, whose entries are not around zero at random.
    ///
    /// # Errors
    /// What [`WeightInit::sample`] would refuse.
    pub fn std(self, shape: &[usize], activation: Activation) -> Result<Option<f64>, InitError> {
        self.check(shape, activation)?;
        let fan = |mode| Ok(fans(shape)?.of(mode));
        let std = match self {
            Self::Zeros | Self::Constant { .. } => 0.0,
            Self::Normal { std } | Self::TruncatedNormal { std } => std,
            Self::Uniform { bound } => bound / 3f64.sqrt(),
            Self::LecunNormal | Self::LecunUniform | Self::LessonSimple => fan(FanMode::FanIn)?.sqrt().recip(),
            Self::XavierNormal { gain } | Self::XavierUniform { gain } => {
                gain.value(activation) / fan(FanMode::FanAvg)?.sqrt()
            }
            Self::KaimingNormal { mode, gain } | Self::KaimingUniform { mode, gain } => {
                gain.value(activation) / fan(mode)?.sqrt()
            }
            Self::Orthogonal { gain } => {
                // The orthonormal vectors have the longer side's length and one unit of squares each.
                let longer = fan(FanMode::FanIn)?.max(shape[0] as f64);
                gain.value(activation) / longer.sqrt()
            }
            Self::DeltaOrthogonal { gain } => gain.value(activation) / fan(FanMode::FanOut)?.sqrt(),
            Self::Sparse { sparsity, std } => {
                std * (1.0 - zeros_per_column(sparsity, shape[0]) as f64 / shape[0] as f64).sqrt()
            }
            Self::Identity { .. } => return Ok(None),
            Self::LessonRaw => 1.0,
        };
        Ok(Some(std))
    }
}

/// How many of a column's `rows` entries [`WeightInit::Sparse`] sets to zero.
pub(crate) fn zeros_per_column(sparsity: f64, rows: usize) -> usize {
    (sparsity * rows as f64).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::gain::Gain;

    #[test]
    fn the_promised_std_is_that_of_the_formula() {
        let (gain, mode) = (Gain::Activation, FanMode::FanOut);
        let cases = [
            (WeightInit::LecunUniform, vec![10, 25], 0.2),
            (WeightInit::XavierNormal { gain: Gain::Given(1.0) }, vec![30, 20], 0.2),
            (WeightInit::KaimingNormal { mode, gain }, vec![8, 3, 5, 5], 0.1),
            (WeightInit::KaimingUniform { mode: FanMode::FanAvg, gain }, vec![30, 20], 0.08f64.sqrt()),
            (WeightInit::Orthogonal { gain: Gain::Given(1.0) }, vec![4, 4, 5, 5], 0.1),
            (WeightInit::DeltaOrthogonal { gain: Gain::Given(1.0) }, vec![4, 2, 5, 5], 0.1),
            (WeightInit::Sparse { sparsity: 0.7, std: 1.0 }, vec![4, 9], 0.5),
            (WeightInit::Uniform { bound: 3f64.sqrt() }, vec![4], 1.0),
        ];
        for (rule, shape, expected) in cases {
            let found = rule.std(&shape, Activation::Relu).unwrap().unwrap();
            assert!((found - expected).abs() < 1e-15, "{rule:?}: {found}");
        }
    }
}
