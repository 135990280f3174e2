//! A study over a grid as maps: for each arm the steps to the target, by the last axis across and the others down.

use comfy_table::{CellAlignment, Table, presets};

use crate::cli::model::trimmed;
use crate::config::error::folded;
use crate::report::text::visible;
use crate::study::comparison::ArmSummary;
use crate::study::record::StudyRecord;

/// A map for each arm, and what its marks mean.
pub fn text(record: &StudyRecord) -> String {
    let mut text = String::new();
    let mut predicted = false;
    for arm in &record.arms {
        text.push_str(&format!("\n{}: median steps to {}\n", visible(arm), record.targets[0].text()));
        text.push_str(&map(record, arm));
        predicted |= record.summaries.iter().any(|summary| summary.arm == *arm && beyond(summary));
    }
    text.push_str("\n– half of the runs or more did not reach it\n");
    if predicted {
        let legend = "* deeper than the start is expected to train: its gradient explodes or vanishes";
        text.push_str(&format!("{}\n", folded(legend, 2)));
    }
    text
}

fn map(record: &StudyRecord, arm: &str) -> String {
    let Some((across, down)) = record.axes.split_last() else { return String::new() };
    let mut rows: Vec<&[String]> = Vec::new();
    for summary in record.summaries.iter().filter(|summary| summary.arm == arm) {
        let row = &summary.point[..down.len()];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let corner = down.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>().join(" ");
    let values: Vec<String> = across.values.iter().map(|value| visible(value)).collect();
    table.set_header([vec![visible(&format!("{corner} \\ {}", across.name))], values].concat());
    for row in rows {
        let cell = |value: &String| {
            let here = |s: &&ArmSummary| s.arm == arm && s.point[..down.len()] == *row && s.point.last() == Some(value);
            record.summaries.iter().find(here).map_or_else(String::new, steps)
        };
        table.add_row([vec![visible(&row.join(" "))], across.values.iter().map(cell).collect()].concat());
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in 1..=across.values.len() {
        table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", trimmed(&table))
}

fn steps(summary: &ArmSummary) -> String {
    let steps = summary.targets[0].median_steps.map_or_else(|| "–".into(), |steps| format!("{steps:.0}"));
    if beyond(summary) { format!("{steps}*") } else { format!("{steps} ") }
}

/// True if the network is deeper than theory expects to train.
fn beyond(summary: &ArmSummary) -> bool {
    let predicted = summary.predicted_depth;
    predicted.is_some_and(|predicted| predicted.trainable.is_some_and(|depth| predicted.depth as f64 > depth))
}
