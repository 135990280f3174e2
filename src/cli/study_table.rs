//! The result of a study in a terminal of 80 columns: for each point of the grid a table, the soonest arm first, and what
//! is to be said about each arm.

use comfy_table::{CellAlignment, Table, presets};

use crate::cli::model::trimmed;
use crate::cli::study_map;
use crate::config::error::folded;
use crate::report::terminal::{Glyphs, sparkline};
use crate::study::comparison::{ArmSummary, Comparison, Ratio};
use crate::study::record::{StudyRecord, Tuning};
use crate::study::verdict::factor;

/// Of a grid with more points than this, maps tell more than tables.
const TABLES: usize = 6;

/// The whole output, with a heading.
pub fn text(record: &StudyRecord) -> String {
    let n = record.seeds.len();
    let mut text = format!(
        "{}: {} arms, {n} seed{}, on {}; steps until {}\n",
        record.name,
        record.arms.len(),
        if n == 1 { "" } else { "s" },
        record.data.name,
        record.targets[0].text()
    );
    let points = points(record);
    if points.len() > TABLES {
        text.push_str(&study_map::text(record));
        return text + &tuning(record);
    }
    for point in points {
        if !point.is_empty() {
            let place = record.axes.iter().zip(point).map(|(axis, value)| format!("{} = {value}", axis.name));
            text.push_str(&format!("\n{}\n", place.collect::<Vec<_>>().join(", ")));
        }
        let rows = soonest_first(record, point);
        text.push_str(&table(record, &rows));
        for comparison in rows.iter().filter_map(|row| comparison(record, row)) {
            text.push_str(&format!("{}\n", folded(&comparison.text, 2)));
        }
    }
    text + &tuning(record)
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
    format!("\n{}\n", folded(&text, 2))
}

/// The points of the grid, in the plan's order.
fn points(record: &StudyRecord) -> Vec<&[String]> {
    let mut points: Vec<&[String]> = record.summaries.iter().map(|summary| summary.point.as_slice()).collect();
    points.dedup();
    points
}

/// The arms at a point, by what the verdict is about; among equals the more accurate first.
fn soonest_first<'a>(record: &'a StudyRecord, point: &[String]) -> Vec<&'a ArmSummary> {
    let mut rows: Vec<&ArmSummary> = record.summaries.iter().filter(|summary| summary.point == point).collect();
    let accuracy = |row: &ArmSummary| row.test_accuracy.map_or(f64::NEG_INFINITY, |spread| spread.mean);
    let soonest = |a: &&ArmSummary, b: &&ArmSummary| a.targets[0].mean_steps.total_cmp(&b.targets[0].mean_steps);
    rows.sort_by(|a, b| soonest(a, b).then(accuracy(b).total_cmp(&accuracy(a))));
    rows
}

fn comparison<'a>(record: &'a StudyRecord, row: &ArmSummary) -> Option<&'a Comparison> {
    record.comparisons.iter().find(|comparison| comparison.arm == row.arm && comparison.point == row.point)
}

fn table(record: &StudyRecord, rows: &[&ArmSummary]) -> String {
    let curves: Vec<Vec<f64>> =
        rows.iter().map(|row| row.curve.loss.iter().map(|loss| loss.unwrap_or(f64::NAN)).collect()).collect();
    let (low, high) = ends(&curves);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["arm", "reached", "steps", "× baseline", "accuracy %", "diverged", "loss"]);
    for (row, curve) in rows.iter().zip(&curves) {
        let ratio = comparison(record, row).and_then(|comparison| comparison.targets[0].ratio);
        // Where nobody gets there, nothing is known.
        let ratio = ratio.filter(Ratio::is_tested);
        table.add_row([
            row.arm.chars().take(18).collect(),
            format!("{}/{}", row.targets[0].reached, row.runs),
            row.targets[0].median_steps.map_or_else(|| "–".into(), |steps| format!("{steps:.0}")),
            ratio.map_or_else(String::new, |ratio| format!("{}{}", ratio.bound.sign(), factor(ratio.ratio))),
            accuracies(row),
            if row.diverged > 0 { format!("{}/{}", row.diverged, row.runs) } else { String::new() },
            sparkline(curve, low, high, 15, Glyphs::choose(false)),
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
