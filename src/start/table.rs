//! A table of every parameter: what was asked of it beside what it holds.

use std::fmt;

use candle_core::{DType, Tensor, Var};

use crate::numerals::number;
use crate::start::assign::{Assigned, Parameter};
use crate::start::error::StartError;
use crate::start::settings::Settings;
use crate::start::snapshot;

/// A parameter of the table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TableRow {
    /// Full name.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Products that a unit of its layer sums; absent where there is no such layer.
    pub fan_in: Option<usize>,
    /// The rule by its name, the module's hint, or that it keeps what it has.
    pub rule: String,
    /// Standard deviation that the rule asks for; absent where it asks for none.
    pub std_wanted: Option<f64>,
    /// Standard deviation of the values that stand there, N in the denominator.
    pub std_drawn: f64,
}

/// The parameters of a model with what [`Start`](crate::start::Start) asked of them, sorted by name; printed as a table.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// A row for each parameter.
    pub rows: Vec<TableRow>,
    /// Warnings: rules without effect, values that are no numbers.
    pub warnings: Vec<String>,
}

pub(super) fn table(settings: &Settings, vars: &[(String, Var)]) -> Result<Table, StartError> {
    settings.check_patterns()?;
    let names = || vars.iter().map(|(name, _)| name.as_str());
    let mut warnings: Vec<String> = settings
        .patterns()
        .filter_map(|(place, pattern)| pattern.check_used(place, names()).err())
        .map(|e| e.to_string())
        .collect();
    let mut rows = Vec::with_capacity(vars.len());
    for (name, var) in vars {
        let shape = var.dims();
        let parameter = Parameter { name, shape, hint: settings.hint_of(name, shape) };
        let described = settings.describe(&parameter, |other| snapshot::shape_of(vars, other))?;
        let rule = match described.assigned {
            Assigned::Weight(rule, geometry) => match (geometry.transposed, geometry.groups) {
                (false, 1) => rule.name().into(),
                (false, groups) => format!("{}, {groups} groups", rule.name()),
                (true, 1) => format!("{}, transposed", rule.name()),
                (true, groups) => format!("{}, transposed, {groups} groups", rule.name()),
            },
            Assigned::Flat(rule) => rule.name().into(),
            Assigned::Bias(rule) => rule.name().into(),
            Assigned::Hint(hint) => hint.words(),
            Assigned::Stays => "stays".into(),
        };
        let std_drawn = std(var.as_tensor())?;
        if !std_drawn.is_finite() {
            warnings.push(format!("`{name}` holds values that are not finite"));
        }
        let (fan_in, std_wanted) = (described.fan_in, described.std);
        rows.push(TableRow { name: name.clone(), shape: shape.to_vec(), fan_in, rule, std_wanted, std_drawn });
    }
    Ok(Table { rows, warnings })
}

/// Standard deviation in `f64`, by the mean first, so that a constant has none.
fn std(tensor: &Tensor) -> candle_core::Result<f64> {
    let values = tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Ok((values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["parameter", "shape", "fan_in", "rule", "std wanted", "drawn"].map(String::from);
        let text = |x: Option<f64>| x.map_or_else(|| "–".into(), number);
        let lines = self.rows.iter().map(|row| {
            let sizes: Vec<String> = row.shape.iter().map(ToString::to_string).collect();
            let fan_in = row.fan_in.map_or_else(|| "–".into(), |fan_in| fan_in.to_string());
            let shape = if sizes.is_empty() { "scalar".into() } else { sizes.join("×") };
            [row.name.clone(), shape, fan_in, row.rule.clone(), text(row.std_wanted), number(row.std_drawn)]
        });
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(lines).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for line in &lines {
            let [name, shape, fan_in, rule, wanted, drawn] = line;
            let [a, b, c, d, e, g] = widths;
            writeln!(f, "{name:<a$}  {shape:<b$}  {fan_in:>c$}  {rule:<d$}  {wanted:>e$}  {drawn:>g$}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
