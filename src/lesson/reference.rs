//! The numbers that the lesson's notebooks print, as data.

use toml::{Table, Value};

use crate::config::{ConfigError, Document, Section};

const TEXT: &str = include_str!("reference.toml");

/// One result of the lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its name here.
    pub id: String,
    /// The notebook that prints it.
    pub notebook: String,
    /// The computation, in words.
    pub setup: String,
    /// The printed numbers, by the full name that a replay gives each.
    pub printed: Vec<Printed>,
}

/// A number that the lesson printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// `relu_xavier.mean`; `lsuv_before.mean.1` for the first of a list.
    pub name: String,
    /// The number.
    pub value: f64,
    /// The kind of number.
    pub kind: Kind,
}

/// How a printed number is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Follows from the data alone.
    Exact,
    /// One random draw.
    Draw,
    /// Every draw must be below it.
    Below,
    /// Every draw must be above it.
    Above,
}

impl Printed {
    /// The name without the result's: `mean`, or `mean 1` of a list.
    pub fn short_name(&self) -> String {
        self.name.split('.').skip(1).collect::<Vec<_>>().join(" ")
    }
}

/// Every result, in the order of the notebooks.
///
/// # Panics
/// If the built-in file is broken, which a test rules out.
pub fn references() -> Vec<Reference> {
    let table: Table = TEXT.parse().expect("reference.toml is valid TOML");
    table["result"].as_array().expect("`result` is a list").iter().map(reference).collect()
}

/// Results of another draw of the lesson, from a text in the form of the built-in one: any of its results with any of their
/// numbers. `label` names the text in errors.
///
/// # Errors
/// Whatever is not understood, at its line.
pub fn read_references(label: &str, text: &str) -> Result<Vec<Reference>, ConfigError> {
    let all = references();
    let names: Vec<(&str, &Reference)> = all.iter().map(|result| (result.id.as_str(), result)).collect();
    let document = Document::parse(label, text, &[])?;
    let root = document.root();
    let mut results: Vec<Reference> = Vec::new();
    for section in root.required_sections("result")? {
        let known = section.required_choice("id", &names)?;
        if results.iter().any(|other| other.id == known.id) {
            return Err(section.error("id", format!("is \"{}\", as that of another result", known.id)));
        }
        results.push(read_reference(section, known)?);
    }
    root.finish()?;
    Ok(results)
}

fn read_reference(section: Section<'_>, known: &Reference) -> Result<Reference, ConfigError> {
    let exact = section.bool("exact")?.unwrap_or(false);
    let mut printed = Vec::new();
    for number in &known.printed {
        let mut parts = number.name.split('.').skip(1);
        let key = parts.next().expect("a number has a name of its own");
        let value = match parts.next() {
            None => section.f64(key)?,
            Some(place) => {
                let list = section.f64_list(key)?.unwrap_or_default();
                let most = known.printed.iter().filter(|other| other.name.split('.').nth(1) == Some(key)).count();
                if list.len() > most {
                    return Err(section.error(key, format!("has {} numbers; at most {most} are replayed", list.len())));
                }
                let place: usize = place.parse().expect("the numbers of a list are counted");
                list.get(place - 1).copied()
            }
        };
        let kind = match number.kind {
            Kind::Exact | Kind::Draw if exact => Kind::Exact,
            Kind::Exact | Kind::Draw => Kind::Draw,
            bound @ (Kind::Below | Kind::Above) => bound,
        };
        printed.extend(value.map(|value| Printed { value, kind, name: number.name.clone() }));
    }
    let result = Reference {
        id: known.id.clone(),
        notebook: section.string("notebook")?.unwrap_or_else(|| known.notebook.clone()),
        setup: section.string("setup")?.unwrap_or_else(|| known.setup.clone()),
        printed,
    };
    if result.printed.is_empty() {
        return Err(section.error("id", "has no number beside it; expected at least one of the lesson's"));
    }
    section.finish()?;
    Ok(result)
}

fn reference(result: &Value) -> Reference {
    let result = result.as_table().expect("a result is a table");
    let text = |key: &str| result[key].as_str().expect("a text").to_owned();
    let id = text("id");
    let exact = result.get("exact").and_then(Value::as_bool).unwrap_or(false);
    let mut printed = Vec::new();
    for (key, value) in result.iter().filter(|(key, _)| !["id", "notebook", "setup", "exact"].contains(&key.as_str())) {
        let kind = match key {
            key if key.ends_with("_below") => Kind::Below,
            key if key.ends_with("_above") => Kind::Above,
            _ if exact => Kind::Exact,
            _ => Kind::Draw,
        };
        let name = format!("{id}.{key}");
        match value.as_array() {
            Some(list) => printed.extend(list.iter().enumerate().map(|(i, value)| Printed {
                name: format!("{name}.{}", i + 1),
                value: number(value),
                kind,
            })),
            None => printed.push(Printed { name, value: number(value), kind }),
        }
    }
    Reference { notebook: text("notebook"), setup: text("setup"), id, printed }
}

fn number(value: &Value) -> f64 {
    value.as_float().or(value.as_integer().map(|n| n as f64)).expect("a printed value is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_text_read_strictly_gives_the_same() {
        assert_eq!(read_references("reference.toml", TEXT).unwrap(), references());
    }

    #[test]
    fn all_38_results_are_read_with_every_number() {
        let all = references();
        assert_eq!(all.len(), 38);
        assert!(all.iter().all(|result| !result.printed.is_empty() && !result.setup.is_empty()));
        let mut names: Vec<_> = all.iter().flat_map(|r| &r.printed).map(|p| p.name.clone()).collect();
        assert_eq!(names.len(), 110);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 110, "every name stands once");
        let kind = |name: &str| all.iter().flat_map(|r| &r.printed).find(|p| p.name == name).unwrap().kind;
        assert_eq!(kind("gains.gains.5"), Kind::Exact);
        assert_eq!(kind("relu_xavier.mean"), Kind::Draw);
        assert_eq!(kind("deep_relu_vanishes_unit.largest_below"), Kind::Below);
        assert_eq!(kind("deep_relu_kaiming.largest_above"), Kind::Above);
    }
}
