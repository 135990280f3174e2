//! Values of independent implementations, for tests: `tests/reference/statistics.json`, made by the script beside it.

use serde_json::Value;

/// One case of the file.
pub(crate) struct Case(Value);

/// The cases of a kind.
pub(crate) fn reference(kind: &str) -> Vec<Case> {
    let all: Value = serde_json::from_str(include_str!("../../tests/reference/statistics.json")).unwrap();
    let cases: Vec<Case> = all[kind].as_array().unwrap().iter().cloned().map(Case).collect();
    assert!(!cases.is_empty(), "{kind}");
    cases
}

impl Case {
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or(f64::INFINITY)
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        self.0[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }
}
