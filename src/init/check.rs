//! Which rules can fill which shapes.

use crate::activation::Activation;
use crate::init::error::InitError;
use crate::init::fans::fans;
use crate::init::rule::WeightInit;
use crate::init::variance::zeros_per_column;

/// Most entries of one parameter.
const MAX_ENTRIES: usize = 1 << 31;

impl WeightInit {
    /// Whether the rule's numbers are in range and it can fill `shape`.
    pub(crate) fn check(self, shape: &[usize], activation: Activation) -> Result<(), InitError> {
        let entries = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        if !entries.is_some_and(|n| (1..=MAX_ENTRIES).contains(&n)) {
            return Err(self.refusal(shape, format!("expected from 1 to {MAX_ENTRIES} entries")));
        }
        let size = |name, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(self.refusal(shape, format!("{name} is {value}; expected a finite number of at least 0"))),
        };
        match self {
            Self::Constant { value } if !value.is_finite() => {
                Err(self.refusal(shape, format!("value is {value}; expected a finite number")))
            }
            Self::Zeros | Self::Constant { .. } | Self::LessonRaw => Ok(()),
            Self::Normal { std } | Self::TruncatedNormal { std } => size("std", std),
            Self::Uniform { bound } => size("bound", bound),
            Self::LecunNormal | Self::LecunUniform | Self::LessonSimple => fans(shape).map(drop),
            Self::XavierNormal { gain }
            | Self::XavierUniform { gain }
            | Self::KaimingNormal { gain, .. }
            | Self::KaimingUniform { gain, .. }
            | Self::Orthogonal { gain }
            | Self::Identity { gain } => fans(shape).and(size("gain", gain.value(activation))),
            Self::DeltaOrthogonal { gain } => {
                fans(shape).and(size("gain", gain.value(activation)))?;
                self.check_delta(shape)
            }
            Self::Sparse { sparsity, .. } if !(0.0..=1.0).contains(&sparsity) => {
                Err(self.refusal(shape, format!("sparsity is {sparsity}; expected a fraction from 0 to 1")))
            }
            Self::Sparse { sparsity, std } => {
                fans(shape).and(size("std", std))?;
                self.check_sparse(shape, sparsity)
            }
        }
    }

    /// Zeros are counted per column and rounded up, so with few outputs a sparsity below 1 can leave nothing.
    fn check_sparse(self, shape: &[usize], sparsity: f64) -> Result<(), InitError> {
        let rows = shape[0];
        if zeros_per_column(sparsity, rows) < rows {
            return Ok(());
        }
        let outputs = if rows == 1 { "1 output".to_string() } else { format!("{rows} outputs") };
        let most = (rows - 1) as f64 / rows as f64;
        Err(self.refusal(
            shape,
            format!(
                "sparsity {sparsity} sets every weight to 0 (of each input's weights to {outputs}, rounded up); \
                 expected at most {most}, or the rule zeros"
            ),
        ))
    }

    fn check_delta(self, shape: &[usize]) -> Result<(), InitError> {
        let (outputs, inputs, window) = (shape[0], shape[1], &shape[2..]);
        if window.is_empty() {
            return Err(self.refusal(shape, "a linear weight has no window; expected a convolution's".into()));
        }
        if let Some(even) = window.iter().find(|&size| size % 2 == 0) {
            return Err(self.refusal(shape, format!("a window of {even} has no centre; expected odd sizes")));
        }
        if outputs < inputs {
            let reason = format!("{outputs} outputs for {inputs} inputs; expected at least as many outputs as inputs");
            return Err(self.refusal(shape, reason));
        }
        Ok(())
    }

    /// The error that this rule cannot fill `shape`.
    pub(crate) fn refusal(self, shape: &[usize], reason: String) -> InitError {
        InitError::Rule { rule: self.name(), shape: shape.to_vec(), reason }
    }
}
