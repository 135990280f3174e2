//! The result of a study in a terminal of 80 columns: for each point of the grid a table, the soonest arm first, and what
//! is to be said about each arm.

use comfy_table::{CellAlignment, Table, presets};

use crate::cli::model::trimmed;
use crate::cli::study_map;
use crate::config::error::folded;
use crate::numerals::factor;
use crate::report::terminal::{Glyphs, sparkline};
use crate::report::text::{shorten, visible};
use crate::study::batches::remark;
use crate::study::comparison::ArmSummary;
use crate::study::record::{StudyRecord, Tuning};
use crate::study::sentence::told;

/// Points of a grid up to which tables are printed; maps tell more of a larger one.
const TABLES: usize = 6;

/// The whole output, with a heading.
pub fn text(record: &StudyRecord) -> String {
    let n = record.seeds.len();
    let mut text = format!(
        "{}: {} arms, {n} seed{}, on {}; steps until {}\n",
        visible(&record.name),
        record.arms.len(),
        if n == 1 { "" } else { "s" },
        visible(&record.data.name),
        record.targets[0].text()
    );
    if let Some(remark) = batches(record) {
        text.push_str(&format!("{}\n", folded(&remark, 2)));
    }
    let points = record.points();
    if points.len() > TABLES {
        text.push_str(&study_map::text(record));
        return text + &tuning(record);
    }
    for point in points {
        if !point.is_empty() {
            let place = record.axes.iter().zip(point).map(|(axis, value)| format!("{} = {value}", axis.name));
            text.push_str(&format!("\n{}\n", visible(&place.collect::<Vec<_>>().join(", "))));
        }
        let rows = record.soonest_first(point);
        text.push_str(&table(record, &rows));
        for row in rows {
            let found = record.comparison(&row.arm, &row.point).into_iter();
            let said = found.flat_map(|comparison| [&comparison.text, &comparison.at_end]).chain(&row.remarks);
            for sentence in said.filter(|sentence| !sentence.is_empty()) {
                text.push_str(&format!("{}\n", folded(&visible(sentence), 2)));
            }
        }
    }
    text + &tuning(record)
}

/// Says that runs differ in batch size, where they do.
fn batches(record: &StudyRecord) -> Option<String> {
    remark(record.runs.iter().map(|run| (run.point.as_slice(), run.batch_size)))
}

/// The learning rates that were found, and which of them may not be the best.
fn tuning(record: &StudyRecord) -> String {
    let edge = |tuning: &Tuning| if tuning.at_edge { " (the last that was tried)" } else { "" };
    let place = |tuning: &Tuning| [vec![tuning.arm.clone()], tuning.point.clone()].concat().join(" ");
    let rate = |tuning: &Tuning| format!("{} {}{}", place(tuning), tuning.best, edge(tuning));
    let rates: Vec<String> = record.tuning.iter().map(rate).collect();
    if rates.is_empty() {
        return String::new();
    }
    let text = format!("learning rates, found on the last sixth of the training images: {}", rates.join(", "));
    format!("\n{}\n", folded(&visible(&text), 2))
}

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// The table of a point; where it would be too wide, curves are shorter.
fn table(record: &StudyRecord, rows: &[&ArmSummary]) -> String {
    let fits = |table: &String| table.lines().all(|line| line.chars().count() <= COLUMNS);
    let shorter = (4..=15).rev().map(|curve| table_with(record, rows, curve));
    let mut tables = shorter.skip_while(|table| !fits(table));
    tables.next().unwrap_or_else(|| table_with(record, rows, 4))
}

/// The table with curves of so many characters.
fn table_with(record: &StudyRecord, rows: &[&ArmSummary], width: usize) -> String {
    let curves: Vec<Vec<f64>> =
        rows.iter().map(|row| row.curve.loss.iter().map(|loss| loss.unwrap_or(f64::NAN)).collect()).collect();
    let (low, high) = ends(&curves);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["arm", "reached", "steps", "× baseline", "accuracy %", "diverged", "loss"]);
    for (row, curve) in rows.iter().zip(&curves) {
        let ratio = record.comparison(&row.arm, &row.point).and_then(|comparison| told(&comparison.targets[0]));
        let lost = if row.targets[0].lost > 0 { format!(", −{}", row.targets[0].lost) } else { String::new() };
        table.add_row([
            visible(&shorten(&row.arm, 18)),
            format!("{}/{}{lost}", row.targets[0].reached, row.runs),
            row.targets[0].median_steps.map_or_else(|| "–".into(), |steps| format!("{steps:.0}")),
            ratio.map_or_else(String::new, |ratio| format!("{}{}", ratio.bound.sign(), factor(ratio.ratio))),
            accuracies(row),
            if row.diverged > 0 { format!("{}/{}", row.diverged, row.runs) } else { String::new() },
            sparkline(curve, low, high, width, Glyphs::choose(false)),
        ]);
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in 1..6 {
        table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", trimmed(&table))
}

/// The lowest value of all curves, and the highest of the curve in the middle, so that one that explodes does not make the
/// others flat.
fn ends(curves: &[Vec<f64>]) -> (f64, f64) {
    let low = curves.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let highest = |curve: &Vec<f64>| curve.iter().copied().filter(|loss| loss.is_finite()).reduce(f64::max);
    let mut highs: Vec<f64> = curves.iter().filter_map(highest).collect();
    highs.sort_by(f64::total_cmp);
    (low, highs.get(highs.len() / 2).copied().unwrap_or(low))
}

fn accuracies(row: &ArmSummary) -> String {
    let Some(spread) = row.test_accuracy else { return "–".into() };
    let std = spread.std.map_or_else(String::new, |std| format!(" ± {:.2}", 100.0 * std));
    format!("{:.2}{std}", 100.0 * spread.mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exploding_curve_does_not_set_the_scale_of_the_others() {
        let curves = [vec![2.3, 0.5], vec![1e30, f64::NAN], vec![2.4, 0.4]];
        assert_eq!(ends(&curves), (0.4, 2.4));
        assert_eq!(ends(&[vec![2.3, 0.5]]), (0.5, 2.3));
        assert_eq!(ends(&[vec![f64::NAN]]), (f64::INFINITY, f64::INFINITY));
    }
}
