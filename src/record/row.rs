//! A layer's statistics in one step, by name, and their table.

use std::fmt;

use crate::numerals::{number, percent};
use crate::record::layers::{LayerSeen, NUMBERS};
use crate::record::statistics::{STATISTICS, Statistic, Unit};

/// A layer in a step: the columns of `layers.csv`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Steps done before.
    pub step: u64,
    /// The layer's name.
    pub layer: String,
    numbers: [Option<f64>; NUMBERS],
}

impl Row {
    pub(crate) fn new(seen: &LayerSeen, names: &[String]) -> Self {
        let numbers = std::array::from_fn(|i| STATISTICS[i].value(&seen.observation, seen.norms));
        Self { step: seen.step, layer: names[seen.layer].clone(), numbers }
    }

    /// The statistic called `name`, as `act_std`; nothing where it was not measured or there is none of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let at = STATISTICS.iter().position(|statistic| statistic.name == name)?;
        self.numbers[at]
    }

    /// Every statistic's name and value, in the order of the columns of `layers.csv`.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        STATISTICS.iter().map(|statistic| statistic.name).zip(self.numbers)
    }
}

/// Columns of the table.
const SHOWN: [&str; 8] =
    ["act_mean", "act_std", "act_near_zero", "dead", "grad_std", "weight_norm", "weight_gradient_norm", "update_ratio"];

/// Rows of one step as a table of text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rows {
    /// A row for each layer, in the order in which the layers were first seen.
    pub rows: Vec<Row>,
    /// Layers in which values are not finite.
    pub warnings: Vec<String>,
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: Vec<String> = SHOWN.iter().map(|name| Statistic::named(name).heading("grad")).collect();
        let mut lines = vec![[vec!["layer".to_string()], head].concat()];
        for row in &self.rows {
            let cell = |name: &str| match (row.get(name), Statistic::named(name).unit) {
                (None, _) => "–".into(),
                (Some(x), Unit::Share) => percent(x),
                (Some(x), Unit::Signed | Unit::Size) => number(x),
            };
            lines.push([vec![row.layer.clone()], SHOWN.iter().map(|name| cell(name)).collect()].concat());
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..=SHOWN.len()).map(width).collect();
        for line in &lines {
            let first = widths[0];
            write!(f, "{:<first$}", line[0])?;
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
