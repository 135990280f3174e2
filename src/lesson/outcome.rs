//! All results of the lesson with their verdicts.

use serde::Serialize;

use super::notes::note;
use super::reference::Reference;
use super::replay::Samples;
use super::theory::Theory;
use super::verdict::{Row, compare};

/// A result of the lesson and its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The result.
    pub id: String,
    /// Its notebook.
    pub notebook: String,
    /// The computation, in words.
    pub setup: String,
    /// Why lesson and theory differ, or what to know beside the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// Its numbers; none if it was not replayed.
    pub numbers: Vec<Row>,
}

impl Outcome {
    /// True if all numbers are inside.
    pub fn inside(&self) -> bool {
        self.numbers.iter().all(|row| row.inside)
    }

    /// True if any of its numbers was replayed.
    pub fn replayed(&self) -> bool {
        !self.numbers.is_empty()
    }
}

/// All results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Results, in the order of the notebooks.
    pub results: Vec<Outcome>,
}

impl Report {
    /// Results of which every replayed number is inside.
    pub fn inside(&self) -> usize {
        self.results.iter().filter(|outcome| outcome.replayed() && outcome.inside()).count()
    }

    /// Names of the results with a number that is not.
    pub fn outside(&self) -> Vec<&str> {
        self.results.iter().filter(|outcome| !outcome.inside()).map(|outcome| outcome.id.as_str()).collect()
    }

    /// Names of the results of which nothing was replayed.
    pub fn not_run(&self) -> Vec<&str> {
        self.results.iter().filter(|outcome| !outcome.replayed()).map(|outcome| outcome.id.as_str()).collect()
    }
}

/// Compares `references` with what was drawn; numbers without a sample are left out.
pub fn report(references: &[Reference], samples: &Samples, theory: &Theory) -> Report {
    let outcome = |reference: &Reference| {
        let numbers = reference.printed.iter().filter_map(|printed| {
            let sample = samples.get(&printed.name)?;
            Some(compare(printed, sample, theory.of(&printed.name)))
        });
        Outcome {
            id: reference.id.clone(),
            notebook: reference.notebook.clone(),
            setup: reference.setup.clone(),
            note: note(&reference.id),
            numbers: numbers.collect(),
        }
    };
    Report { results: references.iter().map(outcome).collect() }
}
