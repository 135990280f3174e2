//! What came out, arm by arm: the study's verdicts.

use crate::report::page::{Block, Section, Table};
use crate::report::study::{POINTS, Study, point_name};
use crate::report::text::number;
use crate::study::comparison::{Bound, Ratio};

impl Study<'_> {
    pub(super) fn verdicts(&self, points: &[Vec<String>]) -> Section {
        let mut section = Section::new("Verdict");
        if self.record.runs.is_empty() {
            section.text("No run of this study has ended yet.");
        }
        // A table for each point, or one for a large grid.
        let few = points.len() <= POINTS;
        for part in points.chunks(if few { 1 } else { points.len() }) {
            let caption = if few { point_name(&self.record.axes, &part[0]) } else { String::new() };
            let pairs = part.iter().flat_map(|point| self.record.arms.iter().map(move |arm| (arm, point)));
            let rows = pairs.filter_map(|(arm, point)| self.verdict_row(arm, point, !few)).collect();
            section.blocks.push(Block::Table(Table { caption, head: self.verdict_head(!few), rows }));
            // A study with a large grid would say the same thing many times.
            let of_part = self.record.comparisons.iter().filter(|comparison| few && comparison.point == part[0]);
            section.blocks.extend(of_part.map(|comparison| Block::Text(comparison.text.clone())));
        }
        for failure in &self.record.failures {
            section.text(format!("{} could not be carried out: {}", failure.dir, failure.error));
        }
        section
    }

    /// Heads of the columns; with `places` also of the axes of the grid.
    fn verdict_head(&self, places: bool) -> Vec<String> {
        let axes = self.record.axes.iter().filter(|_| places).map(|axis| axis.name.clone());
        let rest = [
            "verdict",
            "reached",
            "median steps",
            "steps, × baseline",
            "p (Holm)",
            "accuracy",
            "diverged",
            "learning rate",
        ];
        std::iter::once("arm".into()).chain(axes).chain(rest.map(str::to_string)).collect()
    }

    fn verdict_row(&self, arm: &str, point: &[String], places: bool) -> Option<Vec<String>> {
        let summary = self.summary(arm, point)?;
        let comparison = self.comparison(arm, point);
        let dash = || "–".to_string();
        let target = summary.targets.first();
        let ratio = comparison.and_then(|comparison| comparison.targets.first()?.ratio);
        let verdict = comparison.map(|comparison| comparison.verdict.text().to_string());
        let first = std::iter::once(arm.to_string()).chain(point.iter().filter(|_| places).cloned());
        let rest = [
            verdict.unwrap_or_else(|| if arm == self.record.baseline { "baseline".into() } else { dash() }),
            target.map_or_else(dash, |target| format!("{} of {}", target.reached, summary.runs)),
            target.and_then(|target| target.median_steps).map_or_else(dash, number),
            ratio.filter(Ratio::is_tested).map_or_else(dash, |r| match r.bound {
                Bound::None => format!("{} ({} … {})", number(r.ratio), number(r.interval[0]), number(r.interval[1])),
                // A bound says nothing about the far side.
                bound => format!("{}{}", bound.words(), number(r.ratio)),
            }),
            ratio.map_or_else(dash, |r| number(r.p_holm)),
            summary.test_accuracy.map_or_else(dash, |spread| {
                let deviation = spread.std.map_or_else(String::new, |std| format!(" ± {:.2}", 100.0 * std));
                format!("{:.2}{deviation} %", 100.0 * spread.mean)
            }),
            if summary.diverged > 0 { format!("{} of {}", summary.diverged, summary.runs) } else { "0".into() },
            number(summary.learning_rate),
        ];
        Some(first.chain(rest).collect())
    }
}
