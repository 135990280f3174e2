//! Draws the parameters of a model that stands anew.

use candle_core::Var;

use crate::start::assign::Parameter;
use crate::start::draw::tensor;
use crate::start::error::StartError;
use crate::start::settings::Settings;
use crate::start::snapshot;

/// Draws all, then sets all: an error changes nothing.
pub(super) fn apply(settings: &Settings, vars: &[(String, Var)]) -> Result<(), StartError> {
    let names = || vars.iter().map(|(name, _)| name.as_str());
    settings.patterns().try_for_each(|(place, pattern)| pattern.check_used(place, names()))?;
    let mut drawn = Vec::with_capacity(vars.len());
    for (name, var) in vars {
        let shape = var.dims();
        let parameter = Parameter { name, shape, hint: settings.hint_of(name, shape) };
        let described = settings.describe(&parameter, |other| snapshot::shape_of(vars, other))?;
        if let Some(values) = settings.values(&parameter, &described)? {
            drawn.push((var, tensor(name, values, shape, var.dtype(), var.device())?));
        }
    }
    drawn.iter().try_for_each(|(var, tensor)| Ok(var.set(tensor)?))
}
