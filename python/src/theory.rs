//! `initlab.theory`: what the command `initlab theory` says, as an object.

use initlab::Activation;
use initlab::cli::theory::{TheoryArgs, told};
use pyo3::prelude::*;

use crate::errors::{Failure, guarded};
use crate::values;

/// The command's table as text, and its object as JSON.
///
/// # Errors
/// The activation is unknown, or a number is out of range.
#[pyfunction]
#[pyo3(signature = (activation, variance_w=None, variance_b=None, depth=None, width=None))]
pub fn theory(
    activation: &Bound<'_, PyAny>,
    variance_w: Option<f64>,
    variance_b: Option<f64>,
    depth: Option<u32>,
    width: Option<u32>,
) -> PyResult<(String, String)> {
    let activation: Activation = values::activation(activation)?;
    guarded(|| {
        let args = TheoryArgs::of(activation, variance_w, variance_b, depth, width);
        let args = args.map_err(|error| Failure::usage(error.to_string()))?;
        let (table, object) = told(&args).map_err(|error| Failure::of_command(&error))?;
        Ok((table, object.to_string()))
    })
}
