//! What came out, arm by arm: the study's verdicts.

use crate::report::page::{Block, Section, Table};
use crate::report::study::{POINTS, Study, point_name};
use crate::report::text::number;

impl Study<'_> {
    pub(super) fn verdicts(&self, points: &[Vec<String>]) -> Section {
        let mut section = Section::new("Verdict");
        if self.record.runs.is_empty() {
            section.text("No run of this study has ended yet.");
        }
        for point in points {
            let rows: Vec<_> = self.record.arms.iter().filter_map(|arm| self.verdict_row(arm, point)).collect();
            let head = [
                "arm",
                "verdict",
                "reached",
                "median steps",
                "steps, × baseline",
                "p (Holm)",
                "accuracy",
                "diverged",
                "learning rate",
            ];
            let head = head.map(str::to_string).to_vec();
            section.blocks.push(Block::Table(Table { caption: point_name(self.record, point), head, rows }));
        }
        // A study with a large grid says the same thing many times.
        if points.len() <= POINTS {
            section
                .blocks
                .extend(self.record.comparisons.iter().map(|comparison| Block::Text(comparison.text.clone())));
        }
        for failure in &self.record.failures {
            section.text(format!("{} could not be carried out: {}", failure.dir, failure.error));
        }
        section
    }

    fn verdict_row(&self, arm: &str, point: &[String]) -> Option<Vec<String>> {
        let summary = self.summary(arm, point)?;
        let comparison = self.comparison(arm, point);
        let dash = || "–".to_string();
        let target = summary.targets.first();
        let ratio = comparison.and_then(|comparison| comparison.targets.first()?.ratio);
        let verdict = comparison.map(|comparison| comparison.verdict.text().to_string());
        Some(vec![
            arm.into(),
            verdict.unwrap_or_else(|| if arm == self.record.baseline { "baseline".into() } else { dash() }),
            target.map_or_else(dash, |target| format!("{} of {}", target.reached, summary.runs)),
            target.and_then(|target| target.median_steps).map_or_else(dash, number),
            ratio.map_or_else(dash, |r| {
                format!("{} ({} … {})", number(r.ratio), number(r.interval[0]), number(r.interval[1]))
            }),
            ratio.map_or_else(dash, |r| number(r.p_holm)),
            summary.test_accuracy.map_or_else(dash, |spread| {
                let deviation = spread.std.map_or_else(String::new, |std| format!(" ± {:.2}", 100.0 * std));
                format!("{:.2}{deviation} %", 100.0 * spread.mean)
            }),
            if summary.diverged > 0 { format!("{} of {}", summary.diverged, summary.runs) } else { "0".into() },
            number(summary.learning_rate),
        ])
    }
}
