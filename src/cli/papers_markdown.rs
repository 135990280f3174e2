//! The report of `initlab papers` as Markdown: `docs/papers.md` is this.

use super::papers_table::{Cells, RANGES, counted, summary, verdict};
use crate::papers::{Item, Replayed, Report};

/// The whole document; `command` is what makes it.
pub(crate) fn text(report: &Report, command: &str) -> String {
    let sum = &report.data_sha256[..16.min(report.data_sha256.len())];
    let data = if sum.is_empty() { String::new() } else { format!(", on MNIST (sum {sum})") };
    let mut text = format!(
        "# Papers replayed\n\nWritten by `{command}`, initlab {}{data}; not by hand.\n\n{RANGES}\n\n{}.\n",
        report.version,
        summary(report),
    );
    for replayed in &report.items {
        text += &section(replayed);
    }
    text
}

fn section(replayed: &Replayed) -> String {
    let item = Item::of(&replayed.name).expect("a report has known items");
    let mut text =
        format!("\n## {}: {}\n\n{}.\n\n{}\n\n{}\n", item.name, verdict(replayed), item.paper, item.result, item.how);
    for (title, words) in [("Differences", item.differs), ("Note", item.note)] {
        if !words.is_empty() {
            text += &format!("\n{title}: {words}\n");
        }
    }
    text += "\n| figure | expected | ours | 99.9 % range | of | verdict |\n|---|--:|--:|--:|--:|---|\n";
    for figure in &replayed.figures {
        let Cells { expected, ours, range, verdict } = Cells::of(figure);
        let verdict = if verdict == "outside" { "**outside**" } else { verdict };
        text += &format!("| {} | {expected} | {ours} | {range} | {} | {verdict} |\n", figure.name, counted(figure));
    }
    for figure in replayed.figures.iter().filter(|figure| !figure.place.is_empty()) {
        text += &format!("\n{}: {}.\n", figure.name, figure.place);
    }
    if let Some(table) = &replayed.table {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &format!("\n{}\n\n{}|{}\n", table.caption, line(&table.header), "---|".repeat(table.header.len()));
        table.rows.iter().for_each(|row| text += &line(row));
    }
    text
}
