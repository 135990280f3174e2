//! The result of a study in a terminal of 80 columns: a table for each point of the grid, the soonest arm first.

use comfy_table::{CellAlignment, Table, presets};

use crate::cli::model::trimmed;
use crate::cli::sparkline::sparkline;
use crate::record::summary::Outcome;
use crate::stats::spread::{mean, median, sample_std};
use crate::study::record::{RunRecord, StudyRecord};

/// The whole output, with a heading.
pub fn text(record: &StudyRecord) -> String {
    let target = record.targets[0].text();
    let n = record.seeds.len();
    let mut text = format!(
        "{}: {} arms, {n} seed{}, on {}; steps until {target}\n",
        record.name,
        record.arms.len(),
        if n == 1 { "" } else { "s" },
        record.data.name
    );
    for point in points(record) {
        if !point.is_empty() {
            let place = record.axes.iter().zip(&point).map(|(axis, value)| format!("{} = {value}", axis.name));
            text.push_str(&format!("\n{}\n", place.collect::<Vec<_>>().join(", ")));
        }
        text.push_str(&table(record, &point));
    }
    text
}

/// The points of the grid, in the plan's order.
fn points(record: &StudyRecord) -> Vec<Vec<String>> {
    let mut points: Vec<Vec<String>> = Vec::new();
    for run in &record.runs {
        if !points.contains(&run.point) {
            points.push(run.point.clone());
        }
    }
    points
}

/// The runs of one arm at one point.
struct Row<'a> {
    arm: &'a str,
    runs: Vec<&'a RunRecord>,
}

impl Row<'_> {
    /// Steps to the first target, with the budget where it was not reached.
    fn capped(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.steps_to_target[0].unwrap_or(run.planned_steps) as f64).collect()
    }

    fn accuracies(&self) -> Vec<f64> {
        self.runs.iter().filter(|run| run.outcome == Outcome::Finished).filter_map(|run| run.test_accuracy).collect()
    }

    /// The mean of the runs' thinned loss curves.
    fn curve(&self) -> Vec<f64> {
        let longest = self.runs.iter().map(|run| run.curve.loss.len()).max().unwrap_or(0);
        let at = |i: usize| {
            let here = self.runs.iter().map(|run| run.curve.loss.get(i).copied().flatten().unwrap_or(f64::NAN));
            mean(&here.collect::<Vec<_>>())
        };
        (0..longest).map(at).collect()
    }
}

fn table(record: &StudyRecord, point: &[String]) -> String {
    let runs = |arm: &str| record.runs.iter().filter(|run| run.arm == *arm && run.point == *point).collect::<Vec<_>>();
    let rows = record.arms.iter().map(|arm| Row { arm, runs: runs(arm) });
    let mut rows: Vec<Row<'_>> = rows.filter(|row| !row.runs.is_empty()).collect();
    let order = |row: &Row<'_>| (mean(&row.capped()), -mean(&row.accuracies()));
    rows.sort_by(|a, b| order(a).0.total_cmp(&order(b).0).then(order(a).1.total_cmp(&order(b).1)));
    let finite = || rows.iter().flat_map(Row::curve).filter(|loss| loss.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0.0, f64::max));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["arm", "reached", "median", "accuracy %", "diverged", "mean loss"]);
    for row in &rows {
        let (n, times) = (row.runs.len(), row.capped());
        let reached = row.runs.iter().filter(|run| run.steps_to_target[0].is_some()).count();
        let middle = if 2 * reached > n { format!("{:.0}", median(&times)) } else { "–".into() };
        let accuracies: Vec<f64> = row.accuracies().iter().map(|x| 100.0 * x).collect();
        let spread = if accuracies.len() > 1 { format!(" ± {:.2}", sample_std(&accuracies)) } else { String::new() };
        let diverged = row.runs.iter().filter(|run| run.outcome == Outcome::Diverged).count();
        table.add_row([
            row.arm.chars().take(22).collect(),
            format!("{reached}/{n}"),
            middle,
            if accuracies.is_empty() { "–".into() } else { format!("{:.2}{spread}", mean(&accuracies)) },
            if diverged > 0 { format!("{diverged}/{n}") } else { String::new() },
            sparkline(&row.curve(), low, high, 20),
        ]);
    }
    for column in 1..5 {
        table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n", trimmed(&table))
}
