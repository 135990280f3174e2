//! A rule: what it looks for, from where on it speaks, and who says so.

use crate::findings::found::Found;
use crate::record::finding::{Finding, Severity};

/// A rule; `F` looks for it and gets the threshold.
pub struct Rule<F> {
    /// Its name, in records.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Beyond this it speaks.
    pub threshold: f64,
    /// The quantity that the threshold is of.
    pub measure: &'static str,
    /// Where the threshold comes from.
    pub source: &'static str,
    /// Looks for it.
    pub(crate) find: F,
}

impl<F> Rule<F> {
    /// Makes a finding of the rule's words, under its name.
    pub(crate) fn finding(&self, found: Found) -> Finding {
        Finding { rule: self.name.into(), severity: self.severity, text: found.text, advice: found.advice }
    }

    /// Its line in a table of Markdown.
    fn line(&self) -> String {
        let Self { name, severity, threshold, measure, source, .. } = self;
        format!("| `{name}` | {} | {threshold} | {measure} | {source} |\n", severity.name())
    }
}

/// A table of rules as Markdown, as docs/findings.md has it.
pub fn table<F>(rules: &[Rule<F>]) -> String {
    let head = "| rule | severity | threshold | of what | source |\n|---|---|---|---|---|\n";
    rules.iter().fold(head.into(), |text, rule| text + &rule.line())
}

/// Faults before warnings before notes, each in the order in which they were found.
pub(crate) fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.severity);
    findings
}
