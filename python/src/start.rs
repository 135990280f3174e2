//! `initlab.init_`: the start of a PyTorch module's parameters, through the same rooms as that of a candle model.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{Init, VarMap};
use initlab::start::{LayerRule, Table};
use initlab::{BiasInit, InitRule, Preset, Start, WeightInit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::arrays::array;
use crate::errors::{Failure, guarded};
use crate::values;

/// A parameter of a module.
#[derive(Clone, FromPyObject)]
pub struct Parameter {
    /// Its full name.
    name: String,
    /// Its shape.
    shape: Vec<usize>,
    /// Its purpose: `weight`, `transposed`, `bias`, `table` or `other`.
    purpose: String,
    /// Groups of channels of a convolution.
    groups: usize,
    /// Half the width of the uniform distribution that PyTorch itself draws it from, where it does.
    bound: Option<f64>,
    /// True if its values have 64 bits.
    is_wide: bool,
    /// Its present values.
    values: Vec<u8>,
}

/// A row of the table: name, shape, fan_in, rule, std that was asked for and that was drawn.
type Row = (String, Vec<usize>, Option<usize>, String, Option<f64>, f64);

/// The parameters that have new values, rows, the table as text, and its warnings.
type Drawn<'py> = (Bound<'py, PyDict>, Vec<Row>, String, Vec<String>);

/// Draws the parameters anew.
///
/// # Errors
/// A rule or an activation is unknown, a pattern covers nothing, a parameter cannot be filled. Then nothing was changed.
#[pyfunction]
#[pyo3(signature = (settings, seed, first, last, depth, activations, rules, parameters))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments, one for one")]
pub fn start<'py>(
    py: Python<'py>,
    settings: Option<&Bound<'py, PyAny>>,
    seed: u64,
    first: Option<&str>,
    last: Option<&str>,
    depth: Option<usize>,
    activations: Vec<(String, Bound<'py, PyAny>)>,
    rules: Vec<(String, Bound<'py, PyAny>)>,
    parameters: Vec<Parameter>,
) -> PyResult<Drawn<'py>> {
    let mut start = match settings {
        None => Start::hints(),
        Some(settings) => {
            let text =
                toml::to_string(&values::toml(settings, "")?).map_err(|error| Failure::usage(error.to_string()))?;
            Start::from_toml(&text).map_err(Failure::from)?
        }
    };
    start = start.seed(seed);
    for parameter in &parameters {
        start = parameter.described(start);
    }
    start = first.into_iter().fold(start, |start, pattern| start.first(pattern));
    start = last.into_iter().fold(start, |start, pattern| start.last(pattern));
    start = depth.into_iter().fold(start, |start, depth| start.depth(depth));
    for (pattern, activation) in activations {
        start = start.activation_of(&pattern, values::activation(&activation)?);
    }
    for (pattern, rule) in rules {
        start = start.rule(&pattern, read_rule(&rule)?);
    }
    let (varmap, table) = py.detach(|| guarded(|| drawn(&start, &parameters)))?;
    let found = PyDict::new(py);
    for row in table.rows.iter().filter(|row| row.rule != "stays") {
        let vars = varmap.data().lock().expect("no thread panicked over the VarMap");
        let tensor = vars[&row.name].as_tensor().flatten_all().map_err(of_candle)?;
        let values = match tensor.dtype() {
            DType::F64 => array(py, &tensor.to_vec1::<f64>().map_err(of_candle)?, &row.shape)?,
            _ => array(py, &tensor.to_vec1::<f32>().map_err(of_candle)?, &row.shape)?,
        };
        found.set_item(&row.name, values)?;
    }
    let text = table.to_string();
    let row =
        |row: initlab::start::TableRow| (row.name, row.shape, row.fan_in, row.rule, row.std_wanted, row.std_drawn);
    Ok((found, table.rows.into_iter().map(row).collect(), text, table.warnings))
}

