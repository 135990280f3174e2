//! The axes of a study file, of its grid and of its arms: what each of their points does to a config.

use crate::config::{ConfigError, Document, Section, Value};
use crate::study::change::Change;

/// One direction of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its name in tables.
    pub name: String,
    /// Its points, as they are written.
    pub labels: Vec<String>,
}

/// An axis with what each of its points does to the config.
pub(crate) struct ReadAxis<'a> {
    /// Its name and those of its points.
    pub(crate) axis: Axis,
    /// The changes at its points.
    pub(crate) points: Points<'a>,
}

/// Changes to a config at the points of an axis.
pub(crate) enum Points<'a> {
    /// Values of one path.
    Values(String, Vec<Value<'a>>),
    /// Named changes.
    Cases(Vec<Change<'a>>),
}

impl ReadAxis<'_> {
    /// Makes the change of the point `at`.
    pub(crate) fn apply(&self, at: usize, document: &mut Document) -> Result<(), ConfigError> {
        match &self.points {
            Points::Values(path, values) => document.put(path, &values[at]),
            Points::Cases(changes) => changes[at].apply(document),
        }
    }
}

/// Every `[[grid]]` of a study, or every `[[axis]]`, as `key` has it.
pub(crate) fn read_axes<'a>(root: &Section<'a>, key: &str) -> Result<Vec<ReadAxis<'a>>, ConfigError> {
    let mut axes: Vec<ReadAxis<'_>> = Vec::new();
    for section in root.sections(key)?.unwrap_or_default() {
        let axis = match section.sections("cases")? {
            Some(cases) => read_cases(&section, cases)?,
            None => read_values(&section)?,
        };
        if axes.iter().any(|other| other.axis.name == axis.axis.name) {
            return Err(section.error("name", format!("is \"{}\", as another axis is called", axis.axis.name)));
        }
        section.finish()?;
        axes.push(axis);
    }
    Ok(axes)
}

fn read_cases<'a>(section: &Section<'a>, cases: Vec<Section<'a>>) -> Result<ReadAxis<'a>, ConfigError> {
    let name = section.required_string("name")?;
    let (mut labels, mut changes) = (Vec::new(), Vec::new());
    for case in cases {
        labels.push(case.required_string("name")?);
        changes.push(Change::read(&case)?);
        case.finish()?;
    }
    check_labels(section, "cases", &labels)?;
    Ok(ReadAxis { axis: Axis { name, labels }, points: Points::Cases(changes) })
}

fn read_values<'a>(section: &Section<'a>) -> Result<ReadAxis<'a>, ConfigError> {
    let path = section.required_string("path")?;
    let name = section.string("name")?.unwrap_or_else(|| path.clone());
    let expected = "an array of values (or `cases`, an array of named changes)";
    let value = section.value("values").ok_or_else(|| section.missing("values", expected, ""))?;
    let values = value.as_array().ok_or_else(|| value.wrong(expected))?;
    let label = |value: &Value<'_>| value.label().ok_or_else(|| value.wrong("a number, a string or a boolean"));
    let labels = values.iter().map(label).collect::<Result<Vec<_>, _>>()?;
    check_labels(section, "values", &labels)?;
    Ok(ReadAxis { axis: Axis { name, labels }, points: Points::Values(path, values) })
}

/// Checks that there are points, and no two of one name.
pub(crate) fn check_labels(section: &Section<'_>, key: &str, labels: &[String]) -> Result<(), ConfigError> {
    if labels.is_empty() {
        return Err(section.error(key, "is empty; expected at least one point"));
    }
    match (1..labels.len()).find(|&i| labels[..i].contains(&labels[i])) {
        Some(twice) => Err(section.error(key, format!("has {} twice", labels[twice]))),
        None => Ok(()),
    }
}

/// The number of points of a grid with these axes.
pub(crate) fn count(axes: &[ReadAxis<'_>]) -> usize {
    axes.iter().fold(1, |points: usize, axis| points.saturating_mul(axis.axis.labels.len()))
}

/// Every point of the grid; the last axis runs fastest. Without axes there is one point.
pub(crate) fn points(axes: &[ReadAxis<'_>]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let longer = |point: &Vec<usize>| {
            let point = point.clone();
            (0..axis.axis.labels.len()).map(move |at| [point.clone(), vec![at]].concat())
        };
        points.iter().flat_map(longer).collect()
    })
}
