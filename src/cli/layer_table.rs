//! Every layer of a run in a terminal of 80 columns: its start, its end, and how its deviation went in between.

use comfy_table::{CellAlignment, Table, presets};

use crate::cli::model::trimmed;
use crate::cpu::activation::Observation;
use crate::model::observe::Observed;
use crate::numerals::{four_decimals, whole_percent};
use crate::record::statistics::{AT_END, AT_START, Moments, Statistic, Unit};
use crate::report::terminal::{Glyphs, sparkline};
use crate::train::{Event, Plan};

/// Characters of a curve.
const CURVE: usize = 10;

/// Layers at the first step and at the last evaluation, and each one's deviation over time.
#[derive(Default)]
pub struct LayerTable {
    first: Option<Observed>,
    last: Option<Observed>,
    deviations: Vec<Trace>,
}

/// A curve of bounded length: when it is full, neighbours become their mean.
#[derive(Default)]
struct Trace {
    values: Vec<f64>,
    /// Values that a full entry is the mean of, as a power of two.
    per_entry: usize,
    sum: f64,
    n: usize,
}

impl Trace {
    fn push(&mut self, value: f64) {
        const FULL: usize = 16 * CURVE;
        (self.sum, self.n) = (self.sum + value, self.n + 1);
        if self.n < self.per_entry {
            return;
        }
        self.values.push(self.sum / self.n as f64);
        (self.sum, self.n) = (0.0, 0);
        if self.values.len() == FULL {
            self.values = self.values.chunks(2).map(|pair| pair.iter().sum::<f64>() / 2.0).collect();
            self.per_entry = 2 * self.per_entry.max(1);
        }
    }
}

impl LayerTable {
    /// Takes in what happens.
    pub fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Step { observed, .. } if !observed.observations.is_empty() => {
                self.deviations.resize_with(observed.observations.len(), Trace::default);
                for (trace, observation) in self.deviations.iter_mut().zip(&observed.observations) {
                    trace.push(Moments::of(&observation.activation).std);
                }
                self.first.get_or_insert_with(|| (*observed).clone());
            }
            Event::Evaluated { observed, .. } => self.last = Some((*observed).clone()),
            Event::Begin { .. } | Event::Step { .. } => {}
        }
    }

    /// The table; empty if no layer was ever looked at.
    pub fn text(&self, plan: &Plan, glyphs: Glyphs) -> String {
        let Some(first) = &self.first else { return String::new() };
        let arrow = glyphs.arrow();
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        let heading = |name: &str| Statistic::named(name).heading("grad");
        let (start, end) = (AT_START.map(heading), AT_END.map(heading));
        let header = [&["layer".into()], &start[..], &["".into()], &end[..], &["std, time".into()]].concat();
        table.set_header(header);
        for (i, observed) in plan.network.observed.iter().enumerate() {
            let mut row = vec![observed.name.clone()];
            row.extend(AT_START.map(|name| cell(name, &first.observations[i])));
            row.push(arrow.into());
            let last = self.last.as_ref().and_then(|last| last.observations.get(i));
            row.extend(AT_END.map(|name| last.map_or_else(String::new, |observation| cell(name, observation))));
            row.push(curve(&self.deviations[i].values, glyphs));
            table.add_row(row);
        }
        // One blank between columns: with two, the curves would not fit.
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 1));
        });
        for column in (1..10).filter(|&column| column != 5) {
            table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
        }
        format!(
            "activations at the first step {arrow} at the last evaluation, on all test images\n{}\n",
            trimmed(&table)
        )
    }
}

/// A layer's statistic in few characters.
fn cell(name: &str, observation: &Observation) -> String {
    let statistic = Statistic::named(name);
    let x = statistic.value(observation, None).unwrap_or(f64::NAN);
    match statistic.unit {
        Unit::Share => whole_percent(x),
        Unit::Signed | Unit::Size => four_decimals(x),
    }
}

/// A curve between its own extremes.
fn curve(values: &[f64], glyphs: Glyphs) -> String {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    sparkline(values, low, high, CURVE, glyphs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_any_length_keeps_its_shape_in_bounded_room() {
        for n in [1, 159, 160, 161, 5000, 100_000] {
            let mut trace = Trace::default();
            (0..n).for_each(|i| trace.push(f64::from(i)));
            assert!(trace.values.len() < 161, "{n}");
            assert!(trace.values.windows(2).all(|pair| pair[0] < pair[1]), "{n}");
            assert!(*trace.values.last().unwrap() > 0.97 * f64::from(n - 1) - 1.0, "{n}");
        }
    }
}
