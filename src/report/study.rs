//! The page of a study: the verdict first, then what it rests on.

mod curves;
mod grid;
mod origin;
mod predicted;
mod profile;
mod rates;
mod starts;
mod verdict;

pub use verdict::tables;

use std::path::Path;

use crate::inference::spread::{mean, sample_std};
use crate::inference::student::two_sided_quantile;
use crate::record::RecordError;
use crate::report::page::Page;
use crate::report::palette::Style;
use crate::report::thin::Point;
use crate::study::comparison::ArmSummary;
use crate::study::record::{AxisRecord, RunRecord, StudyRecord};

/// Points of a grid up to which each has curves of its own.
const POINTS: usize = 4;
/// Points up to which the curves of one can be chosen; more make a page that no browser likes.
const CHOICES: usize = 100;

/// A study and the directory in which its runs lie.
struct Study<'a> {
    record: &'a StudyRecord,
    dir: &'a Path,
}

/// The page of the study in `dir`.
///
/// # Errors
/// The records of a run are damaged; a run without records is left out of the curves that need them.
pub fn page(record: &StudyRecord, dir: &Path) -> Result<Page, RecordError> {
    let study = Study { record, dir };
    let points: Vec<Vec<String>> = record.points().into_iter().map(<[String]>::to_vec).collect();
    let mut sections = vec![study.verdicts(&points), study.pairs(), study.seeds_needed()];
    if points.len() <= POINTS {
        for point in &points {
            sections.push(study.curves(point)?);
        }
    } else if points.len() <= CHOICES {
        sections.push(study.curves_by_choice(&points)?);
    }
    sections.push(study.over_the_grid());
    sections.push(study.learning_rates());
    if let Some(point) = points.first() {
        sections.extend(study.starts(point)?);
    }
    sections.push(study.origin());
    sections.retain(|section| !section.blocks.is_empty());
    let n = record.seeds.len();
    let lead = format!(
        "{} arms, {n} seed{} each, {} runs on {}. Compared with {}: how soon each arm reaches {}.",
        record.arms.len(),
        if n == 1 { "" } else { "s" },
        record.runs.len(),
        record.data.name,
        record.baseline,
        record.targets.first().map_or_else(|| "its target".into(), |target| target.text())
    );
    Ok(Page { title: record.name.clone(), lead, findings: record.findings.clone(), sections })
}

/// `name = value, …` of a point on these axes; empty without any.
fn point_name<'a>(axes: impl IntoIterator<Item = &'a AxisRecord>, point: &[String]) -> String {
    let pairs = axes.into_iter().zip(point).map(|(axis, value)| format!("{} = {value}", axis.name));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A mean with its 95 % interval (Student); the mean alone for one value, a gap for none.
fn interval(x: f64, values: &[f64]) -> Point {
    let n = values.len();
    if n == 0 {
        return Point::new(x, f64::NAN);
    }
    let y = mean(values);
    let reach = if n < 2 { 0.0 } else { two_sided_quantile(0.95, n - 1) * sample_std(values) / (n as f64).sqrt() };
    Point { x, y, low: y - reach, high: y + reach }
}

/// The [`interval`] of accuracies, which lie between 0 and 1 however few there are.
fn accuracy_interval(x: f64, values: &[f64]) -> Point {
    let Point { y, low, high, .. } = interval(x, values);
    Point { x, y, low: low.clamp(0.0, 1.0), high: high.clamp(0.0, 1.0) }
}

impl Study<'_> {
    fn style(&self, arm: &str) -> Style {
        Style::Category(self.record.arms.iter().position(|name| name == arm).unwrap_or(0))
    }

    /// The runs of an arm at a point with the arm's chosen learning rate.
    fn runs<'a>(&'a self, arm: &'a str, point: &'a [String]) -> impl Iterator<Item = &'a RunRecord> {
        let chosen = self.summary(arm, point).map(|summary| summary.learning_rate);
        let fits = move |run: &&RunRecord| {
            run.arm == arm && run.point == point && chosen.is_none_or(|lr| run.learning_rate == lr)
        };
        self.record.runs.iter().filter(fits)
    }

    fn summary(&self, arm: &str, point: &[String]) -> Option<&ArmSummary> {
        self.record.summaries.iter().find(|summary| summary.arm == arm && summary.point == point)
    }
}