fn of_candle(error: candle_core::Error) -> Failure {
    Failure::usage(error.to_string().lines().next().unwrap_or_default())
}

/// A rule for what a pattern covers: `keep`, a preset, a rule for weights or for biases, or a dict with one of each.
fn read_rule(rule: &Bound<'_, PyAny>) -> Result<LayerRule, Failure> {
    if let Ok(name) = rule.extract::<String>() {
        if name == "keep" {
            return Ok(LayerRule::Keep);
        }
        if WeightInit::from_name(&name).is_none()
            && let Some(preset) = Preset::from_name(&name)
        {
            return Ok(preset.rule().into());
        }
    }
    if let Ok(table) = rule.cast::<PyMapping>()
        && !table.contains("kind")?
        && let (Ok(weight), Ok(bias)) = (table.get_item("weight"), table.get_item("bias"))
    {
        return Ok(InitRule { weight: values::weight(&weight)?, bias: values::bias(&bias)? }.into());
    }
    let is_bias = |name: &str| BiasInit::from_name(name).is_some() && WeightInit::from_name(name).is_none();
    if values::kind(rule).is_some_and(|name| is_bias(&name)) {
        return Ok(values::bias(rule)?.into());
    }
    Ok(values::weight(rule)?.into())
}

/// A VarMap with the module's parameters after the start, and the table of it.
fn drawn(start: &Start, parameters: &[Parameter]) -> Result<(VarMap, Table), Failure> {
    let varmap = VarMap::new();
    for parameter in parameters {
        let var = Var::from_tensor(&parameter.tensor().map_err(of_candle)?).map_err(of_candle)?;
        varmap.data().lock().expect("no thread panicked over the VarMap").insert(parameter.name.clone(), var);
    }
    for parameter in parameters {
        if let Some(hint) = parameter.hint() {
            // What is asked for through the builder is known by its module's own distribution.
            let builder = start.var_builder(&varmap, parameter.dtype(), &Device::Cpu);
            builder.get_with_hints(parameter.shape.clone(), &parameter.name, hint).map_err(of_candle)?;
        }
    }
    start.apply(&varmap)?;
    let table = start.table(&varmap)?;
    Ok((varmap, table))
}

impl Parameter {
    fn dtype(&self) -> DType {
        if self.is_wide { DType::F64 } else { DType::F32 }
    }

    /// Its present values.
    fn tensor(&self) -> candle_core::Result<Tensor> {
        Tensor::from_raw_buffer(&self.values, self.dtype(), &self.shape, &Device::Cpu)
    }

    /// Tells the start what no name and no shape can tell.
    fn described(&self, start: Start) -> Start {
        let name = escaped(&self.name);
        let start = if self.groups > 1 { start.groups(&name, self.groups) } else { start };
        match self.purpose.as_str() {
            "transposed" => start.transposed(&name),
            "other" => start.keep(&name),
            _ => start,
        }
    }

    /// The distribution that PyTorch's own modules draw it from.
    fn hint(&self) -> Option<Init> {
        let uniform = |bound: f64| Init::Uniform { lo: -bound, up: bound };
        match (self.purpose.as_str(), self.bound) {
            ("table", _) => Some(Init::Randn { mean: 0.0, stdev: 1.0 }),
            ("transposed" | "bias", bound) => bound.map(uniform),
            ("weight", Some(bound)) => Some(uniform(bound)),
            // Uniform on ±1/√fan_in, said so that no transposed convolution is meant.
            ("weight", None) => Some(Init::Kaiming {
                dist: NormalOrUniform::Uniform,
                fan: FanInOut::FanIn,
                non_linearity: NonLinearity::ExplicitGain(1.0 / 3f64.sqrt()),
            }),
            _ => None,
        }
    }
}

/// The glob that covers this name alone.
fn escaped(name: &str) -> String {
    name.chars().map(|c| if "*?[]".contains(c) { format!("[{c}]") } else { c.to_string() }).collect()
}
