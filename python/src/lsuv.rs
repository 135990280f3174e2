//! `initlab.lsuv_`: a layer of a PyTorch module brought to unit variance, by the loop that every other LSUV goes through.

use initlab::model::lsuv::{Goal, to_unit_std};
use pyo3::prelude::*;

use crate::errors::Failure;

/// Divides a layer's weight by its outputs' std until that is 1; gives their mean. `measure` gives mean and std, `divide` takes what the
/// weight is divided by.
///
/// # Errors
/// The std is none, or does not come to 1; what `measure` or `divide` raises.
#[pyfunction]
pub fn lsuv_layer(
    layer: &str,
    images: usize,
    tolerance: f64,
    max_iterations: usize,
    measure: &Bound<'_, PyAny>,
    divide: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let goal = Goal { layer, images, tolerance, max_iterations };
    // Python may raise in the middle, which the loop sees as a std that is no number.
    let raised = std::cell::RefCell::new(None);
    let measured = |_: &mut ()| {
        let found =
            if raised.borrow().is_some() { None } else { Some(measure.call0().and_then(|found| found.extract())) };
        found
            .and_then(|found| found.map_err(|error| *raised.borrow_mut() = Some(error)).ok())
            .unwrap_or((f64::NAN, f64::NAN))
    };
    let divided = |_: &mut (), std: f64| {
        if let Err(error) = divide.call1((std,)) {
            *raised.borrow_mut() = Some(error);
        }
    };
    let mean = to_unit_std(&mut (), &goal, measured, divided);
    match raised.into_inner() {
        Some(error) => Err(error),
        None => Ok(mean.map_err(|error| Failure::Of("Error", error.to_string()))?),
    }
}
