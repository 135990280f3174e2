//! What each learning rate did, where a study tried more than one.

use crate::record::summary::Outcome;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::page::Section;
use crate::report::study::{Study, interval};

impl Study<'_> {
    /// Accuracy over the learning rate, where a study tried more than one.
    pub(super) fn learning_rates(&self) -> Section {
        let mut section = Section::new("Learning rates");
        let curve = |arm: &String| {
            let runs = || self.record.runs.iter().filter(|run| run.arm == *arm);
            let mut rates: Vec<f64> = runs().map(|run| run.learning_rate).collect();
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            let at = |&rate: &f64| {
                let here = runs().filter(|run| run.learning_rate == rate && run.outcome == Outcome::Finished);
                interval(rate, &here.filter_map(|run| run.test_accuracy).collect::<Vec<_>>())
            };
            Series::new(arm.clone(), self.style(arm), Shape::Marked, rates.iter().map(at).collect())
        };
        let series: Vec<Series> = self.record.arms.iter().map(curve).collect();
        if series.iter().any(|series| series.points.len() > 1) {
            section.chart(Chart {
                title: "Test accuracy at the end, by learning rate".into(),
                about: "The mean over seeds with its 95 % interval, of the runs that did not diverge.".into(),
                x: Axis::log("learning rate"),
                y: Axis::linear("accuracy"),
                series,
                rules: Vec::new(),
            });
        }
        section
    }
}
