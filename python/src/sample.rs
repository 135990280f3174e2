//! `initlab.sample`: a parameter's starting values, from (seed, name) and the rule alone.

use initlab::BiasInit;
use pyo3::prelude::*;

use crate::arrays::array;
use crate::errors::{Failure, guarded};
use crate::values;

/// Draws the weight or the bias `name`.
///
/// # Errors
/// The rule is unknown, or cannot fill the shape.
#[pyfunction]
#[pyo3(signature = (rule, name, shape, seed, activation, fan_in=None))]
pub fn sample<'py>(
    py: Python<'py>,
    rule: &Bound<'py, PyAny>,
    name: &str,
    shape: Vec<usize>,
    seed: u64,
    activation: &Bound<'py, PyAny>,
    fan_in: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let activation = values::activation(activation)?;
    let values = if let Some(bias) = only_of_biases(rule, fan_in)? {
        let len: usize = match shape[..] {
            [len] => len,
            _ => return Err(Failure::usage(format!("{name}: a bias has one size, found {shape:?}")).into()),
        };
        let needs = matches!(bias, BiasInit::UniformFanIn | BiasInit::Rai);
        let Some(fan_in) = fan_in.or((!needs).then_some(1)) else {
            let message = format!("{name}: the rule {} depends on its layer's fan_in: give fan_in=", bias.name());
            return Err(Failure::usage(message).into());
        };
        py.detach(|| guarded(|| Ok(bias.sample(seed, name, len, fan_in))))?
    } else {
        let rule = values::weight(rule)?;
        let draw = || rule.sample(seed, name, &shape, activation).map_err(|error| Failure::usage(error.to_string()));
        py.detach(|| guarded(draw))?
    };
    array(py, &values, &shape)
}

/// The rule, if it is one for biases: by its name alone where weights have none of this name, or because a fan_in is given.
fn only_of_biases(rule: &Bound<'_, PyAny>, fan_in: Option<usize>) -> Result<Option<BiasInit>, Failure> {
    let Some(kind) = values::kind(rule) else { return Ok(None) };
    let both = initlab::WeightInit::from_name(&kind).is_some();
    if BiasInit::from_name(&kind).is_none() || (both && fan_in.is_none()) {
        return Ok(None);
    }
    values::bias(rule).map(Some)
}
