//! From a rule, a name and a shape to numbers: what is refused, what std is promised, and the values.

use crate::activation::Activation;
use crate::init::error::InitError;
use crate::init::fans::fans;
use crate::init::rule::WeightInit;
use crate::init::scale::Size;

/// Most entries of one parameter.
const MAX_ENTRIES: usize = 1 << 31;

impl WeightInit {
    /// The size of its numbers, if the rule's own are in range and it can fill `shape`.
    fn checked_size(self, shape: &[usize], activation: Activation) -> Result<Size, InitError> {
        let entries = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        if !entries.is_some_and(|n| (1..=MAX_ENTRIES).contains(&n)) {
            return Err(self.refusal(shape, format!("expected from 1 to {MAX_ENTRIES} entries")));
        }
        let (law, scale) = self.law_and_scale();
        let refused = |complaint: Option<String>| complaint.map_or(Ok(()), |reason| Err(self.refusal(shape, reason)));
        refused(law.complaint())?;
        if law.needs_fans() || scale.needs_fans() {
            fans(shape)?;
        }
        refused(scale.complaint(activation))?;
        refused(law.misfit(shape))?;
        scale.size(shape, activation)
    }

    /// The error that this rule cannot fill `shape`.
    fn refusal(self, shape: &[usize], reason: String) -> InitError {
        InitError::Rule { rule: self.name(), shape: shape.to_vec(), reason }
    }

    /// The standard deviation of an entry that the rule promises for a weight of `shape`, zeros of a mask or around
    /// a centre included; `None` for the identity, whose entries are not around zero at random.
    ///
    /// # Errors
    /// What [`WeightInit::sample`] would refuse.
    pub fn std(self, shape: &[usize], activation: Activation) -> Result<Option<f64>, InitError> {
        let size = self.checked_size(shape, activation)?;
        self.law_and_scale().0.std(size.std, shape)
    }

    /// The standard deviation that the entries have around their mean: that of the identity too.
    ///
    /// # Errors
    /// As [`WeightInit::std`].
    pub fn spread(self, shape: &[usize], activation: Activation) -> Result<f64, InitError> {
        let size = self.checked_size(shape, activation)?;
        self.law_and_scale().0.spread(size.std, shape)
    }

    /// The starting values of the weight `name`, row-major in PyTorch's layout (`[out, in]` or `[out, in, height,
    /// width]`): those of [`WeightInit::sample_f64`] rounded to `f32`.
    ///
    /// # Errors
    /// As there, and values beyond the range of `f32`.
    pub fn sample(self, seed: u64, name: &str, shape: &[usize], activation: Activation) -> Result<Vec<f32>, InitError> {
        let values: Vec<f32> = self.sample_f64(seed, name, shape, activation)?.into_iter().map(|x| x as f32).collect();
        if values.iter().all(|x| x.is_finite()) {
            return Ok(values);
        }
        Err(named(name, self.refusal(shape, "its values are too large for f32; expected a smaller std or gain".into())))
    }

    /// The starting values of the weight `name` in `f64`, for a layer with this activation (which sets the gain of some
    /// rules). They depend on the arguments alone, not on other parameters, threads or the machine.
    ///
    /// # Errors
    /// Numbers of the rule out of range, a shape that the rule cannot fill, more than 2³¹ entries.
    pub fn sample_f64(
        self,
        seed: u64,
        name: &str,
        shape: &[usize],
        activation: Activation,
    ) -> Result<Vec<f64>, InitError> {
        let size = self.checked_size(shape, activation).map_err(|cause| named(name, cause))?;
        Ok(self.law_and_scale().0.draw(seed, name, size, shape))
    }
}

fn named(name: &str, cause: InitError) -> InitError {
    InitError::Parameter { name: name.into(), cause: Box::new(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{FanMode, Gain};

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
