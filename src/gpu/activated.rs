//! A layer's activation may differ from run to run of a cohort; here is what it is and what it gives.

use candle_core::{DType, Device, Result, Tensor};

use crate::activation::{Activation, ReluForm};

/// The activation of one layer in all runs. Runs of the ReLU family may differ in leak, shift and ceiling.
pub enum Phi {
    /// A ReLU with a number for each run.
    Relu(Relu),
    /// One function for every run.
    Same(Activation),
}

/// The ReLU family with numbers of shape `[run, 1, 1]`; what no run has is absent and costs nothing.
pub struct Relu {
    pub(super) zero: Tensor,
    pub(super) leak: Option<Tensor>,
    /// The smallest finite number, where some runs leak and others do not.
    pub(super) floor: Option<Tensor>,
    pub(super) shift: Option<Tensor>,
    pub(super) max: Option<Tensor>,
    /// Leak, shift and ceiling of each run, `[run, 3]`.
    #[cfg(feature = "cuda")]
    pub(super) numbers: Tensor,
}

/// φ(z), and where a ReLU let nothing or less through.
pub struct Activated {
    /// φ(z).
    pub h: Tensor,
    pub(super) below: Option<Tensor>,
    pub(super) above: Option<Tensor>,
}

impl Activated {
    /// φ(z) alone, where the way back looks at z.
    pub(super) fn of(h: Tensor) -> Self {
        Self { h, below: None, above: None }
    }
}

impl Phi {
    /// True if runs with these two activations can share a cohort.
    pub fn compatible(a: Activation, b: Activation) -> bool {
        a == b || (a.relu_form().is_some() && b.relu_form().is_some())
    }

    /// φ for runs with these activations, which must be [`Phi::compatible`].
    ///
    /// # Errors
    /// The device refuses memory.
    pub fn new(activations: &[Activation], dtype: DType, device: &Device) -> Result<Self> {
        let forms: Option<Vec<ReluForm>> = activations.iter().map(|a| a.relu_form()).collect();
        let Some(forms) = forms else { return Ok(Self::Same(activations[0])) };
        let numbers = |of: fn(&ReluForm) -> f64, absent: f64| -> Result<Option<Tensor>> {
            let values: Vec<f64> = forms.iter().map(of).collect();
            if values.iter().all(|&x| x == absent) {
                return Ok(None);
            }
            Ok(Some(Tensor::from_vec(values, (forms.len(), 1, 1), device)?.to_dtype(dtype)?))
        };
        let mixed = forms.iter().any(|form| form.leak == 0.0) && forms.iter().any(|form| form.leak != 0.0);
        let zero = Tensor::zeros((1, 1, 1), dtype, device)?;
        #[cfg(feature = "cuda")]
        let of_runs: Vec<f64> = forms.iter().flat_map(|form| [form.leak, form.shift, form.max]).collect();
        Ok(Self::Relu(Relu {
            floor: if mixed { Some(zero.affine(1.0, f64::from(f32::MIN))?) } else { None },
            zero,
            leak: numbers(|form| form.leak, 0.0)?,
            shift: numbers(|form| form.shift, 0.0)?,
            max: numbers(|form| form.max, f64::INFINITY)?,
            #[cfg(feature = "cuda")]
            numbers: Tensor::from_vec(of_runs, (forms.len(), 3), device)?.to_dtype(dtype)?,
        }))
    }
}
