//! The report of `initlab lesson8` as Markdown: `docs/lesson8.md` is this.

use super::lesson8_table::{Numbers, RANGES, drawn, runs, summary};
use crate::lesson::{Outcome, Report};

/// The whole document; `command` is what makes it.
pub(crate) fn text(report: &Report, command: &str, sha256: &str) -> String {
    let mut text = format!(
        "# Lesson 8 replayed\n\nWritten by `{command}`, initlab {}, on MNIST (sum {}); not by hand.\n\n{RANGES}\n\n\
         {}",
        env!("CARGO_PKG_VERSION"),
        &sha256[..16.min(sha256.len())],
        summary(report).replace('\n', " ").trim_end(),
    );
    text.push('\n');
    let mut notebook = "";
    for outcome in report.results.iter().filter(|outcome| outcome.replayed()) {
        if outcome.notebook != notebook {
            notebook = &outcome.notebook;
            text += &format!("\n## {notebook}\n");
        }
        text += &section(outcome);
    }
    text
}

fn section(outcome: &Outcome) -> String {
    let verdict = if outcome.inside() { "inside" } else { "**outside**" };
    // A product is no emphasis.
    let setup = outcome.setup.replace('*', "\\*");
    let mut text = format!("\n### {}: {verdict}\n\n{setup}.\n\n", outcome.id);
    text +=
        "| number | lesson | ours, median | 99.9 % range | theory | draws | verdict |\n|---|--:|--:|--:|--:|--:|---|\n";
    for row in &outcome.numbers {
        let Numbers { lesson, median, low, high, theory } = Numbers::of(row);
        let verdict = if row.inside { "inside" } else { "**outside**" };
        let name = row.name.replace('_', " ");
        text += &format!("| {name} | {lesson} | {median} | {low} … {high} | {theory} | {} | {verdict} |\n", drawn(row));
    }
    for row in outcome.numbers.iter().filter(|row| !row.values.is_empty()) {
        text += &format!("\n{}, {}\n", row.name.replace('_', " "), runs(row));
    }
    outcome.note.map_or(text.clone(), |note| text + &format!("\n{note}\n"))
}
