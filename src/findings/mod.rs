//! The meaning of records in the field's words: each finding is a row of [`RULES`] with its threshold and its source.
//!
//! A finding goes through here in this order: a run's records → `evidence` (the start, the course, the end, in few numbers) → every
//! rule of the table → sentences with the numbers and what to do about them. The same records give the same findings, so `run.json`,
//! the report, `index.md` and the terminal say the same.

mod course;
mod evidence;
pub(crate) mod found;
mod noise;
pub(crate) mod remedy;
pub(crate) mod rule;
mod rules;
mod start;
mod units;

pub use crate::findings::rule::{Rule, table};
pub use crate::findings::rules::RULES;

use crate::findings::evidence::Evidence;
use crate::findings::rule::sorted;
use crate::record::finding::Finding;
use crate::record::read::RunRecords;

/// Statistics of layers that the rules look at.
pub const NEEDED: [&str; 9] = [
    "pre_second_moment",
    "pre_std",
    "act_mean",
    "act_std",
    "dead",
    "grad_second_moment",
    "weight_norm",
    "weight_gradient_norm",
    "update_ratio",
];

/// Findings of a run's records: faults before warnings before notes, each in the order of the table. The records need the columns of
/// [`NEEDED`].
pub fn of_run(run: &RunRecords) -> Vec<Finding> {
    let evidence = Evidence::of(run);
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(&evidence, rule.threshold)?))).collect())
}

/// Findings as the run's summary has them; of a run that has not ended, or that an earlier version ended, as its records show.
pub fn said_of(run: &RunRecords) -> Vec<Finding> {
    match &run.summary {
        Some(summary) if !summary.findings.is_empty() => summary.findings.clone(),
        Some(_) | None => of_run(run),
    }
}
