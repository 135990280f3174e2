//! Parts of the reference on activations, rules and aims, made from their own tables.

use crate::activation::Activation;
use crate::config::choices;
use crate::config::key::{Part, Row};
use crate::init::{Aim, BiasInit, FanMode, Gain, Parameter, Slot, WeightInit};

/// A name, what it means, and its parameters.
type Entry = (&'static str, &'static str, Vec<Row>);

/// The rows of the table that an activation may be.
pub(crate) fn activations() -> Vec<Part> {
    of_entries("model.activation", &Activation::ALL.map(|phi| (phi.name(), phi.help(), of_activation(phi))))
}

/// The rows of the tables that an aim and a rule may be.
pub(crate) fn starts() -> Vec<Part> {
    let weights = WeightInit::ALL.map(|mut rule| (rule.name(), rule.help(), rule.parameters().map(of_rule).collect()));
    let biases = BiasInit::ALL.map(|mut rule| (rule.name(), rule.help(), rule.parameters().map(of_rule).collect()));
    let aims = Aim::ALL.map(|aim| (aim.name(), aim.help(), Vec::new()));
    let mut parts = of_entries("init.aim", &aims);
    parts.extend(choices::AIM_KEYS.iter().map(Part::from));
    parts.extend(of_entries("init.weight", &weights));
    parts.extend(of_entries("init.bias", &biases));
    parts
}

/// The kinds, then the parameters of each; kinds with the same parameters stand together.
fn of_entries(path: &'static str, entries: &[Entry]) -> Vec<Part> {
    let choices = entries.iter().map(|(name, help, _)| (*name, *help)).collect();
    let (form, absent, example) = ("a name".into(), "required".into(), String::new());
    let kind = Row { name: "kind", form, absent, example, help: "", choices };
    let mut parts = vec![Part { path, when: String::new(), rows: vec![kind] }];
    for (name, _, rows) in entries.iter().filter(|(_, _, rows)| !rows.is_empty()) {
        match parts.iter_mut().find(|part| part.rows == *rows) {
            Some(part) => part.when += &format!(" or \"{name}\""),
            None => parts.push(Part { path, when: format!("kind = \"{name}\""), rows: rows.clone() }),
        }
    }
    parts
}

fn of_activation(phi: Activation) -> Vec<Row> {
    let row = |(parameter, default): (crate::activation::Parameter, Option<f64>)| {
        let absent = default.map_or("else there is none".into(), |x| format!("default {x:?}"));
        parameter_row(parameter.name, parameter.range.expected(), absent, parameter.help)
    };
    phi.parameters().map(row).collect()
}

fn of_rule(Parameter { name, help, value }: Parameter<'_>) -> Row {
    let default = match &value {
        Slot::Number(x) | Slot::Size(x) | Slot::Fraction(x) => format!("{x:?}"),
        Slot::Gain(Gain::Given(x)) => format!("{x:?}"),
        Slot::Gain(Gain::Activation) => "\"activation\"".into(),
        Slot::Fan(mode) => {
            let (name, _) = FanMode::NAMES.into_iter().find(|(_, fan)| fan == *mode).expect("every fan has a name");
            format!("\"{name}\"")
        }
    };
    parameter_row(name, value.expected(), format!("default {default}"), help)
}

fn parameter_row(name: &'static str, form: &str, absent: String, help: &'static str) -> Row {
    Row { name, form: form.into(), absent, example: String::new(), help, choices: Vec::new() }
}
