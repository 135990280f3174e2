//! Test accuracies at the end over the grid: a curve for one axis, a map for two.

use crate::inference::spread::mean;
use crate::record::summary::Outcome;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::heat::{Heat, Side, range};
use crate::report::page::Section;
use crate::report::scale::Kind;
use crate::report::study::{Study, accuracy_interval, predicted};
use crate::study::record::AxisRecord;

impl Study<'_> {
    /// Draws the test accuracies at the end over the grid: a curve for one axis, a map for two.
    pub(super) fn over_the_grid(&self) -> Section {
        let mut section = Section::new("Over the grid");
        let numbers: Vec<Option<Vec<f64>>> = self.record.axes.iter().map(|axis| axis_numbers(&axis.values)).collect();
        match (&self.record.axes[..], &numbers[..]) {
            // Rates have charts of their own.
            ([axis], [Some(values)]) if self.rates_axis().is_none() => {
                let curve = |arm: &String| {
                    let at = |(name, &x): (&String, &f64)| {
                        accuracy_interval(x, &self.accuracies(arm, std::slice::from_ref(name)))
                    };
                    let points = axis.values.iter().zip(values).map(at).collect();
                    Series::new(arm.clone(), self.style(arm), Shape::Marked, points)
                };
                section.chart(Chart {
                    title: "Test accuracy at the end".into(),
                    about: "The mean over seeds with its 95 % interval.".into(),
                    x: Axis { kind: spread_of(values), ..Axis::linear(axis.name.clone()) },
                    y: Axis::linear("accuracy"),
                    series: self.record.arms.iter().map(curve).collect(),
                    rules: Vec::new(),
                });
            }
            ([_, _], _) => {
                let mut maps: Vec<Heat> = self.record.arms.iter().map(|arm| self.map(arm)).collect();
                // The same accuracy has the same colour in every map.
                let scale = range(maps.iter().flat_map(|map| &map.values));
                maps.iter_mut().for_each(|map| map.scale = scale);
                maps.into_iter().for_each(|map| section.heat(map));
            }
            _ => {}
        }
        section
    }

    /// Accuracies at the end; a run that diverged has learnt nothing that it could keep and is left out.
    fn accuracies(&self, arm: &str, point: &[String]) -> Vec<f64> {
        self.runs(arm, point)
            .filter(|run| run.outcome == Outcome::Finished)
            .filter_map(|run| run.test_accuracy)
            .collect()
    }

    fn map(&self, arm: &str) -> Heat {
        let [x, y] = &self.record.axes[..] else { unreachable!("the caller has two axes") };
        let cell = |a: &String, b: &String| {
            let here = self.accuracies(arm, &[a.clone(), b.clone()]);
            if here.is_empty() { f64::NAN } else { mean(&here) }
        };
        let rows = y.values.iter().rev();
        let values = rows.flat_map(|b| x.values.iter().map(move |a| (a, b))).map(|(a, b)| cell(a, b)).collect();
        let side = |axis: &AxisRecord, names: Vec<String>| Side {
            label: axis.name.clone(),
            range: [0.0, axis.values.len() as f64],
            kind: Kind::Linear,
            whole: true,
            names,
        };
        let (line, why) = match self.predicted(arm) {
            Ok(line) => (Some(line), predicted::ABOUT),
            Err(why) => (None, why),
        };
        Heat {
            title: format!("Trainability: {arm}"),
            about: format!("Mean test accuracy at the end; a cell is empty where every run diverged. {why}"),
            x: side(x, x.values.clone()),
            y: side(y, y.values.iter().rev().cloned().collect()),
            columns: x.values.len(),
            values,
            label: "accuracy".into(),
            kind: Kind::Linear,
            scale: None,
            smooth: false,
            height: crate::report::draw::HEIGHT,
            line,
        }
    }
}

/// An axis' values as numbers, if all are.
fn axis_numbers(values: &[String]) -> Option<Vec<f64>> {
    values.iter().map(|value| value.trim_matches('"').parse().ok()).collect()
}

/// Values that span more than a factor of twenty are read on a logarithmic axis.
fn spread_of(values: &[f64]) -> Kind {
    let [low, high] = values.iter().fold([f64::INFINITY, 0.0f64], |[a, b], &x| [a.min(x), b.max(x)]);
    if low > 0.0 && high / low > 20.0 { Kind::Log } else { Kind::Linear }
}
