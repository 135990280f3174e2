//! From an assigned rule to numbers, which follow from (seed, name) and the rule alone.

use candle_core::{DType, Device, Tensor};

use crate::init::{BiasInit, InitError};
use crate::start::assign::{Assigned, Parameter, Purpose, purpose, weight_of};
use crate::start::error::StartError;
use crate::start::settings::Settings;

/// How a parameter starts, and what is to be said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    pub assigned: Assigned,
    /// fan_in of its layer, if it has one.
    pub fan_in: Option<usize>,
    /// The standard deviation that is asked for, up to chance.
    pub std: Option<f64>,
}

impl Settings {
    /// How `parameter` starts; `shape_of` gives the shape of another parameter of the model.
    pub(super) fn describe(
        &self,
        parameter: &Parameter<'_>,
        shape_of: impl Fn(&str) -> Option<Vec<usize>>,
    ) -> Result<Described, StartError> {
        let name = parameter.name;
        let purpose = purpose(parameter, |other| shape_of(other).map(|shape| shape.len()));
        let assigned = self.assign(parameter, purpose)?;
        let fan_in = match purpose {
            Purpose::Bias => self.fan_of_bias(parameter, &shape_of),
            Purpose::Weight | Purpose::Table | Purpose::Other => None,
        };
        let described = |fan_in, std| Ok(Described { assigned, fan_in, std });
        match assigned {
            Assigned::Weight(rule, geometry) => {
                let group = geometry.of_group(name, parameter.shape)?;
                let std = rule.spread(&group, self.activation_at(name)?).map_err(|cause| named(name, cause))?;
                described(Some(geometry.fans(name, parameter.shape)?.fan_in), Some(std))
            }
            Assigned::Flat(rule) => {
                let activation = self.activation_at(name)?;
                let std = rule.spread(parameter.shape, activation).map_err(|cause| named(name, cause))?;
                described(fan_in, Some(std))
            }
            Assigned::Bias(rule) => described(fan_in, self.std_of_bias(rule, fan_in)),
            Assigned::Hint(hint) => {
                let own = match purpose {
                    Purpose::Weight => {
                        self.own_geometry(parameter).fans(name, parameter.shape).ok().map(|fans| fans.fan_in)
                    }
                    Purpose::Bias | Purpose::Table | Purpose::Other => fan_in,
                };
                described(own, Some(hint.std()))
            }
            Assigned::Stays => described(fan_in, None),
        }
    }

    /// The starting values of `parameter` in `f64`, row-major in its own layout; nothing if it keeps what it has.
    pub(super) fn values(
        &self,
        parameter: &Parameter<'_>,
        described: &Described,
    ) -> Result<Option<Vec<f64>>, StartError> {
        let Parameter { name, shape, .. } = *parameter;
        let seed = self.seed;
        Ok(Some(match described.assigned {
            Assigned::Weight(rule, geometry) => {
                let group = geometry.of_group(name, shape)?;
                let activation = self.activation_at(name)?;
                let draw = |i| rule.sample_f64(seed, &geometry.stream(name, i), &group, activation);
                geometry.join((0..geometry.groups).map(draw).collect::<Result<_, _>>()?, &group)
            }
            Assigned::Flat(rule) => rule.sample_f64(seed, name, shape, self.activation_at(name)?)?,
            Assigned::Bias(rule) => {
                let fan_in = described.fan_in.ok_or(()).or_else(|()| match rule {
                    BiasInit::Zeros | BiasInit::Constant { .. } | BiasInit::Normal { .. } => Ok(1),
                    BiasInit::UniformFanIn | BiasInit::Rai => {
                        let weight = weight_of(name).unwrap_or_else(|| "weight".into());
                        Err(StartError::BiasWithoutFan { name: name.into(), rule: rule.name(), weight })
                    }
                })?;
                rule.sample_f64(seed, name, shape.iter().product(), fan_in)
            }
            Assigned::Hint(hint) => hint.draw(seed, name, shape),
            Assigned::Stays => return Ok(None),
        }))
    }

    /// fan_in of the layer of a bias: that of its weight, else what the hint ±1/√fan_in of candle's linear layer says.
    fn fan_of_bias(&self, bias: &Parameter<'_>, shape_of: impl Fn(&str) -> Option<Vec<usize>>) -> Option<usize> {
        let of_weight = weight_of(bias.name).and_then(|name| {
            let shape = shape_of(&name)?;
            let weight = Parameter { name: &name, shape: &shape, hint: self.hint_of(&name, &shape) };
            self.own_geometry(&weight).fans(&name, &shape).ok()
        });
        let of_hint = || bias.hint?.bound().map(|bound| (bound * bound).recip().round().max(1.0) as usize);
        of_weight.map(|fans| fans.fan_in).or_else(of_hint)
    }

    fn std_of_bias(&self, rule: BiasInit, fan_in: Option<usize>) -> Option<f64> {
        match rule {
            BiasInit::Zeros | BiasInit::Constant { .. } => Some(0.0),
            BiasInit::Normal { std } => Some(std),
            BiasInit::UniformFanIn | BiasInit::Rai => rule.variance(fan_in? as f64).ok().map(f64::sqrt),
        }
    }
}

/// `values` as a tensor of `dtype`: rounded on the host, so that every device holds the same numbers.
pub(super) fn tensor(
    name: &str,
    values: Vec<f64>,
    shape: &[usize],
    dtype: DType,
    device: &Device,
) -> Result<Tensor, StartError> {
    let largest = values.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let wide = Tensor::from_vec(values, shape, &Device::Cpu)?;
    let tensor = wide.to_dtype(dtype)?;
    let rounded = Tensor::new(largest, &Device::Cpu)?.to_dtype(dtype)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    if !rounded.is_finite() {
        return Err(StartError::Range { name: name.into(), value: largest, dtype: dtype.as_str() });
    }
    Ok(tensor.to_device(device)?)
}

fn named(name: &str, cause: InitError) -> StartError {
    InitError::Parameter { name: name.into(), cause: Box::new(cause) }.into()
}
